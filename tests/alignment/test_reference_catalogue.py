"""A mosaic is tied to a catalogue whose stars it shows."""

import astropy.units as u
import numpy as np
import pytest

from emirimg.alignment import ReferenceCatalogue, match_catalogue, tie_to_catalogue
from emirimg.alignment.plane import common_plane, moved_wcs

from .star_fields import SCALE, zpn_wcs

SHAPE = (1024, 1024)


def field(n=60, seed=1, noise=0.05, move=(0.0, 0.0, 0.0, 0.0), strangers=20):
    """Return a WCS that is wrong by a known movement, star places and the catalogue."""
    rng = np.random.default_rng(seed)
    true = zpn_wcs([150.0, 40.0], SHAPE)
    pixels = rng.uniform(0, 1023, (n, 2))
    sky = true.wcs_pix2world(np.vstack([pixels, rng.uniform(0, 1023, (strangers, 2))]), 0)
    step = noise * SCALE / 3600 / np.array([np.cos(np.radians(40.0)), 1.0])
    sky = sky + rng.normal(size=sky.shape) * step
    wrong = moved_wcs(true, common_plane([true]), np.array(move))
    nothing = np.full(len(sky), np.nan)
    return wrong, pixels, ReferenceCatalogue("test", *sky.T, nothing, nothing), true


def error(wcs, true):
    points = np.random.default_rng(0).uniform(0, 1023, (50, 2))
    step = np.array([np.cos(np.radians(40.0)), 1.0]) * 3600 / SCALE
    return (wcs.wcs_pix2world(points, 0) - true.wcs_pix2world(points, 0)) * step


def test_a_shift_is_found():
    wrong, pixels, catalogue, true = field(move=(3.0, -2.0, 0.0, 0.0))
    tie = tie_to_catalogue(wrong, pixels, catalogue)
    np.testing.assert_allclose(tie.shift.to_value(u.arcsec), [-3, 2], atol=0.01)
    assert tie.n_stars > 50
    assert tie.rms.to_value(u.arcsec) == pytest.approx(0.05 * SCALE, rel=0.3)
    assert (tie.rotation, tie.scale) == (0, 0)
    assert np.abs(error(tie.wcs, true)).max() < 0.03


def test_rotation_and_scale_are_found_where_they_are_significant():
    wrong, pixels, catalogue, true = field(move=(3.0, -2.0, 5e-4, -2e-4))
    assert np.abs(error(wrong, true)).max() > 5
    tie = tie_to_catalogue(wrong, pixels, catalogue)
    assert tie.rotation.to_value(u.rad) == pytest.approx(-5e-4, abs=3e-5)
    assert tie.scale == pytest.approx(2e-4, abs=3e-5)
    assert np.abs(error(tie.wcs, true)).max() < 0.06


def test_few_stars_give_a_shift_only():
    wrong, pixels, catalogue, _ = field(n=6, strangers=2, move=(3.0, -2.0, 5e-4, 0.0))
    tie = tie_to_catalogue(wrong, pixels, catalogue)
    assert tie.n_stars <= 6
    assert (tie.rotation, tie.scale) == (0, 0)


def test_another_field_is_refused():
    wrong, pixels, _, _ = field()
    _, _, other, _ = field(seed=2)
    assert tie_to_catalogue(wrong, pixels, other) is None
    assert tie_to_catalogue(wrong, pixels[:2], other) is None


def test_max_shift_is_kept():
    wrong, pixels, catalogue, _ = field(move=(12.0, 0.0, 0.0, 0.0))
    assert tie_to_catalogue(wrong, pixels, catalogue) is not None
    assert tie_to_catalogue(wrong, pixels, catalogue, max_shift=5 * u.arcsec) is None


def test_matching_is_one_to_one():
    _, pixels, catalogue, true = field()
    places = true.wcs_pix2world(np.vstack([pixels, pixels[:3] + 0.5]), 0)
    star, entry = match_catalogue(places, catalogue)
    assert len(np.unique(star)) == len(star) == len(np.unique(entry))
    assert set(range(60)) >= set(star)
    nothing = match_catalogue(np.empty((0, 2)), catalogue)
    assert len(nothing[0]) == 0
