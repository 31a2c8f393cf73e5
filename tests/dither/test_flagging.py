"""Trails and persistence in the reduction as a whole."""

import weakref

import numpy as np
import pytest

from emirimg import DitherReducer
from emirimg.calibration import Calibrations, ReferenceOutliers
from emirimg.objects import SegmentationMasker
from emirimg.simulation import Scene

pytestmark = pytest.mark.filterwarnings("default::emirimg.exceptions.EmirimgWarning")

GLOW = 150.0
SHAPE = (256, 256)
BOX = slice(60, 72), slice(150, 162)


@pytest.fixture(scope="module")
def spoiled():
    """Exposures, the fourth with a trail, the second with a saturated star that persists."""
    scene = Scene(
        shape=SHAPE, dither_scale=0.25, n_stars=100, n_galaxies=3, brightest=1e5, n_exposures=6
    )
    exposures = [scene.exposure(index) for index in range(6)]
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]] - 127.5
    away = x * np.cos(0.9) + y * np.sin(0.9) - 15
    exposures[3].data += (45 * (1 + (away / 3.6) ** 2) ** -2.5).astype("f4")
    exposures[1].data[BOX] = scene.device.saturation
    for index in (2, 3):
        exposures[index].data[BOX] += np.float32(GLOW / (index - 1) ** 2)
    masters = scene.calibrations()
    bad = np.asarray(masters.bad_pixel_mask.data, dtype=bool)
    return exposures, Calibrations(bad_pixels=bad, dark=masters.dark, flat=masters.flat)


@pytest.fixture(scope="module")
def result(spoiled):
    exposures, calibrations = spoiled
    return DitherReducer(calibrations=calibrations).reduce(exposures)


def test_they_are_reported(result):
    assert [frame.trails for frame in result.frames] == [0, 0, 0, 1, 0, 0]
    assert [frame.persistent for frame in result.frames][:3] == [0, 0, 1]
    header = result.mosaic.header
    assert header["NTRAILS"] == 1
    assert header["NPERSIST"] >= 1
    assert header["OVERSERR"] > 0


@pytest.mark.parametrize(("option", "number"), [("trails", 3), ("persistence", 2)])
def test_they_are_masked(spoiled, result, option, number):
    exposures, calibrations = spoiled
    other = DitherReducer(calibrations=calibrations, **{option: None}).reduce(exposures)
    more = result.frames[number].bad_fraction - other.frames[number].bad_fraction
    assert more > {"trails": 0.01, "persistence": 0.0005}[option]
    assert (
        getattr(other.frames[number], {"trails": "trails", "persistence": "persistent"}[option])
        == 0
    )


def test_only_what_is_compared_is_kept_of_the_mosaic(spoiled):
    exposures, calibrations = spoiled
    planes, left = [], []

    def find_objects(mosaic, /):
        planes.append({name: weakref.ref(getattr(mosaic, name)) for name in ("data", "variance")})
        return SegmentationMasker()(mosaic)

    def find_outliers(frame, reference, unknown, /, **options):
        left.append({name for name, plane in planes[-1].items() if plane() is not None})
        return ReferenceOutliers()(frame, reference, unknown, **options)

    reducer = DitherReducer(
        calibrations=calibrations, objects=find_objects, outliers=find_outliers, passes=2
    )
    reducer.reduce(exposures)
    assert left == [{"data"}] * len(exposures)
