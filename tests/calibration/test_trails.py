"""Trails in simulated frames."""

import numpy as np
import pytest
from astropy.nddata import CCDData, VarianceUncertainty
from scipy.ndimage import median_filter

from emirimg.calibration import Trail, TrailDetector
from emirimg.calibration._lines import Lines
from emirimg.calibration._trail_kernels import (
    bin_differences,
    line_sums,
    profile_sums,
    running_median,
)
from emirimg.calibration.trails import _CUT, _FAINT, _difference
from emirimg.exceptions import FrameError

N = 512
NOISE = 27.0
Y, X = np.mgrid[:N, :N] - (N - 1) / 2


def moffat_line(angle, distance, peak):
    """Return a trail of a FWHM of 4 pixels."""
    away = X * np.cos(angle) + Y * np.sin(angle) - distance
    return peak * NOISE * (1 + (away / 3.6) ** 2) ** -2.5


def star_field(rng, number=60):
    image = np.zeros((N, N))
    for x, y, flux in zip(
        *rng.uniform(-N / 2, N / 2, (2, number)), 10 ** rng.uniform(2, 5, number), strict=True
    ):
        image += flux / 30 * (1 + ((X - x) ** 2 + (Y - y) ** 2) / 9) ** -3
    return image


def frame_of(light, rng):
    data = (light + rng.normal(0, NOISE, (N, N))).astype("f4")
    return CCDData(
        data, unit="adu", uncertainty=VarianceUncertainty(np.full((N, N), NOISE**2, "f4"))
    )


@pytest.mark.parametrize("peak", [0.7, 2.0, 20.0, 300.0])
@pytest.mark.parametrize(("angle", "distance"), [(0.7, -100), (2.5, 140), (1.1, 30)])
def test_a_trail_is_found_and_covered(peak, angle, distance):
    rng = np.random.default_rng(int(10 * peak))
    stars, trail = star_field(rng), moffat_line(angle, distance, peak)
    # The stars of the frame are not quite those of the reference.
    (found,) = TrailDetector()(frame_of(1.03 * stars + trail, rng), stars.astype("f4"))
    mask = found.mask((N, N))
    assert trail[~mask].max() < 0.2 * NOISE
    assert mask.mean() < 0.15
    assert found.significance > 7
    away = (found.angle - angle + np.pi / 2) % np.pi - np.pi / 2
    assert abs(away) * N < 6


def test_no_pixel_needs_to_show_it():
    rng = np.random.default_rng(3)
    frame = frame_of(moffat_line(0.6, 20, 0.6), rng)
    assert frame.data.max() < 6 * NOISE
    assert len(TrailDetector()(frame, np.zeros((N, N), "f4"))) == 1


def test_two_trails():
    rng = np.random.default_rng(4)
    light = moffat_line(0.6, 20, 3) + moffat_line(2.0, -60, 1)
    found = TrailDetector()(frame_of(light, rng), np.zeros((N, N), "f4"))
    assert sorted(round(trail.angle, 1) for trail in found) == [0.6, 2.0]


@pytest.mark.parametrize("seed", range(4))
def test_there_is_none(seed):
    rng = np.random.default_rng(seed)
    stars = star_field(rng)
    assert TrailDetector()(frame_of(1.1 * stars, rng), stars.astype("f4")) == []


def spike():
    """Two spikes of a bright star, a seventh of the frame long."""
    along, across = X * np.cos(0.8) + Y * np.sin(0.8), -X * np.sin(0.8) + Y * np.cos(0.8)
    return 40 * NOISE * np.exp(-(across**2) / 4 - np.abs(along) / 18)


def galaxy():
    along, across = X * np.cos(0.3) + Y * np.sin(0.3), -X * np.sin(0.3) + Y * np.cos(0.3)
    return 30 * NOISE * np.exp(-np.abs(across) / 2 - np.abs(along) / 15)


def columns():
    return np.where(abs(X - 40.5) < 2, 3 * NOISE, 0) + np.where(Y > 100, 0.5 * NOISE, 0)


@pytest.mark.parametrize("shape", [spike, galaxy, columns])
def test_what_is_no_trail(shape):
    rng = np.random.default_rng(5)
    empty = np.zeros((N, N), "f4")
    assert TrailDetector()(frame_of(shape(), rng), empty) == []


def test_sigma_counts():
    rng = np.random.default_rng(6)
    frame = frame_of(moffat_line(0.6, 20, 0.7), rng)
    assert TrailDetector(sigma=100)(frame, np.zeros((N, N), "f4")) == []


def test_masked_pixels_do_not_count():
    rng = np.random.default_rng(7)
    trail = moffat_line(0.6, 20, 5)
    frame = frame_of(trail, rng)
    frame.mask = trail > 0.02 * NOISE
    reference = np.zeros((N, N), "f4")
    assert TrailDetector()(frame, reference) == []
    frame.mask = None
    assert TrailDetector()(frame, reference, trail > 0.02 * NOISE) == []


def test_what_is_refused():
    frame = CCDData(np.zeros((8, 8)), unit="adu")
    with pytest.raises(FrameError, match="a variance was expected"):
        TrailDetector()(frame, np.zeros((8, 8)))
    frame.uncertainty = VarianceUncertainty(np.ones((8, 8)))
    with pytest.raises(FrameError, match=r"\(8, 8\) was expected"):
        TrailDetector()(frame, np.zeros((9, 8)))


def test_mask_of_a_trail():
    mask = Trail(0.0, 2.0, 1.0, 3.0, 9.0).mask((5, 9))
    assert mask.any(axis=0).nonzero()[0].tolist() == [5, 6, 7]
    assert mask.all(axis=0).sum() == 3


def test_repr():
    assert eval(repr(TrailDetector(sigma=8))) == TrailDetector(sigma=8)


class TestKernels:
    """The compiled loops against NumPy."""

    def test_bins(self):
        rng = np.random.default_rng(8)
        data, reference = rng.normal(0, 3, (2, 20, 28)).astype("f4")
        variance = rng.uniform(1, 2, data.shape).astype("f4")
        mask = rng.uniform(size=data.shape) < 0.2
        one = [np.float32(value) for value in (0.9, 2.0, 1.5)]
        total, count = bin_differences(data, variance, mask, reference, *one, 4)
        sigma = np.sqrt(variance)
        expected = np.clip((data - 0.9 * reference) / sigma, -2, 2)
        bad = mask | (np.abs(0.9 * reference) > 1.5 * sigma)
        blocks = np.where(bad, 0, expected).reshape(5, 4, 7, 4).sum(axis=(1, 3))
        np.testing.assert_allclose(total, blocks, rtol=1e-4, atol=1e-4)
        np.testing.assert_array_equal(count, (~bad).reshape(5, 4, 7, 4).sum(axis=(1, 3)))

    def test_what_is_binned(self):
        rng = np.random.default_rng(11)
        data, reference = rng.normal(0, 3, (2, 80, 24)).astype("f4")
        variance = rng.uniform(0, 2, data.shape).astype("f4")
        variance[3, 5] = 0
        mask = rng.uniform(size=data.shape) < 0.2
        planes = data, variance, mask, reference, np.float32(0.9)
        found = _difference(*planes)
        assert found.dtype == np.float32
        total, count = bin_differences(*planes, _CUT, _FAINT, 1)
        np.testing.assert_array_equal(np.isfinite(found), count > 0)
        np.testing.assert_array_equal(np.nan_to_num(found), total)

    @pytest.mark.parametrize("shape", [(12, 17), (13, 8), (9, 9)])
    def test_lines(self, shape):
        image = np.random.default_rng(9).uniform(1, 2, shape).astype("f4")
        slopes = np.array([-1.0, -0.37, 0.0, 0.81, 1.0])
        sums = line_sums(image, slopes)
        y, x = np.mgrid[: shape[0], : shape[1]] - (np.array(shape)[:, None, None] - 1) / 2
        for k, slope in enumerate(slopes):
            u = x + np.rint(y * slope)
            place = (u + (shape[1] - 1) / 2 + shape[0] // 2).astype(int).ravel()
            assert place.min() >= 0
            expected = np.bincount(place, image.ravel(), sum(shape))
            np.testing.assert_allclose(sums[k], expected, rtol=1e-5)

    @pytest.mark.parametrize("shape", [(40, 40), (31, 44), (44, 31)])
    @pytest.mark.parametrize("angle", [0.0, 0.6, 1.1, 1.6, 2.3, 2.9])
    def test_where_a_line_is(self, shape, angle):
        y, x = np.mgrid[: shape[0], : shape[1]] - (np.array(shape)[:, None, None] - 1) / 2
        away = np.abs(x * np.cos(angle) + y * np.sin(angle) - 5)
        total = np.maximum(1 - away, 0).astype("f4")
        lines = Lines.through(total, np.ones_like(total))
        mean = np.where(lines.numbers > 20, lines.sums / np.maximum(lines.numbers, 1), 0)
        found, distance = lines.place(*np.unravel_index(mean.argmax(), mean.shape))
        away = (found - angle + np.pi / 2) % np.pi - np.pi / 2
        assert abs(away) * max(shape) < 3
        assert abs(distance * np.cos(found - angle) - 5) < 1

    @pytest.mark.parametrize("angle", [0.2, 1.4, 2.5])
    def test_profile(self, angle):
        rng = np.random.default_rng(10)
        image = rng.normal(size=(30, 40)).astype("f4")
        image[3, 5] = np.nan
        cosine, sine = np.cos(angle), np.sin(angle)
        sums, numbers = profile_sums(image, cosine, sine, 2.3, 5, 1)
        y, x = np.mgrid[:30, :40] - np.array([14.5, 19.5])[:, None, None]
        place = np.rint(x * cosine + y * sine - 2.3).astype(int) + 5
        good = (place >= 0) & (place <= 10) & np.isfinite(image)
        np.testing.assert_array_equal(numbers[0], np.bincount(place[good], minlength=11))
        np.testing.assert_allclose(
            sums[0], np.bincount(place[good], image[good], 11), rtol=1e-4, atol=1e-5
        )


@pytest.mark.parametrize("width", [3, 9, 17])
@pytest.mark.parametrize("shape", [(3, 40), (2, 5)])
def test_the_running_median_is_that_of_scipy(width, shape):
    image = np.random.default_rng(width).normal(size=shape).round(1).astype(np.float32)
    expected = median_filter(image, (1, width), mode="nearest")
    np.testing.assert_array_equal(running_median(image, width), expected)
