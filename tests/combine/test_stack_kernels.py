"""The compiled kernels against plain NumPy."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from emirimg.combine import MeanCombiner
from emirimg.combine.kernels import (
    clip_by_noise,
    clip_by_scatter,
    load_kernels,
    stack_median,
    weighted_mean,
)


def stack(n, ny=5, nx=300, *, masked=0.2, seed=1):
    rng = np.random.default_rng(seed)
    values = rng.normal(10, 3, size=(n, ny, nx)).astype(np.float32)
    variance = rng.uniform(4, 16, size=values.shape).astype(np.float32)
    mask = rng.random(values.shape) < masked
    values[mask] = np.nan
    return values, variance, mask


@pytest.mark.parametrize("n", [1, 2, 3, 4, 5, 8, 13, 14, 33, 100])
def test_the_median_is_that_of_numpy(n):
    values, _, mask = stack(n)
    median = np.empty(values.shape[1:], dtype=np.float32)
    stack_median(values, mask, False, median)
    some = ~mask.all(axis=0)
    assert_allclose(median[some], np.nanmedian(values[:, some], axis=0), rtol=1e-6)
    assert np.isnan(median[~some]).all()


@pytest.mark.parametrize("n", [1, 2, 6, 7])
def test_the_lower_median_is_one_of_the_values(n):
    values, _, mask = stack(n)
    median = np.empty(values.shape[1:], dtype=np.float32)
    stack_median(values, mask, True, median)
    for y, x in np.ndindex(median.shape):
        good = np.sort(values[~mask[:, y, x], y, x])
        if good.size:
            assert median[y, x] == good[(good.size - 1) // 2]
        else:
            assert np.isnan(median[y, x])


def test_an_even_median_of_huge_values_does_not_overflow():
    values = np.full((2, 1, 1), 3e38, dtype=np.float32)
    median = np.empty((1, 1), dtype=np.float32)
    stack_median(values, np.zeros(values.shape, bool), False, median)
    assert_allclose(median, 3e38)


@pytest.mark.parametrize(("gradient", "signal"), [(0, 0), (4, 0), (0, 4), (3, 2)])
def test_the_noise_clip_is_its_definition(gradient, signal):
    values, variance, mask = stack(6, ny=4, nx=40)
    centre = np.nanmedian(np.where(mask, np.nan, values), axis=0).astype(np.float32)
    centre[2, 7] = np.nan
    factor = np.linspace(0, 0.2, 7).astype(np.float32)
    used = np.empty(mask.shape, dtype=bool)
    clip_by_noise(
        values, variance, mask, centre, factor,
        np.float32(1), np.float32(gradient), np.float32(signal), used,
    )  # fmt: skip
    padded = np.pad(centre, 1, constant_values=np.nan)
    shifted = [padded[j : j + 4, i : i + 40] for j in range(3) for i in range(3)]
    differences = np.nan_to_num(np.abs(np.array(shifted) - centre), nan=0.0)
    count = (~mask).sum(axis=0)
    spread = factor[count] * np.where(mask, 0, variance).sum(axis=0)
    tolerance = gradient * differences.max(axis=0) + signal * np.maximum(centre, 0)
    tolerance = np.maximum(tolerance - 5 * np.sqrt(spread), 0)
    limit = np.sqrt(variance + spread + tolerance**2)
    with np.errstate(invalid="ignore"):
        expected = ~mask & (np.abs(values - centre) <= limit)
    assert 0 < expected.sum() < (~mask).sum()
    assert_array_equal(used, expected)


@pytest.mark.parametrize(("low", "high"), [(3, 3), (1.5, 1.5), (1, 2), (0.3, 0.3)])
def test_the_scatter_clip_is_iterated_rejection(low, high):
    values, _, mask = stack(12, ny=3, nx=30)
    values[3, :, ::3] += 100
    used = np.empty(mask.shape, dtype=bool)
    clip_by_scatter(values, mask, low, high, used)
    expected = np.zeros_like(used)
    for y, x in np.ndindex(values.shape[1:]):
        kept = ~mask[:, y, x]
        while kept.sum() > 1:
            column = values[:, y, x].astype(float)
            mean, deviation = column[kept].mean(), column[kept].std(ddof=1)
            next_ = kept & (column >= mean - low * deviation) & (column <= mean + high * deviation)
            if next_.sum() in (0, kept.sum()):
                break
            kept = next_
        expected[:, y, x] = kept
    assert_array_equal(used, expected)


def test_the_weighted_mean_is_that_of_numpy():
    values, variance, mask = stack(7)
    weights = np.linspace(0.5, 2, 7)
    data, data_variance = np.empty((2, *values.shape[1:]), dtype=np.float32)
    weighted_mean(values, variance, ~mask, weights, data, data_variance)
    for y, x in np.ndindex(data.shape):
        good = ~mask[:, y, x]
        if not good.any():
            assert data[y, x] == data_variance[y, x] == 0
            continue
        w = weights[good] / weights[good].sum()
        assert_allclose(data[y, x], (w * values[good, y, x]).sum(), rtol=1e-5)
        assert_allclose(data_variance[y, x], (w**2 * variance[good, y, x]).sum(), rtol=1e-5)


def test_the_kernel_that_is_loaded_early_is_the_one_that_combiners_call():
    load_kernels()
    known = len(weighted_mean.signatures)
    MeanCombiner()(
        np.ones((2, 3, 4), np.float32),
        variance=np.ones((2, 3, 4), np.float32),
        mask=np.zeros((2, 3, 4), bool),
        weights=np.ones(2),
    )
    assert len(weighted_mean.signatures) == known
