"""A wrong distortion is found from the places of stars, and a right one is left alone."""

import numpy as np
import pytest

from emirimg.alignment.distortion import corrected_distortion, find_distortion
from emirimg.alignment.registration import register
from emirimg.alignment.star_list import StarList

from .star_fields import SCALE, registration_errors, zpn_wcs

SHAPE = (2048, 2048)
NOISE = 0.02


def star_list(x, y):
    one = np.ones(x.size)
    return StarList(
        x, y, NOISE * one, one, one, one, one, one, one, np.zeros(x.size, int), 10.0, 1.0
    )


def keep(_wcs):
    pass


def sequence(change=keep, *, n_stars=300, n_frames=9, seed=1, dither=180):
    """Return lists of stars, headers whose distortion is changed, and true WCSs."""
    rng = np.random.default_rng(seed)
    step = SCALE / 3600 / np.array([np.cos(np.radians(40.0)), 1.0])
    true = [
        zpn_wcs([150.0, 40.0] + offset * step, SHAPE)
        for offset in rng.uniform(-dither, dither, (n_frames, 2))
    ]
    sky = true[0].wcs_pix2world(rng.uniform(-200, 2248, (n_stars, 2)), 0)
    lists, headers = [], []
    for wcs in true:
        x, y = wcs.wcs_world2pix(sky, 0).T + NOISE * rng.normal(size=(2, n_stars))
        inside = (x > 5) & (x < 2042) & (y > 5) & (y < 2042)
        lists.append(star_list(x[inside], y[inside]))
        header = wcs.deepcopy()
        header.wcs.crval = wcs.wcs.crval + 4 * rng.normal(size=2) * step
        change(header)
        header.wcs.set()
        headers.append(header)
    return lists, headers, true


def errors(lists, headers, true, found):
    """Return the rms error of registered frames, in pixels."""
    if found is not None:
        headers = [corrected_distortion(wcs, found.parameters, SHAPE) for wcs in headers]
    placed = register(lists, headers, SHAPE, max_shift=15.0, min_stars=2)
    return registration_errors(placed.wcss, true, SHAPE).std()


LIMITS = {"max_shift": 15.0, "min_stars": 2}


@pytest.mark.parametrize("options", [{}, {"n_stars": 40}, {"seed": 2, "dither": 20}])
def test_a_right_distortion_is_left_alone(options):
    lists, headers, _ = sequence(**options)
    assert find_distortion(lists, headers, SHAPE, **LIMITS) is None


def test_a_wrong_cubic_term_is_corrected():
    def change(wcs):
        wcs.wcs.set_pv([(2, 1, 1.0), (2, 3, 13824.76), (2, 5, 1755295542.4)])

    lists, headers, true = sequence(change)
    found = find_distortion(lists, headers, SHAPE, **LIMITS)
    assert found.model == "radial-3"
    assert found.after < 0.6 * found.before
    assert found.after == pytest.approx(NOISE * SCALE, rel=0.3)
    assert errors(lists, headers, true, None) > 0.2
    assert errors(lists, headers, true, found) < 0.03


def test_a_wrong_fifth_order_of_six_pixels_is_corrected():
    def change(wcs):
        wcs.wcs.set_pv([(2, 1, 1.0), (2, 3, 13824.76), (2, 5, 3491446467.0)])

    lists, headers, true = sequence(change)
    found = find_distortion(lists, headers, SHAPE, **LIMITS)
    assert found.model == "radial-5"
    assert found.parameters[1] == pytest.approx(-8.7, abs=0.3)
    assert found.largest > 5
    assert errors(lists, headers, true, None) > 0.3
    assert errors(lists, headers, true, found) < 0.02


def test_a_wrong_centre_is_corrected():
    def change(wcs):
        place = wcs.wcs.crpix + np.array([12.0, -9.0])
        wcs.wcs.crval = wcs.wcs_pix2world([place], 1)[0]
        wcs.wcs.crpix = place

    lists, headers, true = sequence(change)
    found = find_distortion(lists, headers, SHAPE, **LIMITS)
    assert found.model == "radial-5 + centre"
    np.testing.assert_allclose(found.parameters[2:], [-12, 9], atol=0.8)
    assert errors(lists, headers, true, found) < 0.02


def test_too_few_stars_change_nothing():
    def change(wcs):
        wcs.wcs.set_pv([(2, 1, 1.0), (2, 3, 13824.76), (2, 5, 1755295542.4)])

    lists, headers, _ = sequence(change, n_stars=12)
    assert find_distortion(lists, headers, SHAPE, **LIMITS) is None


def test_the_field_stays_in_its_place():
    wcs = zpn_wcs([150.0, 40.0], SHAPE)
    moved = corrected_distortion(wcs, np.array([0.0, 0.0, 10.0, -5.0]), SHAPE)
    centre = [wcs.wcs.crpix - 1]
    np.testing.assert_allclose(
        moved.wcs_pix2world(centre, 0), wcs.wcs_pix2world(centre, 0), atol=0.01 * SCALE / 3600
    )
    rim = wcs.wcs.crpix - 1 + np.array([[1024.0, 1024.0]])
    wider = corrected_distortion(wcs, np.array([2.0, 0.0, 0.0, 0.0]), SHAPE)
    shift = wider.wcs_world2pix(wcs.wcs_pix2world(rim, 0), 0) - rim
    assert np.hypot(*shift[0]) == pytest.approx(2.0, rel=0.12)
    assert shift.min() > 0


def turn_one(headers):
    """Turn the header of one frame by a milliradian about its pointing."""
    cos, sin = np.cos(1e-3), np.sin(1e-3)
    headers[0].wcs.cd = np.array([[cos, -sin], [sin, cos]]) @ headers[0].wcs.cd
    headers[0].wcs.set()


@pytest.mark.parametrize(
    ("cubic", "turn"), [(14584.8, False), (13824.76, False), (13824.76, True)]
)
def test_a_registration_that_is_there_already_changes_nothing(cubic, turn):
    def change(wcs):
        wcs.wcs.set_pv([(2, 1, 1.0), (2, 3, cubic), (2, 5, 1755295542.4)])

    lists, headers, _ = sequence(change)
    if turn:
        turn_one(headers)
    known = register(lists, headers, SHAPE, **LIMITS)
    assert known.turned or not turn
    alone = find_distortion(lists, headers, SHAPE, **LIMITS)
    found = find_distortion(lists, headers, SHAPE, found=known, **LIMITS)
    if alone is None:
        assert found is None
    else:
        np.testing.assert_array_equal(found.parameters, alone.parameters)


def test_without_rotations_a_registration_is_that_of_shifts_alone():
    lists, headers, _ = sequence()
    free = register(lists, headers, SHAPE, **LIMITS)
    rigid = register(lists, headers, SHAPE, shifts_only=True, **LIMITS)
    assert not free.turned
    np.testing.assert_array_equal(free.residuals, rigid.residuals)
    np.testing.assert_array_equal(free.numbers, rigid.numbers)
