"""The sky of a target from frames beside it, with known truth."""

import numpy as np
import pytest
from dithers import dither

from emirimg.sky import ConstantSky, NeighbourSky, OffSourceSky, PatternSky
from emirimg.stack import DitherStack

SHAPE = (256, 256)
N = 12


def halo(amplitude, radius):
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]] - 100.0
    return amplitude * np.exp(-np.hypot(y, x) / radius)


def nodding(light, *, levels=None, seed=1):
    """Return the truth, the frames of the target (even ones) and those beside it."""
    extra = dict.fromkeys(range(0, N, 2), light)
    truth = dither(range(N), shape=SHAPE, extra=extra, n_stars=10, levels=levels, seed=seed)
    target, beside = (truth.stack.select(np.arange(first, N, 2)) for first in (0, 1))
    return truth, target, beside


def medians(truth):
    """Return the true levels of the frames of the target."""
    return [np.median(sky) for sky in truth.sky[::2]]


def nothing(n):
    return [np.zeros(SHAPE, bool)] * n


@pytest.mark.parametrize("estimator", [PatternSky(), NeighbourSky(n_frames=4)], ids=repr)
def test_the_light_of_the_target_is_kept(estimator):
    truth, target, beside = nodding(halo(500, 15))
    sky = OffSourceSky(estimator, beside, truth.objects[1::2])
    skies = sky(target, objects=None)
    assert repr(sky) == repr(estimator)
    assert skies.findings["SKYSHAPE"][0] == "beside"
    assert skies.findings["SKYLEVBY"][0] == "blank"
    assert skies.fills_field
    for k, model in enumerate(skies):
        error = model.image - truth.sky[2 * k]
        assert abs(np.mean(error)) < 2
        assert np.mean(error**2) < 2.5 * np.mean(model.variance) + 4
        assert model.n_used == N // 2


def test_no_blank_part_of_the_field():
    truth, target, beside = nodding(halo(900, 300))
    skies = OffSourceSky(PatternSky(), beside, truth.objects[1::2])(target, objects=None)
    assert skies.findings["SKYLEVBY"][0] == "time"
    np.testing.assert_allclose(skies.levels[1:], medians(truth)[1:], rtol=0.006)


def test_masks_that_leave_nothing():
    truth, target, beside = nodding(halo(900, 300))
    masks = [np.ones(SHAPE, bool)] * (N // 2)
    skies = OffSourceSky(PatternSky(), beside, truth.objects[1::2])(target, objects=masks)
    assert skies.findings["SKYLEVBY"][0] == "time"
    # The first frame of the target lies before the first beside it.
    np.testing.assert_allclose(skies.levels[1:], medians(truth)[1:], rtol=0.002)


def test_a_blank_target_serves_as_sky():
    truth, target, beside = nodding(halo(0, 10))
    skies = OffSourceSky(PatternSky(), beside, truth.objects[1::2])(
        target, objects=truth.objects[::2]
    )
    assert skies.findings["SKYSHAPE"][0] == "all"
    assert not skies.fills_field
    assert len(skies) == N // 2
    assert skies[0].n_used == N
    np.testing.assert_allclose(skies.levels, medians(truth), rtol=1e-3)


def test_faint_light_between_the_masks_is_noticed():
    truth, target, beside = nodding(halo(60, 60))
    skies = OffSourceSky(PatternSky(), beside, truth.objects[1::2])(
        target, objects=truth.objects[::2]
    )
    assert skies.findings["SKYSHAPE"][0] == "beside"


def test_the_shape_is_interpolated_in_time():
    x = np.mgrid[: SHAPE[0], : SHAPE[1]][1] / SHAPE[0] - 0.5
    gradient = {k: 12.0 * (k - N / 2) * x for k in range(N)}
    truth = dither(range(N), shape=SHAPE, extra=gradient)
    target, beside = (truth.stack.select(np.arange(first, N, 2)) for first in (0, 1))
    skies = OffSourceSky(PatternSky(), beside, nothing(N // 2))(target, objects=None)
    for k in range(1, N // 2):
        assert np.std(skies[k].image - truth.sky[2 * k] - gradient[2 * k]) < 4


def test_a_single_frame_beside():
    _, target, beside = nodding(halo(500, 15))
    one = beside.select([2])
    skies = OffSourceSky(ConstantSky(), one, None)(target, objects=None)
    assert len(skies) == N // 2
    assert np.isfinite(skies[0].image).all()


def test_foreign_estimators_fit():
    truth, target, beside = nodding(halo(500, 15))

    def foreign(stack: DitherStack, *, objects):
        return list(PatternSky()(stack, objects=objects))

    skies = OffSourceSky(foreign, beside, truth.objects[1::2])(target, objects=None)
    expected = OffSourceSky(PatternSky(), beside, truth.objects[1::2])(target, objects=None)
    np.testing.assert_allclose(skies[2].image, expected[2].image, rtol=1e-6)
