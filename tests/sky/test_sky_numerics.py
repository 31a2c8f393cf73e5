"""The compiled parts of the sky against NumPy and against known answers."""

import numpy as np
import pytest
from scipy.ndimage import convolve1d

from emirimg.simulation import Scene
from emirimg.sky._blocks import (
    interpolate_blocks,
    interpolate_edges,
    measure_blocks,
    smooth_blocks,
)
from emirimg.sky._channels import channel_offsets
from emirimg.sky._fill import fill_masked
from emirimg.sky._levels import sky_levels
from emirimg.sky._pixels import clipped_sums, robust_mean
from emirimg.sky._regions import block_edges
from emirimg.sky._starlet import smoothed
from emirimg.sky._surface import _solve, amplitude_beside_surface, fit_surface
from emirimg.sky._wavelets import fine_part, shrink
from emirimg.stack import DitherStack

MEDIAN = np.array([1, 1, 1, 1.3462, 1.1930, 1.4341, 1.2882, 1.4725, 1.3451, 1.4936])
"""Variance of the median of n normal values over that of their mean (n from 0)."""


def stack(n=9, shape=(20, 30), seed=1):
    rng = np.random.default_rng(seed)
    values = rng.normal(5, 1, (n, *shape)).astype("f4")
    values[rng.random(values.shape) < 0.05] += 20
    return values, rng.random(values.shape) < 0.3, rng.uniform(0.5, 1.5, n).astype("f4")


def twin_mean(values, mask, variance, clip, *, median):
    weight = np.where(mask, 0, 1 / variance[:, None, None])
    with np.errstate(invalid="ignore"):
        centre = np.nanmedian(np.where(mask, np.nan, values), axis=0)
        count = (~mask).sum(axis=0)
        if median:
            return centre, weight.sum(axis=0) / MEDIAN[count]
        limit = clip * np.sqrt(variance)[:, None, None]
        weight = weight * (np.abs(values - centre) <= limit)
        total = weight.sum(axis=0)
        return np.nan_to_num((weight * values).sum(axis=0) / total), total


@pytest.mark.parametrize("median", [False, True])
def test_robust_mean_equals_its_twin(median):
    values, mask, variance = stack()
    mask[:2, 0, 0] = False  # every pixel has some values
    mean, weight = robust_mean(values, mask, variance, np.float32(3), median)
    expected, total = twin_mean(values, mask, variance, 3, median=median)
    np.testing.assert_allclose(mean, expected, rtol=1e-5)
    np.testing.assert_allclose(weight, total, rtol=0.025 if median else 1e-5)


def test_robust_mean_of_nothing():
    values, mask, variance = stack()
    mask[:, 3, 4] = True
    mean, weight = robust_mean(values, mask, variance, np.float32(3), False)
    assert mean[3, 4] == weight[3, 4] == 0


def test_clipped_sums_equal_their_twin():
    values, mask, variance = stack()
    half = np.arange(9) % 2
    centre = np.full(values.shape[1:], 5, "f4")
    total, weight = clipped_sums(values, mask, variance, half, centre, np.float32(3))
    near = ~mask & (np.abs(values - 5) <= 3 * np.sqrt(variance)[:, None, None])
    single = near / variance[:, None, None]
    for h in (0, 1):
        np.testing.assert_allclose(weight[h], single[half == h].sum(axis=0), rtol=1e-5)
        expected = (single * (values - 5))[half == h].sum(axis=0)
        np.testing.assert_allclose(total[h], expected, atol=1e-4)


@pytest.mark.parametrize("step", [1, 2, 8])
@pytest.mark.parametrize("shape", [(40, 50), (9, 70), (70, 9)])
def test_smoothed_equals_scipy(step, shape):
    image = np.random.default_rng(1).normal(size=shape).astype("f4")
    kernel = np.zeros(4 * step + 1)
    kernel[::step] = np.array([1, 4, 6, 4, 1]) / 16
    expected = image
    for axis in (0, 1):
        expected = convolve1d(expected, kernel, axis=axis, mode="mirror")
    np.testing.assert_allclose(smoothed(image, step), expected, atol=1e-6)


class TestShrink:
    def planes(self, signal, seed=1):
        rng = np.random.default_rng(seed)
        shape = (256, 256)
        noise = rng.normal(size=(2, *shape)).astype("f4")
        return (signal + noise[0]).astype("f4"), noise[1], np.ones(shape, bool)

    def test_noise_is_removed(self):
        result = shrink(*self.planes(np.zeros((256, 256))), 4)
        np.testing.assert_array_equal(result.fractions, 0)
        assert result.noise == pytest.approx(1, rel=0.02)
        assert np.var(result.image) == pytest.approx(result.noise_gain, rel=0.4)
        assert result.noise_gain < 0.005

    def test_fine_signal_is_kept_in_proportion(self):
        signal = np.random.default_rng(9).normal(size=(256, 256))
        pattern, noise, valid = self.planes(signal)
        result = shrink(pattern, noise, valid, 4)
        assert result.fractions[0] == pytest.approx(0.5, abs=0.03)
        # The best that can be done with signal and noise of one size.
        assert np.var(result.image - signal) == pytest.approx(0.5, abs=0.05)

    def test_a_sharp_ring_is_not_lowered(self):
        y, x = np.mgrid[:512, :512] - 255.5
        ring = 60 * np.exp(-(((np.hypot(y, x) - 120) / 60) ** 2))
        # Noise that hides the ring from single pixels: the fine scales go.
        noise = 6 * np.random.default_rng(1).normal(size=(2, 512, 512)).astype("f4")
        pattern = (ring + noise[0]).astype("f4")
        result = shrink(pattern.copy(), noise[1], np.ones((512, 512), bool), 6)
        assert result.fractions[:2].max() < 0.1

        def blocks(image):
            return image.reshape(16, 32, 16, 32).mean(axis=(1, 3))

        error, floor = blocks(result.image - ring), blocks(pattern - ring)
        assert np.std(error) < 1.15 * np.std(floor)

    def test_strong_signal_is_kept_whole(self):
        signal = 30 * np.random.default_rng(9).normal(size=(256, 256))
        result = shrink(*self.planes(signal), 4)
        assert result.fractions.min() > 0.99
        assert result.noise_gain == pytest.approx(1, abs=0.02)

    def test_single_pixels_are_kept_when_both_halves_agree(self):
        pattern, noise, valid = self.planes(np.zeros((256, 256)))
        pattern[100, 100] += 40
        pattern[50, 50] += 40
        noise[50, 50] += 40
        result = shrink(pattern, noise, valid, 4)
        assert result.image[100, 100] > 35
        assert abs(result.image[50, 50]) < 1
        assert abs(result.image[104, 104]) < 1

    def test_claimed_error(self):
        y = np.arange(256)[:, None] / 256
        signal = 3 * np.sin(12 * y) + 0.3 * np.random.default_rng(9).normal(size=(256, 256))
        found, claimed = [], []
        for seed in range(5):
            result = shrink(*self.planes(signal, seed), 5)
            found.append(np.mean((result.image - signal) ** 2))
            claimed.append(result.noise_gain * result.noise**2 + result.lost)
        assert np.mean(found) == pytest.approx(np.mean(claimed), rel=0.35)

    def test_the_image_is_the_sum_of_what_is_kept_of_each_scale(self):
        # So small that there is no second pass.
        signal = 30 * np.random.default_rng(9).normal(size=(24, 26))
        noise = np.random.default_rng(1).normal(size=(2, 24, 26)).astype("f4")
        pattern = (signal + noise[0]).astype("f4")
        result = shrink(pattern.copy(), noise[1], np.ones(pattern.shape, bool), 2)
        assert (result.fractions > 0.9).all()
        smooth = [pattern, smoothed(pattern, 1)]
        smooth.append(smoothed(smooth[1], 2))
        waves = [smooth[0] - smooth[1], smooth[1] - smooth[2]]
        expected = smooth[2] + sum(f * w for f, w in zip(result.fractions, waves, strict=True))
        np.testing.assert_allclose(result.image, expected, atol=1e-4)

    def test_fine_part(self):
        image = np.random.default_rng(3).normal(size=(64, 64)).astype("f4")
        np.testing.assert_allclose(
            fine_part(image, np.ones(2)), image - smoothed(smoothed(image, 1), 2), atol=1e-5
        )
        assert not fine_part(image, np.zeros(2)).any()


def test_what_no_block_determines_is_zero():
    design = np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    kept = np.array([True, True, False])
    solution, chi_square = _solve(design, np.array([3.0, 5.0, 100.0]), np.full(3, 2.0), kept)
    np.testing.assert_allclose(solution, [4, 0], atol=1e-12)
    assert chi_square == pytest.approx(0.5)


class TestFill:
    def test_known_pixels_keep_their_values(self):
        image = np.random.default_rng(1).normal(size=(33, 47))
        known = np.random.default_rng(2).random(image.shape) > 0.3
        np.testing.assert_array_equal(fill_masked(image, known)[known], image[known])
        assert fill_masked(image, np.ones(image.shape, bool)) is image

    @pytest.mark.parametrize("shape", [(64, 64), (61, 90), (7, 5)])
    def test_a_constant_is_continued(self, shape):
        known = np.random.default_rng(2).random(shape) > 0.6
        filled = fill_masked(np.where(known, 3.0, 1e9), known)
        np.testing.assert_allclose(filled, 3.0)

    def test_a_tilt_is_continued(self):
        y, x = np.mgrid[:128, :128]
        truth = 100 + 0.5 * y - 0.2 * x
        known = np.ones(truth.shape, bool)
        known[40:70, 50:90] = False
        known[::17, ::13] = False
        error = fill_masked(np.where(known, truth, 0), known) - truth
        assert np.abs(error).max() < 8
        assert np.abs(error[::17, ::13]).max() < 2

    def test_nothing_known(self):
        assert not fill_masked(np.zeros((8, 8)), np.zeros((8, 8), bool)).any()


class TestBlocks:
    def test_medians_and_errors(self):
        rng = np.random.default_rng(3)
        data = rng.normal(10, 4, (96, 128)).astype("f4")
        mask = rng.random(data.shape) < 0.2
        mask[:32, :32] = True
        blocks = measure_blocks(data, mask, block_edges(data.shape, 32))
        assert blocks.median.shape == (4, 4)
        part = (slice(24, 48), slice(32, 64))
        assert blocks.median[1, 1] == pytest.approx(np.median(data[part][~mask[part]]))
        assert np.isnan(blocks.median[0, 0])
        n = (~mask[part]).sum()
        assert blocks.error[1, 1] == pytest.approx(1.2533 * 4 / np.sqrt(n), rel=0.15)

    def test_a_tilt_survives(self):
        y, x = np.mgrid[:128, :192]
        data = (5 + 0.1 * y - 0.05 * x).astype("f4")
        blocks = measure_blocks(data, None, block_edges(data.shape, 16))
        image = interpolate_blocks(blocks, smooth_blocks(blocks, 1.0))
        np.testing.assert_allclose(image, data, atol=1e-3)

    def test_one_block(self):
        blocks = measure_blocks(np.full((8, 8), 4.0), None, (np.array([0, 8]), np.array([0, 8])))
        np.testing.assert_allclose(interpolate_blocks(blocks, smooth_blocks(blocks, 1.0)), 4)


def test_surface_of_nothing_is_zero():
    data = np.zeros((64, 64), "f4")
    blocks = measure_blocks(data, np.ones(data.shape, bool), block_edges(data.shape, 8))
    surface = fit_surface(blocks, data.shape)
    assert surface.order == -1
    assert not surface().any()


def test_rows_of_a_surface():
    rng = np.random.default_rng(2)
    y, x = np.mgrid[:96, :96]
    data = (rng.normal(0, 1, (96, 96)) + 0.1 * x * (y > 47)).astype("f4")
    surface = fit_surface(measure_blocks(data, None, block_edges(data.shape, 8)), data.shape)
    assert surface.order >= 1
    np.testing.assert_array_equal(surface(slice(30, 70)), surface()[30:70])


def test_channel_offsets_are_shrunk():
    rng = np.random.default_rng(1)
    channels = [(slice(0, 64), slice(8 * i, 8 * i + 8)) for i in range(16)]
    noise = rng.normal(0, 10, (64, 128)).astype("f4")
    assert not channel_offsets(noise, None, channels).any()
    true = rng.normal(0, 1, 16)
    data = noise + np.repeat(true, 8).astype("f4")
    found = channel_offsets(data, None, channels)
    raw = np.array([np.median(data[region]) for region in channels])
    if found.any():
        assert (np.abs(found) <= np.abs(raw)).all()
    strong = channel_offsets(noise + np.repeat(20 * true, 8).astype("f4"), None, channels)
    np.testing.assert_allclose(strong, 20 * true, atol=2)


def test_a_structure_is_told_from_any_surface():
    rng = np.random.default_rng(4)
    y, x = np.mgrid[-1:1:256j, -1:1:256j]
    ring = 0.2 * np.exp(-0.5 * ((np.hypot(x - 0.1, y) - 0.6) / 0.1) ** 2)
    data = 30 * (x > 0) + 20 * x * y - 5 * (y > 0) * x**2 + 40 * ring
    data = (data + rng.normal(0, 3, data.shape)).astype(np.float32)
    edges = block_edges(data.shape, 8)
    blocks = measure_blocks(data, None, edges)
    structure = measure_blocks(1 + ring.astype(np.float32), None, edges).median
    structure[3, 3] = np.nan
    amplitude, error = amplitude_beside_surface(blocks, structure, data.shape)
    assert abs(amplitude - 40) < 4 * error
    assert 0 < error < 1
    # What a surface could be is none of it.
    plane = measure_blocks((1 + x).astype(np.float32), None, edges).median
    amplitude, error = amplitude_beside_surface(blocks, plane, data.shape)
    assert abs(amplitude) <= 5 * error
    nothing = amplitude_beside_surface(blocks, np.full_like(structure, np.nan), data.shape)
    assert nothing == (0.0, np.inf)


@pytest.mark.parametrize("n_blocks", [(1, 1), (1, 7), (40, 3)])
def test_blocks_are_interpolated_linearly_and_beyond_their_centres(n_blocks):
    rng = np.random.default_rng(8)
    edges = tuple(np.append(0, np.cumsum(rng.integers(1, 9, n))) for n in n_blocks)
    values = rng.normal(size=n_blocks)

    def along(places, values):
        pixels, centres = np.arange(places[-1]), (places[1:] + places[:-1] - 1) / 2
        if len(centres) == 1:
            return np.repeat(values, len(pixels), axis=0)
        left = np.clip(np.searchsorted(centres, pixels) - 1, 0, len(centres) - 2)
        part = ((pixels - centres[left]) / np.diff(centres)[left])[:, None]
        return values[left] * (1 - part) + values[left + 1] * part

    expected = along(edges[0], along(edges[1], values.T).T)
    np.testing.assert_allclose(interpolate_edges(edges, values), expected, atol=1e-5)


@pytest.mark.parametrize("part", [1.0, 0.02])
def test_the_level_of_a_large_frame_is_that_of_some_rows_unless_most_is_masked(part):
    rng = np.random.default_rng(9)
    frame = Scene(n_exposures=1, shape=(1100, 600), n_stars=0, n_galaxies=0).exposure(0)
    frame.data = rng.normal(1000, 20, frame.shape).astype("f4")
    frame.mask = rng.random(frame.shape) > part
    found = sky_levels(DitherStack.from_frames([frame]), None)
    rows = slice(1, None, 3) if part == 1.0 else slice(None)
    good = ~frame.mask[rows]
    assert found.n_pixels == good.sum()
    assert found.level == np.median(frame.data[rows][good].astype(float))
