"""Skies whose shape changes, and the choice between estimators."""

import numpy as np
import pytest
from dithers import dither

from emirimg.sky import AutoSky, PatternSky

SHAPE = (256, 256)
N = 10


def changing(change, *, amplitude=0.004, odd=False):
    """Return frames whose wide ring changes by ``amplitude`` times ``change`` of the level."""
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]] / SHAPE[0] - 0.5
    bump = np.exp(-(((np.hypot(y, x) - 0.1) / 0.25) ** 2))
    extra = {k: 2800 * amplitude * change[k] * bump for k in range(N)}
    if odd:
        extra[0] = extra[0] + 60 * np.sign(x) * np.sign(y)
    truth = dither(range(N), shape=SHAPE, extra=extra, n_stars=10)
    truth.sky = [sky + extra[k] for k, sky in enumerate(truth.sky)]
    return truth


def error_of(skies, truth, frames=range(N)):
    """Return the rms error of the skies on blocks of 16 pixels."""
    errors = [
        (skies[k].image - truth.sky[k]).reshape(16, 16, 16, 16).mean(axis=(1, 3)) for k in frames
    ]
    return np.mean([error.std() for error in errors])


STEADY = np.linspace(-1, 1, N)


def test_a_steady_change_is_followed():
    truth = changing(STEADY)
    fixed = PatternSky(max_drift=0)(truth.stack, objects=truth.objects)
    found = PatternSky()(truth.stack, objects=truth.objects)
    assert found.findings["SKYDRIFT"][0] >= 1
    assert fixed.findings["SKYDRIFT"][0] == 0
    assert error_of(found, truth) < 0.5 * error_of(fixed, truth)


def test_a_constant_shape_is_left_alone():
    truth = changing(0 * STEADY)
    fixed = PatternSky(max_drift=0)(truth.stack, objects=truth.objects)
    found = PatternSky()(truth.stack, objects=truth.objects)
    assert found.findings["SKYDRIFT"][0] == 0
    np.testing.assert_array_equal(found[3].image, fixed[3].image)


def test_an_odd_first_frame_makes_no_drift():
    truth = changing(0 * STEADY, odd=True)
    assert PatternSky()(truth.stack, objects=truth.objects).findings["SKYDRIFT"][0] == 0


def test_an_odd_first_frame_does_not_spoil_a_drift():
    truth = changing(STEADY, odd=True)
    frames = range(1, N)
    fixed = PatternSky(max_drift=0)(truth.stack, objects=truth.objects)
    found = PatternSky()(truth.stack, objects=truth.objects)
    assert error_of(found, truth, frames) < 0.6 * error_of(fixed, truth, frames)


@pytest.mark.parametrize(("change", "chosen"), [
    (0 * STEADY, "PatternSky()"),
    (STEADY, "PatternSky()"),
    (np.repeat((1, -1), N // 2) * 3, "NeighbourSky(n_frames=4)"),
])  # fmt: skip
def test_the_choice(change, chosen):
    truth = changing(change)
    found = AutoSky(windows=(4,))(truth.stack, objects=truth.objects)
    assert found.findings["SKYAUTO"][0] == chosen
    assert "price of the skies" in found.history[-1]
    assert "NeighbourSky(n_frames=4)" in found.history[-1]
    other = PatternSky()(truth.stack, objects=truth.objects)
    assert error_of(found, truth) <= error_of(other, truth)


@pytest.mark.parametrize("change", [0 * STEADY, STEADY])
def test_odd_first_frames_do_not_mislead_the_choice(change):
    truth = changing(change, odd=True)
    found = AutoSky()(truth.stack, objects=truth.objects)
    assert found.findings["SKYAUTO"][0] == "PatternSky()"


def test_few_frames_are_not_judged():
    truth = dither(range(4))
    found = AutoSky()(truth.stack, objects=None)
    assert found.findings["SKYAUTO"][0] == "PatternSky()"
    assert found.history[-1].endswith("not tried")


@pytest.mark.parametrize("seed", [1, 2])
def test_a_frame_with_a_background_of_its_own_still_has_the_right_level(seed):
    y, x = np.mgrid[:512, :512] / 512 - 0.5
    shape = 1 + 0.15 * np.exp(-(((np.hypot(y, x - 0.02) - 0.3) / 0.07) ** 2)) + 0.05 * x
    # Three quarters of the frame are raised: its median is no longer that of the sky.
    quadrants = 120.0 * (x > 0) + 90.0 * ((x < 0) & (y < 0)) + 40 * x * (y > 0)
    levels = 2800 * (1 + 0.01 * np.arange(N))
    truth = dither(
        range(N), shape=x.shape, sky_shape=shape, levels=levels, extra={0: quadrants}, seed=seed
    )
    found = PatternSky()(truth.stack, objects=truth.objects)
    ratio = found.levels / levels
    assert abs(ratio[0] / np.median(ratio) - 1) < 0.003
    assert np.abs(ratio[1:] / np.median(ratio) - 1).max() < 0.001
