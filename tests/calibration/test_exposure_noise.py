"""The variance of an exposure that follows from its calibrated values."""

import numpy as np
import pytest

from emirimg.calibration import ExposureNoise, VariancePlane

RNG = np.random.default_rng(3)
SHAPE = (90, 50)
COUNTS = RNG.uniform(-20, 5000, SHAPE).astype("f4")
DARK = RNG.uniform(0, 3, SHAPE).astype("f4")
FLAT = RNG.uniform(0.7, 1.2, SHAPE).astype("f4")
SMALL = RNG.uniform(0, 1e-4, SHAPE).astype("f4")


def plain(*, dark, flat, errors, seconds=7.0):
    """Calibrated values and their variance, straight from the raw counts."""
    noise = np.maximum(COUNTS, 0) / 2.5 + 6**2
    value = COUNTS - DARK * seconds if dark else COUNTS
    if dark and errors:
        noise = noise + SMALL * seconds**2
    if flat:
        value, noise = value / FLAT, noise / FLAT**2
        if errors:
            noise = noise + value**2 * SMALL
    return value.astype("f4"), noise


@pytest.mark.parametrize("errors", [False, True])
@pytest.mark.parametrize("flat", [False, True])
@pytest.mark.parametrize("dark", [False, True])
def test_it_is_that_of_the_raw_counts(dark, flat, errors):
    value, expected = plain(dark=dark, flat=flat, errors=errors)
    noise = ExposureNoise(
        2.5, 6.0, 7.0,
        DARK if dark else None, SMALL if dark and errors else None,
        FLAT if flat else None, SMALL if flat and errors else None,
    )  # fmt: skip
    plane = VariancePlane(value, noise)
    np.testing.assert_allclose(np.asarray(plane), expected, rtol=2e-5)
    np.testing.assert_array_equal(plane[20:31], np.asarray(plane)[20:31])
    np.testing.assert_array_equal(plane[::16], np.asarray(plane)[::16])


def test_nothing_is_known_where_the_flat_is_not():
    flat = np.array([[0, -1, np.nan, np.inf, -np.inf, 1]], "f4")
    noise = ExposureNoise(2.0, 5.0, 1.0, flat=flat)
    np.testing.assert_array_equal(noise(np.zeros((1, 6), "f4")), [[0, 0, 0, 0, 0, 25]])
