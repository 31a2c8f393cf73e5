"""Frames of an extended target, matched to each other, against the truth."""

import numpy as np
import pytest

from emirimg import DitherReducer
from emirimg.calibration import Calibrations
from emirimg.simulation import SCENES, ideal_stack
from emirimg.sky._blocks import measure_blocks
from emirimg.sky._regions import block_edges

pytestmark = pytest.mark.filterwarnings("default::emirimg.exceptions.EmirimgWarning")

SCENE = SCENES["galaxy"].replace(
    shape=(512, 512), dither_scale=0.5, n_exposures=16, n_stars=150, n_galaxies=10, seed=2
)


def reduce(scene, **strategies):
    frames = scene.calibrations()
    calibrations = Calibrations(
        bad_pixels=frames.bad_pixel_mask.data > 0, dark=frames.dark, flat=frames.flat
    )
    exposures = [scene.exposure(k) for k in range(scene.n_exposures)]
    return DitherReducer(calibrations=calibrations, **strategies).reduce(exposures)


def misses(result, scene):
    """Return found minus true light in blocks, as fit for a slightly wrong unit."""
    mosaic = result.mosaic
    true = ideal_stack(scene.truth, mosaic.grid).model
    bad = mosaic.mask | (mosaic.coverage < 4)
    edges = block_edges(true.shape, 32)
    found, light = (measure_blocks(plane, bad, edges).median for plane in (mosaic.data, true))
    known = np.isfinite(found)
    return found[known] - light[known], light[known]


def rms(values):
    return 1.4826 * np.median(np.abs(values - np.median(values)))


@pytest.fixture(scope="module", params=["15 arcsec", "40 arcsec"], ids=["blank", "full"])
def observed(request):
    scene = SCENE.replace(big_galaxy_radius=request.param)
    return scene, reduce(scene)


def test_no_background_of_a_single_exposure_shows(observed):
    scene, result = observed
    full = scene.big_galaxy_radius.value > 20
    assert result.sky_findings["SKYLEVBY"] == ("time" if full else "blank")
    own = [record.own_background for record in result.frames]
    assert own[0] > 15
    assert max(own[1:]) < 4
    error, light = misses(result, scene)
    faint = error[light < np.median(light)]
    assert rms(faint) < 1.2


def test_the_light_is_kept(observed):
    scene, result = observed
    error, light = misses(result, scene)
    # The mean of the levels is known as well as they can be interpolated in time.
    assert abs(np.median(error)) < 5 if scene.big_galaxy_radius.value > 20 else 1
    slope = np.polyfit(light, error, 1)[0]
    assert abs(slope) < 0.02


def test_levels_alone_leave_the_quadrants(observed):
    scene, result = observed
    error, light = misses(reduce(scene, residual=None), scene)
    better, _ = misses(result, scene)
    assert rms(error[light < np.median(light)]) > 1.5 * rms(better[light < np.median(light)])
