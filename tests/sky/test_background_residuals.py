"""Residuals with known truth."""

import numpy as np
import pytest
from dithers import H2RG, flat_frame

from emirimg.instrument import H2RG as NEW, HAWAII2 as OLD
from emirimg.sky import ChannelMedian, DetectorResidual, QuadrantSurface, SmoothResidual
from emirimg.sky._regions import block_edges, channels_of, quadrants_of

SHAPE = (512, 512)
BLOCK_NOISE = 24 * 1.2533 / 64


def quadrant_background(shape, seed=3):
    rng = np.random.default_rng(seed)
    image = np.zeros(shape)
    y, x = np.mgrid[-1 : 1 : shape[0] * 1j, -1 : 1 : shape[1] * 1j]
    for region in quadrants_of(shape):
        a, b, c, d = rng.normal(0, (30, 20, 20, 10))
        image[region] = (a + b * x + c * y + d * x * y)[region]
    return image


@pytest.mark.parametrize("residual", [QuadrantSurface(box_size=32), DetectorResidual(box_size=32)])
def test_quadrants_are_found(residual):
    frame = flat_frame(shape=SHAPE)
    truth = quadrant_background(SHAPE)
    frame.data += truth.astype("f4")
    error = residual(frame, objects=None) - truth
    assert np.std(error) < 0.5 * BLOCK_NOISE * 4


def test_a_plane_makes_no_steps():
    frame = flat_frame(shape=SHAPE)
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]]
    frame.data += (0.01 * x + 0.02 * y).astype("f4")
    found = QuadrantSurface(box_size=32)(frame, objects=None)
    assert np.abs(np.diff(found, axis=0)).max() < 0.05
    assert np.abs(np.diff(found, axis=1)).max() < 0.05
    assert np.std(found - (0.01 * x + 0.02 * y)) < 0.3


def test_order_counts():
    frame = flat_frame(shape=SHAPE)
    x = np.linspace(-1, 1, SHAPE[1])
    frame.data += (60 * x**2).astype("f4")
    plane = QuadrantSurface(box_size=32, max_order=0)(frame, objects=None)
    curve = QuadrantSurface(box_size=32, max_order=2)(frame, objects=None)
    assert np.std(curve - 60 * x**2) < 0.5 < 5 < np.std(plane - 60 * x**2)


def test_unmasked_objects_are_clipped():
    frame = flat_frame(shape=SHAPE)
    truth = quadrant_background(SHAPE)
    frame.data += truth.astype("f4")
    frame.data[100:160, 200:250] += 800
    error = QuadrantSurface(box_size=32)(frame, objects=None) - truth
    assert np.std(error) < 1.5


@pytest.mark.parametrize("residual", [ChannelMedian(), DetectorResidual()])
def test_channels_are_found(residual):
    frame = flat_frame(shape=SHAPE, date=H2RG)
    channels = channels_of(NEW, SHAPE)
    truth = np.zeros(SHAPE)
    for region, offset in zip(channels, np.random.default_rng(2).normal(0, 15, 8), strict=True):
        truth[region] = offset
    frame.data += truth.astype("f4")
    error = residual(frame, objects=None) - truth
    assert np.std(error) < 2 * 24 * 1.2533 / np.sqrt(512 * 64)


def test_channels_and_a_gradient():
    frame = flat_frame(shape=SHAPE, date=H2RG)
    truth = np.zeros(SHAPE)
    for region, offset in zip(
        channels_of(NEW, SHAPE), np.random.default_rng(2).normal(0, 15, 8), strict=True
    ):
        truth[region] = offset
    truth += np.linspace(-20, 20, 512)[:, None] ** 2 / 20
    frame.data += truth.astype("f4")
    both = DetectorResidual()(frame, objects=None) - truth
    channels = ChannelMedian()(frame, objects=None) - truth
    assert np.std(both) < 0.8 < 4 < np.std(channels)


def test_smooth_residual_follows_gradients():
    y, x = np.mgrid[:512, :512] / 512
    truth = 30 * np.sin(3 * x) * np.cos(2 * y)
    frame = flat_frame(shape=SHAPE)
    frame.data += truth.astype("f4")
    fine = SmoothResidual(box_size=64)(frame, objects=None) - truth
    coarse = SmoothResidual(box_size=256)(frame, objects=None) - truth
    rough = SmoothResidual(box_size=64, smoothing=0.3)(frame, objects=None) - truth
    assert np.std(fine) < 1.5 < 3 < np.std(coarse)
    assert np.std(fine) != np.std(rough)


def test_error_of_a_surface_is_tiny():
    frame = flat_frame(shape=(2048, 2048))
    truth = quadrant_background((2048, 2048))
    frame.data += truth.astype("f4")
    error = DetectorResidual()(frame, objects=None) - truth
    assert np.std(error) < 0.1


class TestRegions:
    def test_channels_of_the_whole_detector(self):
        for detector in (OLD, NEW):
            assert channels_of(detector, detector.shape) == list(detector.channels())

    def test_channels_of_the_centre(self):
        numbers = NEW.channel_numbers()[768:1280, 704:1344]
        for (y, x), expected in zip(channels_of(NEW, (512, 640)), np.unique(numbers), strict=True):
            assert (numbers[y, x] == expected).all()

    def test_blocks_end_at_borders(self):
        y, x = block_edges((250, 256), 60)
        assert 125 in y
        assert 128 in x
        assert y[0] == x[0] == 0
        assert (y[-1], x[-1]) == (250, 256)
        _, x = block_edges((512, 512), 100, NEW)
        np.testing.assert_array_equal(x, np.arange(0, 513, 64))
