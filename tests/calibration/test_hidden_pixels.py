"""Bad pixels found in dithered exposures."""

import warnings

import numpy as np
import pytest
from astropy.io.fits import Header
from astropy.nddata import CCDData

from emirimg.calibration import HiddenPixelDetector
from emirimg.calibration._isolated import from_neighbours, stands_out
from emirimg.calibration.hidden_pixels import _along_stack
from emirimg.exceptions import CalibrationWarning
from emirimg.stack import DitherStack

SHAPE = (200, 200)
NOISE = 24.0


def dither(pointings, *, n_stars=30, seed=3, width=1.7, hot=(), noisy=()):
    """Make frames of a star field; repeats of a pointing show it on the same pixels."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]]
    stars = np.column_stack(
        [rng.uniform(-40, 240, (n_stars, 2)), 10 ** rng.uniform(2, 5.5, n_stars)]
    )
    offsets = rng.uniform(-40, 40, (max(pointings) + 1, 2))
    shape = 1 + 0.1 * np.exp(-(((np.hypot(y - 100, x - 100) - 60) / 15) ** 2))
    frames = []
    for number, pointing in enumerate(pointings):
        level = 2800 * (1 + 0.01 * number)
        data = level * shape + rng.normal(0, NOISE, SHAPE)
        for sy, sx, flux in stars:
            r2 = (y - sy - offsets[pointing, 0]) ** 2 + (x - sx - offsets[pointing, 1]) ** 2
            data += flux / (2 * np.pi * width**2) * np.exp(-r2 / (2 * width**2))
        for place, excess in hot:
            data[place] += excess
        for place, sigma in noisy:
            data[place] += rng.normal(0, sigma)
        meta = Header({"DATE-OBS": f"2018-12-17T23:{10 + number}:00", "EXPTIME": 20.0})
        frames.append(CCDData(data.astype("f4"), unit="adu", meta=meta))
    stack = DitherStack.from_frames(frames)
    return DitherStack(frames, stack.names, stack.metadata, np.array(pointings))


PLACES = [(int(y), int(x)) for y, x in np.random.default_rng(8).integers(0, 200, (60, 2))]


@pytest.mark.parametrize("pointings", [range(5), [*range(7), *range(7)]])
def test_finds_hot_and_dead_pixels(pointings):
    hot = [(place, 8 * NOISE * (-1) ** i) for i, place in enumerate(PLACES)]
    found = HiddenPixelDetector()(dither(list(pointings), hot=hot))
    truth = np.zeros(SHAPE, bool)
    for place in PLACES:
        truth[place] = True
    assert (found & truth).sum() >= 0.95 * truth.sum()
    assert not (found & ~truth).any()


def test_stars_and_sky_are_left_alone():
    assert not HiddenPixelDetector()(dither([*range(7), *range(7)], n_stars=100)).any()


def test_finds_noisy_pixels():
    noisy = [(place, 6 * NOISE) for place in PLACES]
    stack = dither([*range(7), *range(7)], noisy=noisy)
    found = HiddenPixelDetector()(stack)
    assert np.mean([found[place] for place in PLACES]) > 0.9
    assert found.sum() <= len(PLACES)
    quiet = HiddenPixelDetector(noisy_sigma=1e6, sigma=1e6)(stack)
    assert not quiet.any()


def test_sigma_counts():
    weak = [(place, 1.5 * NOISE) for place in PLACES]
    stack = dither([*range(7), *range(7)], hot=weak)
    few = HiddenPixelDetector(sigma=10)(stack).sum()
    many = HiddenPixelDetector(sigma=4)(stack).sum()
    assert few < 5 < 40 < many


def test_masked_pixels_are_not_judged():
    stack = dither(range(6), hot=[((50, 50), 500.0), ((60, 60), 500.0)])
    for frame in stack:
        frame.mask = np.zeros(SHAPE, bool)
        frame.mask[50, 50] = True
    objects = [np.zeros(SHAPE, bool) for _ in stack]
    for plane in objects:
        plane[60, 60] = True
    found = HiddenPixelDetector()(stack)
    assert found[60, 60]
    assert not found[50, 50]
    assert not HiddenPixelDetector()(stack, objects=objects)[60, 60]


def test_levels_may_be_given():
    stack = dither(range(6), hot=[((60, 60), 500.0)])
    levels = [2800 * (1 + 0.01 * number) for number in range(6)]
    found = HiddenPixelDetector()(stack, levels=levels)
    np.testing.assert_array_equal(found, HiddenPixelDetector()(stack))


FEW = "distinct pointings?, 5 are needed"


@pytest.mark.parametrize("pointings", [[0], [0, 1], [0, 1, 2], [0, 1, 2, 3, 0, 1, 2, 3]])
def test_few_pointings_find_isolated_pixels(pointings):
    hot = [(place, 12 * NOISE * (-1) ** i) for i, place in enumerate(PLACES)]
    with pytest.warns(CalibrationWarning, match=FEW):
        found = HiddenPixelDetector()(dither(pointings, hot=hot))
    truth = np.zeros(SHAPE, bool)
    for place in PLACES:
        truth[place] = True
    assert (found & truth).sum() >= 0.9 * truth.sum()
    assert not (found & ~truth).any()


@pytest.mark.parametrize("pointings", [[0], [0, 1], [0, 1, 2, 3]])
@pytest.mark.parametrize("width", [0.85, 1.0, 1.7])
def test_few_pointings_leave_stars_alone(pointings, width):
    with pytest.warns(CalibrationWarning, match=FEW):
        found = HiddenPixelDetector()(dither(pointings, n_stars=300, width=width))
    assert not found.any()


def test_a_star_at_a_hot_pixel_does_not_hide_it():
    stack = dither([0, 1, 2], n_stars=0, hot=[((60, 60), 500.0)])
    stack[1].data[58:63, 58:63] += 5000
    with pytest.warns(CalibrationWarning, match=FEW):
        assert HiddenPixelDetector()(stack)[60, 60]


def test_sigma_and_pointings_count_for_few():
    stack = dither([0, 1, 2, 3, 0, 1, 2, 3], hot=[((60, 60), 4 * NOISE)])
    with pytest.warns(CalibrationWarning, match=f"4 {FEW}"):
        assert not HiddenPixelDetector(sigma=12)(stack).any()
    assert HiddenPixelDetector(min_pointings=4)(stack)[60, 60]


def test_input_is_not_changed():
    stack = dither(range(5))
    before = [frame.data.copy() for frame in stack]
    HiddenPixelDetector()(stack)
    for frame, data in zip(stack, before, strict=True):
        np.testing.assert_array_equal(frame.data, data)


def test_repr():
    detector = HiddenPixelDetector(sigma=5, min_pointings=6)
    assert eval(repr(detector)) == detector


def test_kernels_agree_with_plain_loops():
    rng = np.random.default_rng(5)
    image = rng.normal(0, 1, (30, 40)).astype("f4")
    image[rng.random(image.shape) < 0.3] = np.nan
    image[3:9, 5:11] = np.nan
    padded = np.pad(image, 2, constant_values=np.nan)
    y, x = (places.ravel() for places in np.indices(image.shape))
    expected = np.full(y.shape, np.nan)
    for place, (j, i) in enumerate(zip(y, x, strict=True)):
        around = np.delete(padded[j : j + 5, i : i + 5].ravel(), 12)
        if np.isfinite(around).sum() >= 8:
            expected[place] = image[j, i] - np.nanmedian(around)
    deviation = from_neighbours(padded, y, x)
    np.testing.assert_allclose(deviation, expected, rtol=1e-5, atol=1e-6)
    # Nothing that deviates is missed, and little more is looked at.
    suspects = stands_out(padded, 0, 30, 1.5).ravel()
    above = np.abs(expected) > 1.5
    assert suspects[above].all()
    assert suspects.sum() < 2 * above.sum()


@pytest.mark.parametrize("groups", [np.arange(6), np.array([0, 1, 1, 2, 0, 3])])
def test_medians_along_the_stack_agree_with_numpy(groups):
    rng = np.random.default_rng(6)
    values = rng.normal(1, 0.1, (6, 20, 30)).astype("f4")
    mask = rng.random(values.shape) < 0.3
    hidden = np.where(mask, np.nan, values).astype(float)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        means = np.array(
            [np.nanmean(hidden[groups == k], axis=0) for k in range(groups.max() + 1)]
        )
        median = np.nanmedian(means, axis=0)
        scatter = np.nanmedian(np.abs(hidden - median), axis=0)
    scatter /= 1 + (5.5 / np.isfinite(hidden).sum(0)) ** 2
    few = np.isfinite(means).sum(0) < 3
    median[few] = scatter[few] = np.nan
    found = _along_stack(values.copy(), mask, groups, 3)
    np.testing.assert_allclose(found[0], median, rtol=1e-6)
    np.testing.assert_allclose(found[1], scatter, rtol=1e-4, atol=1e-6)
