"""The residual sky of channels with bent borders."""

import numpy as np
import pytest
from dithers import H2RG, flat_frame

from emirimg.exceptions import FrameError
from emirimg.sky import channel_medians

SHAPE = (200, 256)


def bent_channels():
    y, x = np.indices(SHAPE)
    numbers = (x + 0.05 * y).astype(int) // 32 + 1
    numbers[:5] = 0
    return numbers.astype(np.uint8)


@pytest.fixture
def channels():
    return bent_channels()


def test_every_channel_gets_its_median(channels):
    frame = flat_frame(shape=SHAPE, date=H2RG)
    frame.data += channels * 10.0
    found = channel_medians(frame, channels)
    assert found.dtype == np.float32
    assert not found[channels == 0].any()
    for number in range(1, 9):
        here = channels == number
        np.testing.assert_array_equal(found[here], np.median(frame.data[here]))


def test_masks_are_honoured(channels):
    frame = flat_frame(shape=SHAPE, date=H2RG)
    expected = channel_medians(frame, channels)
    rng = np.random.default_rng(1)
    objects = rng.random(SHAPE) < 0.3
    frame.mask = rng.random(SHAPE) < 0.3
    frame.data[frame.mask | objects] = 1e6
    found = channel_medians(frame, channels, objects=objects)
    assert np.abs(found - expected).max() < 2
    frame.mask = None
    assert channel_medians(frame, channels, objects=objects).max() < 1e5


def test_a_channel_without_sky_is_left_alone(channels):
    frame = flat_frame(shape=SHAPE, date=H2RG)
    frame.data += 100
    found = channel_medians(frame, channels, objects=channels == 3)
    assert not found[channels == 3].any()
    assert (found[channels == 4] > 90).all()


def test_nothing_is_changed(channels):
    frame = flat_frame(shape=SHAPE, date=H2RG)
    before = frame.data.copy()
    channel_medians(frame, channels, objects=np.zeros(SHAPE, bool))
    np.testing.assert_array_equal(frame.data, before)
    np.testing.assert_array_equal(channels, bent_channels())


def test_shapes_must_agree(channels):
    with pytest.raises(FrameError, match=r"channels has the shape \(200, 256\)"):
        channel_medians(flat_frame(shape=(64, 64)), channels)
