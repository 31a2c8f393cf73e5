"""Few exposures."""

import numpy as np
import pytest

from emirimg import DitherReducer
from emirimg.calibration import Calibrations
from emirimg.simulation import Scene

pytestmark = pytest.mark.filterwarnings("ignore::emirimg.exceptions.EmirimgWarning")

SCENE = Scene(
    shape=(640, 640), dither_scale=0.25, n_stars=60, n_galaxies=0, n_exposures=2, brightest=1e5
)


def reduced(**options):
    masters = SCENE.calibrations()
    bad = np.asarray(masters.bad_pixel_mask.data, dtype=bool)
    calibrations = Calibrations(bad_pixels=bad, dark=masters.dark, flat=masters.flat)
    frames = [SCENE.exposure(index) for index in range(2)]
    return DitherReducer(calibrations=calibrations, passes=2, **options).reduce(frames)


@pytest.fixture(scope="module")
def result():
    return reduced()


def test_a_wrong_background_of_quadrants_leaves_no_ridge(result):
    data = np.where(result.mosaic.mask, np.nan, result.mosaic.data)
    across = np.nanmedian(data[60:300, 240:440], axis=0)
    assert np.abs(across - np.nanmedian(across)).max() < 12
    # It is known how much was removed.
    assert min(record.own_background for record in result.frames) > 5


def test_dead_pixels_are_found_at_the_border(result):
    mosaic = result.mosaic
    significance = mosaic.data / np.sqrt(np.where(mosaic.mask, np.inf, mosaic.variance))
    holes = np.count_nonzero(significance < -7)
    other = reduced(hidden_pixels=None).mosaic
    significance = other.data / np.sqrt(np.where(other.mask, np.inf, other.variance))
    assert holes < 10
    assert np.count_nonzero(significance < -7) > 2 * holes + 10
