"""The noise that the pixels of a frame show."""

import numpy as np
import pytest
from astropy.nddata import CCDData, VarianceUncertainty

from emirimg.calibration import LaplacianCosmicRays, assign_measured_noise, at_least_scatter

SHAPE = (256, 256)
GAIN, READ_NOISE = 5.0, 5.69


def noisy(scale=1.0, *, sky=3000.0, seed=1):
    y, x = np.indices(SHAPE)
    light = sky + 1.5 * x + 300 * np.exp(-(((np.hypot(x - 128, y - 128) - 80) / 25) ** 2))
    deviation = scale * np.sqrt(light / GAIN + READ_NOISE**2)
    return CCDData(
        (light + deviation * np.random.default_rng(seed).normal(size=SHAPE)).astype("f4"),
        unit="adu",
    )


@pytest.mark.parametrize("scale", [0.3, 0.7, 1.0])
def test_the_scale_of_the_noise_is_found(scale):
    frame = noisy(scale)
    found = assign_measured_noise(frame, GAIN, READ_NOISE).uncertainty.array[:]
    expected = scale**2 * (frame.data / GAIN + READ_NOISE**2)
    assert np.median(found / expected) == pytest.approx(1, abs=0.05)
    assert np.corrcoef(np.ravel(found), np.ravel(frame.data))[0, 1] > 0.999


def test_interpolated_frames():
    frame = noisy()
    half = CCDData((frame.data[:, 1:] + frame.data[:, :-1]) / 2, unit="adu")
    found = assign_measured_noise(half, GAIN, READ_NOISE).uncertainty.array[:]
    expected = (half.data / GAIN + READ_NOISE**2) / 2
    assert np.median(found / expected) == pytest.approx(1, abs=0.05)


def test_masked_pixels_do_not_count():
    frame = noisy()
    mask = np.random.default_rng(2).random(SHAPE) < 0.05
    expected = assign_measured_noise(frame, GAIN, READ_NOISE).uncertainty.array[:]
    frame.mask, frame.data[mask] = mask, 0
    found = assign_measured_noise(frame, GAIN, READ_NOISE).uncertainty.array[:]
    np.testing.assert_allclose(np.median(found[~mask]), np.median(expected), rtol=0.05)


def test_without_pixels_the_model_is_believed():
    frame = noisy()
    frame.mask = np.ones(SHAPE, dtype=bool)
    found = assign_measured_noise(frame, GAIN, READ_NOISE)
    np.testing.assert_allclose(
        found.uncertainty.array, frame.data / GAIN + READ_NOISE**2, rtol=1e-5
    )
    assert "1.000 times" in found.meta["HISTORY"][0]


def test_the_input_is_not_changed():
    frame = noisy()
    before = frame.data.copy()
    assign_measured_noise(frame, GAIN, READ_NOISE)
    np.testing.assert_array_equal(frame.data, before)
    assert frame.uncertainty is None
    assert not frame.meta


def test_the_response_of_pixels_is_no_cosmic_ray():
    rng = np.random.default_rng(3)
    variance = VarianceUncertainty(np.full(SHAPE, 25.0**2, dtype="f4"))
    # Without a flat: 4 per cent of a sky of 3000 ADU.
    light = rng.normal(0, 25, SHAPE) + 3000 * rng.normal(0, 0.04, SHAPE)
    light[40:200:20, 30] += 2000
    frame = CCDData(light.astype("f4"), unit="adu", uncertainty=variance)
    find = LaplacianCosmicRays()
    assert find(frame).mean() > 0.03
    judged = at_least_scatter(frame)
    assert np.median(judged.uncertainty.array) == pytest.approx(25**2 + 120**2, rel=0.05)
    assert find(judged)[40:200:20, 30].all()
    assert find(judged).mean() < 1e-3
    np.testing.assert_array_equal(frame.uncertainty.array, 25.0**2)


def test_a_variance_that_is_right_is_left_alone():
    frame = CCDData(np.random.default_rng(3).normal(0, 5, SHAPE).astype("f4"), unit="adu")
    frame.uncertainty = VarianceUncertainty(np.full(SHAPE, 25.0, dtype="f4"))
    assert at_least_scatter(frame) is frame
    frame.mask = np.ones(SHAPE, dtype=bool)
    assert at_least_scatter(frame) is frame
