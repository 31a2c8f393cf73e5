"""Cosmic rays and holes where too few exposures overlap."""

import numpy as np
import pytest
from astropy.nddata import CCDData, VarianceUncertainty
from scipy.ndimage import binary_dilation

from emirimg import DitherReducer
from emirimg.calibration import Calibrations, LaplacianCosmicRays
from emirimg.dither.thinly_covered import flag_thinly_covered
from emirimg.simulation import Scene

NOISE = 25.0
SHAPE = (200, 180)


@pytest.fixture
def frame():
    """Stars of 2.6 pixels FWHM, three tracks and three holes."""
    rng = np.random.default_rng(5)
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]]
    stars = np.zeros(SHAPE)
    places, peaks = rng.uniform(10, 170, (30, 2)), 10 ** rng.uniform(2, 4.7, 30)
    for (cy, cx), peak in zip(places, peaks, strict=True):
        stars += peak * np.exp(-2.77 * ((y - cy) ** 2 + (x - cx) ** 2) / 2.6**2)
    variance = NOISE**2 + stars / 5
    data = stars + rng.normal(0, np.sqrt(variance))
    empty = stars < 5
    truth = np.zeros(SHAPE, int)
    places = np.argwhere(empty & (y > 5) & (x > 5) & (y < 195) & (x < 120))
    for number, (row, column) in enumerate(places[:: len(places) // 12][:12]):
        if number % 4 == 0:
            data[row, column : column + 40] += 800
            truth[row, column : column + 40] = 1
        elif number % 4 == 1:
            data[row, column] -= 700
            truth[row, column] = -1
        else:
            data[row, column] += 600
            truth[row, column] = 1
    made = CCDData(
        data.astype("f4"), unit="adu", mask=np.zeros(SHAPE, bool),
        uncertainty=VarianceUncertainty(variance.astype("f4")),
    )  # fmt: skip
    return made, truth, stars


def test_tracks_and_holes_are_flagged_and_stars_are_not(frame):
    made, truth, stars = frame
    before = made.data.copy()
    found = flag_thinly_covered(made, np.ones(SHAPE, bool), LaplacianCosmicRays())
    np.testing.assert_array_equal(made.data, before)
    assert found[(truth == 1) & (stars < 5)].mean() > 0.95
    assert found[truth == -1].all()
    away = ~binary_dilation(truth != 0, iterations=3)
    assert not found[(stars > 300) & away].any()
    assert found[truth == 0].mean() < 0.02


def test_it_does_what_a_search_of_the_whole_frame_does(frame):
    made, truth, _ = frame
    found = flag_thinly_covered(made, np.ones(SHAPE, bool), LaplacianCosmicRays())
    whole = LaplacianCosmicRays()(made)
    assert (found == whole)[truth >= 0].mean() > 0.999


def test_nothing_is_flagged_elsewhere_or_under_the_mask(frame):
    made, _, _ = frame
    thin = np.zeros(SHAPE, bool)
    thin[:, :60] = True
    everything = flag_thinly_covered(made, np.ones(SHAPE, bool), LaplacianCosmicRays())
    found = flag_thinly_covered(made, thin, LaplacianCosmicRays())
    np.testing.assert_array_equal(found, everything & thin)
    made.mask[50:120] = True
    assert not flag_thinly_covered(made, thin, LaplacianCosmicRays())[50:120].any()


@pytest.mark.filterwarnings("default::emirimg.exceptions.EmirimgWarning")
def test_a_cosmic_ray_at_the_border_stays_out_of_the_mosaic():
    scene = Scene(
        shape=(256, 256), dither_scale=0.25, n_stars=60, n_galaxies=2, brightest=2e4, n_exposures=5
    )
    exposures = [scene.exposure(index) for index in range(5)]
    masters = scene.calibrations()
    bad = np.asarray(masters.bad_pixel_mask.data, dtype=bool)
    calibrations = Calibrations(bad_pixels=bad, dark=masters.dark, flat=masters.flat)
    rays = slice(100, 150, 12)
    for exposure in exposures:
        for rim in (0, 4, -1, -5):
            exposure.data[rays, rim] += 3000
            exposure.data[rim, rays] += 3000
    options = {"calibrations": calibrations, "hidden_pixels": None}
    found = DitherReducer(**options).reduce(exposures).mosaic
    without = DitherReducer(**options, cosmic_rays=None).reduce(exposures).mosaic
    found, without = ((item.data > 500) & (item.coverage == 1) for item in (found, without))
    # Stars are bright, too.
    assert without.sum() - found.sum() > 25
