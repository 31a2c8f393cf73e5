"""Sky estimators with known truth."""

import warnings

import astropy.units as u
import numpy as np
import pytest
from dithers import H2RG, dither, smooth_shape
from pydantic import ValidationError

from emirimg.exceptions import FrameError, SkyError, SkyWarning
from emirimg.instrument import H2RG as NEW
from emirimg.sky import ConstantSky, NeighbourSky, PatternSky, SkyModel, subtract_sky
from emirimg.sky._regions import channels_of, quadrants_of

TWICE = [*range(7), *range(7)]


class TestPatternSky:
    def test_adds_hardly_any_noise_to_a_smooth_sky(self):
        truth = dither(TWICE, n_stars=30, shape=(256, 256))
        solution = PatternSky()(truth.stack, objects=truth.objects)
        pixel_noise = 24.0
        mean = NeighbourSky(n_frames=12)(truth.stack, objects=truth.objects)
        for index in (0, 5, 13):
            error = np.std(solution[index].image - truth.sky[index])
            assert error < 0.08 * pixel_noise
            assert error < 0.4 * np.std(mean[index].image - truth.sky[index])
        assert solution.signal_fractions[0] < 0.03
        assert solution.signal_fractions[-1] > 0.5
        assert solution.pattern_noise * 2800 == pytest.approx(pixel_noise / np.sqrt(14), rel=0.05)
        assert not solution.excludes_own_pointing
        assert np.median(solution.shape_image) == pytest.approx(1, abs=1e-3)

    def test_keeps_fine_structure_that_is_real(self):
        shape = (192, 192)
        fine = smooth_shape(shape) + np.random.default_rng(4).normal(0, 0.004, shape)
        # The pattern differs by 11 ADU from pixel to pixel, its mean has a noise of 6.5.
        truth = dither(TWICE, sky_shape=fine, shape=shape)
        solution = PatternSky()(truth.stack, objects=None)
        expected = 11.4**2 / (11.4**2 + 6.5**2)
        assert solution.signal_fractions[0] == pytest.approx(expected, abs=0.05)
        error = np.std(solution[3].image - truth.sky[3])
        assert error < 6.6
        assert error == pytest.approx(np.sqrt(np.mean(solution[3].variance)), rel=0.2)

    def test_excludes_own_objects_from_the_fine_part(self):
        shape = (192, 192)
        fine = smooth_shape(shape) + np.random.default_rng(4).normal(0, 0.02, shape)
        faint = np.zeros(shape)
        faint[10:190:12, 10:190:12] = 60
        truth = dither(TWICE, sky_shape=fine, shape=shape, extra={2: faint, 9: faint})
        spots = faint > 0
        lost = {}
        for limit in (0.3, 1.0):
            solution = PatternSky(exclude_own_above=limit)(truth.stack, objects=None)
            assert solution.excludes_own_pointing == (limit < 1)
            lost[limit] = np.mean((solution[2].image - truth.sky[2])[spots])
        assert lost[1.0] > 5
        assert abs(lost[0.3]) < 0.4 * lost[1.0]

    def test_wrong_quadrants_of_the_first_frames_do_not_spread(self):
        shape = (256, 256)
        wrong = np.zeros(shape)
        for region, value in zip(quadrants_of(shape), (60, -40, 20, 90), strict=True):
            wrong[region] = value
        clean = dither(TWICE, shape=shape)
        spoilt = dither(TWICE, shape=shape, extra={0: wrong, 1: 0.7 * wrong})
        for index in (1, 4, 8):
            error = PatternSky()(spoilt.stack, objects=None)[index].image - clean.sky[index]
            error -= np.median(error)
            assert np.std(error) < 2.0
            steps = [np.median(error[region]) for region in quadrants_of(shape)]
            assert np.ptp(steps) < 2.0

    def test_channels_keep_their_edges(self):
        shape = (256, 256)
        offsets = np.random.default_rng(5).normal(0, 0.006, 4)
        steps = smooth_shape(shape)
        for region, value in zip(channels_of(NEW, shape), offsets, strict=True):
            steps[region] += value
        truth = dither(TWICE, shape=shape, sky_shape=steps, date=H2RG)
        solution = PatternSky()(truth.stack, objects=None)
        error = solution[4].image - truth.sky[4]
        beside = np.abs(np.arange(256) % 64 - 32) > 29
        assert np.std(error[:, beside]) < 4

    def test_levels_do_not_depend_on_where_the_objects_are(self):
        truth = dither(range(6), shape=(256, 256))
        masks = []
        for number in range(6):
            mask = np.zeros((256, 256), bool)
            mask[:, 40 * number : 40 * number + 50] = True
            masks.append(mask)
        solution = PatternSky()(truth.stack, objects=masks)
        ratio = solution.levels / truth.levels
        np.testing.assert_allclose(ratio / ratio.mean(), 1, atol=4e-4)

    def test_pixels_that_objects_always_cover_are_interpolated(self):
        truth = dither(range(6))
        masks = [np.zeros((128, 128), bool) for _ in range(6)]
        for mask, frame in zip(masks, truth.stack, strict=True):
            mask[40:60, 70:100] = True
            frame.data[mask] += 3000
        solution = PatternSky()(truth.stack, objects=masks)
        error = solution[0].image - truth.sky[0]
        assert np.abs(error[40:60, 70:100]).max() < 0.04 * truth.levels[0]

    def test_outliers_are_clipped(self):
        hit = np.zeros((128, 128))
        hit[::9, ::7] = 5000
        truth = dither(range(7), extra={3: hit})
        solution = PatternSky()(truth.stack, objects=None)
        error = solution[0].image - truth.sky[0]
        assert np.abs(np.mean(error[hit > 0])) < 3

    def test_every_option_counts(self):
        hit = np.zeros((128, 128))
        hit[::9, ::7] = 140
        truth = dither(range(7), extra={3: hit})
        default = PatternSky()(truth.stack, objects=None)[0].image
        for other in (PatternSky(clip=20), PatternSky(n_scales=1)):
            assert np.abs(other(truth.stack, objects=None)[0].image - default).max() > 0.1

    def test_one_pointing_is_not_enough(self):
        truth = dither([0, 0, 0])
        with pytest.warns(SkyWarning, match="share one pointing"):
            skies = PatternSky()(truth.stack, objects=None)
        assert len(skies) == 3
        assert skies[1].n_used == 1

    @pytest.mark.parametrize("estimator", [PatternSky(), NeighbourSky()])
    def test_needs_a_sky(self, estimator):
        truth = dither(range(4), levels=[2800, 2800, -5, 2800], noise=False)
        truth.stack[2].data[:] = -5
        with pytest.raises(SkyError, match=r"frame 3: the sky level is -5, .* subtracted before"):
            estimator(truth.stack, objects=None)


class TestNeighbourSky:
    def test_takes_the_nearest(self):
        levels = np.full(6, 2800.0)
        odd = np.full((128, 128), 0.0)
        odd[30:90, 30:90] = 500
        truth = dither(range(6), levels=levels, extra={5: odd})
        near = NeighbourSky(n_frames=2, method="median")(truth.stack, objects=None)
        far = NeighbourSky(n_frames=1)(truth.stack, objects=None)
        assert np.abs(np.mean((near[0].image - truth.sky[0])[odd > 0])) < 3
        assert np.mean((far[4].image - truth.sky[4])[odd > 0]) == pytest.approx(0, abs=3)
        assert near[0].n_used == 2

    def test_separation_counts(self):
        truth = dither(range(6))
        counts = [s.n_used for s in NeighbourSky(max_separation=1 * u.min)(truth.stack)]
        assert counts == [1, 2, 2, 2, 2, 1]
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            NeighbourSky(max_separation=30 * u.s)(dither([0, 1]).stack)
        assert "frame 1: no other frame lies within 0.5 min" in str(caught[0].message)
        assert [w.category for w in caught] == [SkyWarning, SkyWarning]

    def test_repeats_are_left_out(self):
        truth = dither([0, 0, 1, 1])
        assert [s.n_used for s in NeighbourSky()(truth.stack)] == [2, 2, 2, 2]
        every = NeighbourSky(exclude_same_pointing=False)
        assert [s.n_used for s in every(truth.stack)] == [3, 3, 3, 3]

    def test_variance_counts_the_values_of_each_pixel(self):
        truth = dither(range(5))
        truth.stack[0].mask[10, 10] = truth.stack[1].mask[10, 10] = True
        for frame in truth.stack:
            frame.mask[20, 20] = True
        sky = NeighbourSky()(truth.stack)[4]
        typical = np.median(sky.variance)
        assert sky.variance[10, 10] == pytest.approx(2 * typical, rel=0.05)
        assert sky.variance[20, 20] == pytest.approx(4 * typical, rel=0.05)
        assert sky.image[20, 20] == pytest.approx(truth.sky[4][20, 20], abs=60)

    @pytest.mark.parametrize(("method", "factor"), [("mean", 1), ("median", 1.2882)])
    def test_noise_is_as_predicted(self, method, factor):
        truth = dither(range(7), sky_shape=np.ones((128, 128)))
        sky = NeighbourSky(n_frames=6, method=method)(truth.stack)[3]
        assert np.var(sky.image) == pytest.approx(np.mean(sky.variance), rel=0.15)
        assert np.mean(sky.variance) == pytest.approx(factor * (2800 / 5 + 32) / 6, rel=0.05)

    def test_clip_counts(self):
        hit = np.zeros((128, 128))
        hit[::9, ::7] = 2000
        truth = dither(range(6), extra={3: hit})
        errors = {}
        for clip in (3.5, 1000):
            sky = NeighbourSky(clip=clip)(truth.stack)[0]
            errors[clip] = np.mean((sky.image - truth.sky[0])[hit > 0])
        assert abs(errors[3.5]) < 3 < 100 < errors[1000]

    def test_refusals(self):
        with pytest.raises(ValidationError, match="max_separation must be positive"):
            NeighbourSky(max_separation=-1 * u.min)
        assert NeighbourSky(max_separation=600 * u.s) == NeighbourSky(max_separation=10)


class TestSubtractSky:
    def test_everything_is_handled(self):
        frame = dither([0]).stack[0]
        frame.mask[3, 3] = True
        old, old_variance = frame.data.copy(), frame.uncertainty.array.copy()
        sky = SkyModel(100.0, np.full(frame.shape, 100, "f4"), 4.0, 6)
        clean = subtract_sky(frame, sky)
        np.testing.assert_allclose(clean.data, old - 100)
        np.testing.assert_allclose(clean.uncertainty.array, old_variance + 4)
        np.testing.assert_array_equal(clean.mask, frame.mask)
        assert "level 100.00 adu, made of 6 frames" in " ".join(clean.meta["HISTORY"])
        assert "HISTORY" not in frame.meta
        np.testing.assert_array_equal(frame.data, old)
        np.testing.assert_array_equal(frame.uncertainty.array, old_variance)

    def test_without_uncertainty(self):
        frame = dither([0]).stack[0]
        frame.uncertainty = None
        (sky,) = ConstantSky()(dither([0]).stack)
        assert subtract_sky(frame, sky).uncertainty is None

    def test_refuses_another_shape(self):
        with pytest.raises(FrameError, match=r"the sky has the shape \(2, 2\)"):
            subtract_sky(dither([0]).stack[0], SkyModel(1.0, np.ones((2, 2), "f4"), 1.0, 1))


def test_constant_sky_has_the_noise_of_a_median():
    levels, claimed = [], []
    for seed in range(40):
        truth = dither([0], sky_shape=np.ones((64, 64)), shape=(64, 64), seed=seed)
        (sky,) = ConstantSky()(truth.stack)
        levels.append(sky.level)
        claimed.append(sky.variance)
    assert np.var(levels) == pytest.approx(np.mean(claimed), rel=0.6)
