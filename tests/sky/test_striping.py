"""Stripes with known truth."""

import numpy as np
import pytest
from dithers import H2RG, HAWAII2, flat_frame

from emirimg.sky import DetectorResidual, RowColumnStriping
from emirimg.sky.striping import _lines

SHAPE = (512, 512)


def stripes(sigma=6, seed=5):
    return np.random.default_rng(seed).normal(0, sigma, SHAPE[0]).astype("f4")


@pytest.mark.parametrize("axis", [0, 1], ids=["columns", "rows"])
@pytest.mark.parametrize("date", [HAWAII2, H2RG], ids=["HAWAII-2", "H2RG"])
def test_stripes_are_found(axis, date):
    frame = flat_frame(shape=SHAPE, date=date)
    truth = np.broadcast_to(np.expand_dims(stripes(), axis), SHAPE)
    frame.data += truth
    # The error of the median of 256 pixels is 1.9.
    assert np.std(RowColumnStriping()(frame) - truth) < 2.6
    nothing = np.zeros(SHAPE, dtype=bool)
    assert np.std(DetectorResidual()(frame, objects=nothing) - truth) < 2.6


def test_detector_residual_waits_for_the_objects():
    frame = flat_frame(shape=SHAPE)
    frame.data += stripes()[:, None]
    found = DetectorResidual()(frame)
    assert np.std(found, axis=0).max() < 1, "no stripes before objects can be masked"


def test_quadrants_have_stripes_of_their_own():
    frame = flat_frame(shape=SHAPE)
    frame.data[:256, :256] += stripes()[:256, None]
    found = RowColumnStriping()(frame)
    assert np.std(found[:256, :256] - stripes()[:256, None]) < 2.3
    assert not found[:, 256:].any()
    assert not found[256:].any()


def test_weak_stripes_are_shrunk():
    frame = flat_frame(shape=SHAPE)
    truth = stripes(1.5)[:, None]
    frame.data += truth
    found = RowColumnStriping()(frame)
    assert 0 < np.std(found - truth) < 1.5


def test_a_gradient_is_no_stripe():
    frame = flat_frame(shape=SHAPE)
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]]
    frame.data += (0.3 * x - 0.2 * y).astype("f4")
    assert not RowColumnStriping()(frame).any()


def test_unmasked_stars_are_no_stripes():
    frame = flat_frame(shape=SHAPE)
    rng = np.random.default_rng(2)
    for y, x in rng.integers(0, 500, (60, 2)):
        frame.data[y : y + 8, x : x + 8] += 3000
    assert not RowColumnStriping()(frame).any()


def test_what_is_broad_is_no_stripe():
    frame = flat_frame(shape=SHAPE)
    wave = 10 * np.sin(2 * np.pi * np.arange(512) / 300).astype("f4")
    frame.data += wave[:, None]
    assert not RowColumnStriping()(frame).any()
    frame.data += stripes()[:, None]
    left = frame.data - RowColumnStriping()(frame)
    assert np.std(left.mean(axis=1)) < 3.2, "what lines share goes with the stripes"


def test_groups_of_lines_are_levelled_with_their_lines():
    frame = flat_frame(shape=SHAPE)
    levels = np.random.default_rng(8).normal(0, 30, 512).astype("f4")
    frame.data += levels[:, None]
    left = levels - RowColumnStriping()(frame)[:, 0]
    groups = left.reshape(-1, 64).mean(axis=1)
    error = 1.2533 * np.std(flat_frame(shape=SHAPE).data) / np.sqrt(256)
    # Lines of each quadrant are levelled to their median, which knows nothing of the others.
    assert np.std(groups.reshape(2, 4), axis=1).max() < 3 * error / 8


def test_lines_are_medians():
    rng = np.random.default_rng(3)
    data = rng.normal(0, 1, (20, 101)).astype("f4")
    mask = rng.random(data.shape) < 0.3
    mask[4] = True
    median, error = _lines(data, mask)
    expected = np.ma.median(np.ma.array(data, mask=mask), axis=1).filled(np.nan)
    np.testing.assert_allclose(median, expected, rtol=1e-5, atol=1e-6)
    assert np.isnan(error[4])
    good = np.delete(error, 4)
    assert np.mean(good) == pytest.approx(1.2533 / np.sqrt(71), rel=0.2)
