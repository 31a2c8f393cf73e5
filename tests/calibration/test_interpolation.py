"""Bad pixels replaced by the median of what surrounds them."""

import numpy as np
import pytest
from astropy.nddata import CCDData, VarianceUncertainty
from numpy.testing import assert_array_equal

from emirimg.calibration import interpolate_bad_pixels
from emirimg.exceptions import FrameError

SHAPE = (40, 50)


def frame_of(data, mask=None):
    variance = VarianceUncertainty(np.full(data.shape, 2.0, dtype="f4"))
    return CCDData(data.astype("f4"), unit="adu", mask=mask, uncertainty=variance)


def replaced(data, bad):
    """The same in plain NumPy: column by column, upwards, replaced pixels used again."""
    data, bad = data.astype("f4"), bad.copy()
    for x in range(data.shape[1]):
        for y in range(data.shape[0]):
            if bad[y, x]:
                window = (slice(max(y - 2, 0), y + 3), slice(max(x - 2, 0), x + 3))
                good = data[window][~bad[window]]
                if good.size:
                    data[y, x] = np.median(good)
                    bad[y, x] = False
    return data


@pytest.fixture
def rng():
    return np.random.default_rng(1)


@pytest.mark.parametrize("fraction", [0.01, 0.3, 0.8])
def test_it_agrees_with_its_definition(rng, fraction):
    data, bad = rng.normal(size=SHAPE), rng.random(SHAPE) < fraction
    found = interpolate_bad_pixels(frame_of(data), bad)
    assert_array_equal(found.data, replaced(data, bad))
    assert_array_equal(found.mask, bad)


def test_a_plane_stays_a_plane():
    y, x = np.indices(SHAPE)
    data = 3.0 * x + 2.0 * y
    bad = np.zeros(SHAPE, dtype=bool)
    bad[10:30:5, 10:40:5] = True
    found = interpolate_bad_pixels(frame_of(np.where(bad, 1e5, data)), bad)
    np.testing.assert_allclose(found.data, data, atol=1e-4)


def test_a_replaced_pixel_helps_its_neighbours(rng):
    data = rng.normal(size=SHAPE)
    bad = np.zeros(SHAPE, dtype=bool)
    bad[10:22, 10:22] = True  # wider than the window
    assert np.abs(interpolate_bad_pixels(frame_of(np.where(bad, 1e5, data)), bad).data).max() < 9


def test_a_pixel_without_any_neighbour_keeps_its_value():
    data = np.full((3, 3), 5.0)
    assert_array_equal(interpolate_bad_pixels(frame_of(data), np.ones((3, 3), bool)).data, data)


def test_masks_are_joined_and_the_input_is_not_changed(rng):
    data, mask, bad = rng.normal(size=SHAPE), rng.random(SHAPE) < 0.1, rng.random(SHAPE) < 0.1
    frame = frame_of(data, mask=mask)
    before = frame.data.copy(), frame.mask.copy(), bad.copy()
    found = interpolate_bad_pixels(frame, bad)
    assert_array_equal(found.mask, mask | bad)
    assert_array_equal(found.uncertainty.array, frame.uncertainty.array)
    assert found.meta["HISTORY"] == [f"emirimg: interpolated {bad.sum()} bad pixels"]
    assert_array_equal(frame.data, before[0])
    assert_array_equal(frame.mask, before[1])
    assert_array_equal(bad, before[2])
    assert not frame.meta


def test_shapes_must_agree():
    with pytest.raises(FrameError, match=r"bad_pixels has the shape \(2, 2\)"):
        interpolate_bad_pixels(frame_of(np.ones(SHAPE)), np.zeros((2, 2), bool))
