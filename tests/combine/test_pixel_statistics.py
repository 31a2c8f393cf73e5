import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from emirimg.combine import (
    MeanCombiner,
    MedianCombiner,
    NoiseClipCombiner,
    SigmaClipCombiner,
    median_variance_factor,
)


def combined(combiner, values, *, variance=None, mask=None, weights=None):
    values = np.asarray(values, dtype=np.float32)
    variance = np.ones_like(values) if variance is None else variance
    mask = np.zeros(values.shape, dtype=bool) if mask is None else mask
    weights = np.ones(len(values)) if weights is None else weights
    return combiner(values, variance=variance, mask=mask, weights=weights)


def column(*values):
    """One pixel of as many images."""
    return np.array(values, dtype=np.float32).reshape(-1, 1, 1)


@pytest.mark.parametrize(
    "combiner", [MeanCombiner(), MedianCombiner(), SigmaClipCombiner(), NoiseClipCombiner()]
)
@pytest.mark.parametrize("n", [1, 2, 3, 4, 7, 14])
def test_the_variance_is_the_scatter(combiner, n):
    rng = np.random.default_rng(n)
    values = rng.normal(0, 2, size=(n, 100, 400))
    planes = combined(combiner, values, variance=np.full(values.shape, 4, dtype=np.float32))
    assert_allclose(planes.data.var() / planes.variance.mean(), 1, atol=0.03)


@pytest.mark.parametrize("combiner", [MeanCombiner(), SigmaClipCombiner(), NoiseClipCombiner()])
def test_the_variance_is_the_scatter_with_unequal_noise_weights_and_masks(combiner):
    rng = np.random.default_rng(8)
    noise = np.linspace(1, 3, 10)[:, None, None]
    values = rng.normal(0, noise, size=(10, 100, 400))
    planes = combined(
        combiner,
        values,
        variance=np.broadcast_to(noise**2, values.shape).astype(np.float32),
        mask=rng.random(values.shape) < 0.1,
        weights=noise.ravel() ** -2,
    )
    assert_allclose(np.mean(planes.data**2 / planes.variance), 1, atol=0.03)


class TestMedian:
    def test_the_variance_factor_is_that_of_order_statistics(self):
        # Integrals over the densities of the middle order statistics.
        exact = {1: 1.0, 2: 1.0, 3: 1.34601, 4: 1.1928, 5: 1.43417, 6: 1.28847, 7: 1.47313}
        exact |= {8: 1.34547, 13: 1.51839, 14: 1.43043, 20: 1.46892, 21: 1.53845}
        found = median_variance_factor(list(exact))
        assert_allclose(found, list(exact.values()), rtol=1.5e-3)
        assert_allclose(median_variance_factor(100000), np.pi / 2, rtol=1e-4)

    def test_an_image_of_weight_zero_takes_no_part(self):
        planes = combined(MedianCombiner(), column(1, 2, 90), weights=np.array([1.0, 1.0, 0.0]))
        assert planes.data[0, 0] == 1.5
        assert planes.count[0, 0] == 2


class TestSigmaClip:
    def test_an_outlier_among_many_is_rejected(self):
        rng = np.random.default_rng(0)
        values = rng.normal(size=(14, 1, 50))
        values[4] = 50
        planes = combined(SigmaClipCombiner(), values)
        assert not planes.used[4].any()

    def test_one_among_ten_never_is(self):
        values = np.zeros((10, 1, 1))
        values[3] = 1e5
        assert combined(SigmaClipCombiner(), values).used.all()

    def test_the_limits_count_each_on_its_side(self):
        values = column(*([0.0, 1.0] * 10), 60, -60)
        assert combined(SigmaClipCombiner(low=2, high=9), values).used[-2:].ravel().tolist() == [
            True,
            False,
        ]
        assert combined(SigmaClipCombiner(low=9, high=2), values).used[-2:].ravel().tolist() == [
            False,
            True,
        ]

    def test_equal_values_have_no_outliers(self):
        assert combined(SigmaClipCombiner(low=0.5, high=0.5), np.full((7, 2, 2), 0.1)).used.all()


class TestNoiseClip:
    @pytest.mark.parametrize(("n", "hit"), [(14, 3), (3, 1), (4, 0), (2, 1)])
    def test_cosmic_rays_are_rejected(self, n, hit):
        rng = np.random.default_rng(4)
        values = rng.normal(size=(n, 100, 200))
        values[hit, ::4, ::4] += 10
        planes = combined(NoiseClipCombiner(), values)
        assert planes.used[hit, ::4, ::4].mean() < (0.03 if n == 2 else 0.012)
        untouched = np.ones(values.shape, dtype=bool)
        untouched[hit, ::4, ::4] = False
        assert planes.used[untouched].mean() > 0.9995

    def test_two_of_five_are_rejected(self):
        planes = combined(NoiseClipCombiner(), column(0, 30, 0.5, -0.3, 55))
        assert planes.used.ravel().tolist() == [True, False, True, True, False]

    def test_of_two_that_disagree_the_lower_is_kept(self):
        for values in ((0.3, 20.0), (20.0, 0.3)):
            assert combined(NoiseClipCombiner(), column(*values)).data[0, 0] == np.float32(0.3)

    def test_a_star_keeps_its_core(self):
        rng = np.random.default_rng(12)
        y, x = np.mgrid[:41, :41]
        frames, truth = [], []
        for _ in range(14):
            sigma = 1.7 * rng.normal(1, 0.1)
            dx, dy = rng.normal(0, 0.1, size=2)
            radius2 = (x - 20 - dx) ** 2 + (y - 20 - dy) ** 2
            truth.append(1e6 * np.exp(-radius2 / 2 / sigma**2) / (2 * np.pi * sigma**2))
            variance = 400 + truth[-1] / 5
            frames.append((truth[-1] + rng.normal(0, np.sqrt(variance)), variance))
        values, variance = (np.array(p, dtype=np.float32) for p in zip(*frames, strict=True))
        planes = combined(NoiseClipCombiner(), values, variance=variance)
        mean = np.mean(truth, axis=0)
        core = mean > 0.3 * mean.max()
        assert planes.used[:, core].all()
        disc = (x - 20) ** 2 + (y - 20) ** 2 < 12**2
        unclipped = combined(MeanCombiner(), values, variance=variance)
        assert planes.data[disc].sum() / unclipped.data[disc].sum() > 0.999

    @pytest.mark.parametrize("option", ["gradient", "signal"])
    def test_what_protects_the_core_is_what_it_takes(self, option):
        values = np.zeros((5, 3, 3))
        values[:, 1, 1] = 1000
        values[2, 1, 1] = 1200
        kept = combined(NoiseClipCombiner(gradient=0, signal=0), values).used[2, 1, 1]
        others = {"gradient": 0.0, "signal": 0.0} | {option: 0.3}
        assert not kept
        assert combined(NoiseClipCombiner(**others), values).used[2, 1, 1]

    def test_the_threshold_counts_standard_deviations(self):
        values = column(0, 0.1, -0.1, 0.2, 5)
        assert combined(NoiseClipCombiner(threshold=6), values).used.all()
        assert combined(NoiseClipCombiner(threshold=3), values).count[0, 0] == 4

    def test_without_noise_it_refuses(self):
        values = np.zeros((3, 2, 2), dtype=np.float32)
        with pytest.raises(ValueError, match="variance of every image, but that of image 0"):
            combined(NoiseClipCombiner(), values, variance=np.zeros_like(values))


def test_weights_are_those_of_a_mean():
    planes = combined(MeanCombiner(), column(1, 4), weights=np.array([2.0, 1.0]))
    assert_allclose(planes.data, 2)
    assert_allclose(planes.variance, 5 / 9)


def test_hundreds_of_images_are_no_problem():
    rng = np.random.default_rng(1)
    values = rng.normal(5, 1, size=(300, 3, 20))
    values[17] += 30
    planes = combined(NoiseClipCombiner(), values)
    assert_array_equal(planes.used[17], False)
    assert_allclose(planes.data, 5, atol=0.3)
    assert planes.count.max() == 299
