"""What every sky estimator promises."""

import copy
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest

from emirimg.exceptions import SkyError, SkyWarning
from emirimg.sky import (
    AutoSky,
    ConstantSky,
    NeighbourSky,
    PatternSky,
    ScaledNeighbourSky,
    SkyModel,
    subtract_sky,
)

sys.path.insert(0, str(Path(__file__).parents[1] / "sky"))
from dithers import dither

ESTIMATORS = [
    ConstantSky(),
    NeighbourSky(n_frames=4),
    NeighbourSky(n_frames=5, method="median"),
    PatternSky(),
    PatternSky(n_scales=3),
    PatternSky(max_drift=0),
    AutoSky(windows=(3,)),
    ScaledNeighbourSky(n_frames=4),
]

FLAT = np.ones((128, 128))


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=repr)
class TestSkyEstimators:
    def test_one_sky_for_each_frame(self, estimator):
        truth = dither(range(5))
        skies = estimator(truth.stack, objects=None)
        assert len(skies) == 5
        for sky, frame in zip(skies, truth.stack, strict=True):
            assert isinstance(sky, SkyModel)
            assert sky.image.shape == frame.shape
            assert sky.image.dtype == np.float32
            assert np.isfinite(sky.image).all()
            variance = np.broadcast_to(sky.variance, frame.shape)
            assert (variance > 0).all()
            assert np.isfinite(variance).all()
            assert 1 <= sky.n_used <= 5
        assert skies[-1].level == skies[4].level
        assert len(skies[1:3]) == 2
        with pytest.raises(IndexError):
            skies[5]

    def test_level(self, estimator):
        truth = dither(range(5), sky_shape=FLAT)
        skies = estimator(truth.stack, objects=None)
        np.testing.assert_allclose([sky.level for sky in skies], truth.levels, rtol=7e-4)
        for sky in skies:
            assert np.median(sky.image) == pytest.approx(sky.level, rel=1e-3)

    def test_masks_of_objects_are_honoured(self, estimator):
        truth = dither([0, 1, 2, 0, 1, 2], n_stars=40, sky_shape=FLAT)
        blobs = []
        for number, frame in enumerate(truth.stack):
            blob = np.zeros(frame.shape, bool)
            blob[40 + number : 100 + number, 10:110] = True
            frame.data[blob] += 300
            blobs.append(blob | truth.objects[number])
        skies = estimator(truth.stack, objects=blobs)
        blind = estimator(truth.stack, objects=None)
        for k in range(6):
            assert abs(np.mean(skies[k].image - truth.sky[k])) < 4
            assert np.mean(blind[k].image - truth.sky[k]) > 10

    def test_masked_pixels_do_not_count(self, estimator):
        truth = dither(range(5))
        before = estimator(truth.stack, objects=None)[2].image
        for frame in truth.stack:
            frame.mask[60:64, 60:64] = True
            frame.data[60:64, 60:64] = 1e6
        after = estimator(truth.stack, objects=None)[2].image
        far = np.ones(FLAT.shape, bool)
        far[50:74, 50:74] = False
        assert np.abs(after - before)[far].max() < 3
        assert after.max() < 4000

    def test_input_is_not_changed(self, estimator):
        truth = dither(range(4), n_stars=5)
        frames, objects = copy.deepcopy(list(truth.stack)), copy.deepcopy(truth.objects)
        skies = estimator(truth.stack, objects=truth.objects)
        first = skies[0].image.copy()
        np.testing.assert_array_equal(skies[0].image, first)
        for frame, old in zip(truth.stack, frames, strict=True):
            np.testing.assert_array_equal(frame.data, old.data)
            np.testing.assert_array_equal(frame.mask, old.mask)
            np.testing.assert_array_equal(frame.uncertainty.array, old.uncertainty.array)
        for mask, old in zip(truth.objects, objects, strict=True):
            np.testing.assert_array_equal(mask, old)

    def test_one_frame(self, estimator):
        truth = dither([0])
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            (sky,) = estimator(truth.stack, objects=None)
        assert sky.level == pytest.approx(truth.levels[0], rel=0.04)
        if not isinstance(estimator, ConstantSky):
            assert [w.category for w in caught] == [SkyWarning]
            assert "frame 1" in str(caught[0].message)
            inner = (slice(16, -16), slice(16, -16))
            assert np.std((sky.image - truth.sky[0])[inner]) < 20

    def test_two_frames(self, estimator):
        truth = dither([0, 1])
        skies = estimator(truth.stack, objects=None)
        tolerance = 130 if isinstance(estimator, ConstantSky) else 27
        for sky, true in zip(skies, truth.sky, strict=True):
            assert np.std(sky.image - true) < tolerance

    def test_objects_everywhere(self, estimator):
        truth = dither(range(4))
        masks = [np.zeros(FLAT.shape, bool) for _ in range(4)]
        masks[2][:] = True
        with pytest.warns(SkyWarning, match="frame 3: the object mask leaves hardly a pixel"):
            skies = estimator(truth.stack, objects=masks)
        assert skies[2].level == pytest.approx(truth.levels[2], rel=0.03)

    def test_objects_everywhere_on_all_frames(self, estimator):
        truth = dither(range(4))
        masks = [np.ones(FLAT.shape, bool) for _ in range(4)]
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            skies = estimator(truth.stack, objects=masks)
        assert {w.category for w in caught} == {SkyWarning}
        assert sum("the object mask leaves hardly a pixel" in str(w.message) for w in caught) == 4
        for sky, level in zip(skies, truth.levels, strict=True):
            assert np.median(sky.image) == pytest.approx(level, rel=0.03)

    def test_a_frame_without_pixels(self, estimator):
        truth = dither(range(4))
        truth.stack[1].mask[:] = True
        with pytest.raises(SkyError, match="frame 2: hardly a pixel is usable"):
            estimator(truth.stack, objects=None)

    def test_repr(self, estimator):
        assert eval(repr(estimator)) == estimator

    def test_variance_by_monte_carlo(self, estimator):
        shape = FLAT if isinstance(estimator, ConstantSky) else None
        errors, claimed = [], []
        for seed in range(12):
            truth = dither(range(6), sky_shape=shape, seed=seed, shape=(128, 128))
            sky = estimator(truth.stack, objects=None)[2]
            errors.append(sky.image - truth.sky[2])
            claimed.append(np.mean(sky.variance))
        inner = (slice(8, -8), slice(8, -8))
        # The level of the frame, common to all pixels, is in it too.
        found = np.mean([np.mean(error[inner] ** 2) for error in errors])
        assert found < 2.0 * np.mean(claimed) + 0.2
        assert found > 0.4 * np.mean(claimed)

    def test_subtraction(self, estimator):
        truth = dither(range(5))
        frame = truth.stack[1]
        sky = estimator(truth.stack, objects=None)[1]
        clean = subtract_sky(frame, sky)
        assert clean.data.dtype == np.float32
        np.testing.assert_allclose(clean.data, frame.data - sky.image, atol=1e-3)
        np.testing.assert_allclose(
            clean.uncertainty.array, frame.uncertainty.array + sky.variance, rtol=1e-5
        )
