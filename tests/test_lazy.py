"""Planes that are worked out where they are asked for."""

import copy
import pickle

import numpy as np
import pytest
from astropy.nddata import VarianceUncertainty

from emirimg._lazy import (
    LazyFrame,
    LazyPlane,
    PackedMask,
    count_masked,
    each_row,
    materialised,
    pack_bits,
)

IMAGE = np.arange(200 * 7, dtype=np.float32).reshape(200, 7)


@pytest.fixture
def plane():
    return LazyPlane(lambda rows: IMAGE[rows].copy(), IMAGE.shape, np.float32)


@pytest.mark.parametrize(
    "key",
    [
        np.s_[:], np.s_[3:50], np.s_[150:], np.s_[::16], np.s_[-4:], np.s_[9:9],
        np.s_[2:9, 1:3], np.s_[5:, ::2], np.s_[4], np.s_[4, 2], np.s_[..., 1],
    ],
)  # fmt: skip
def test_it_is_sliced_as_an_array(plane, key):
    np.testing.assert_array_equal(plane[key], IMAGE[key])


def test_it_looks_like_an_array(plane):
    assert (plane.shape, plane.dtype, plane.ndim) == (IMAGE.shape, IMAGE.dtype, 2)
    assert (plane.size, len(plane)) == (IMAGE.size, 200)
    assert np.shape(plane) == IMAGE.shape
    np.testing.assert_array_equal(np.asarray(plane, dtype=float), IMAGE.astype(float))
    np.testing.assert_array_equal(IMAGE - np.asarray(plane), 0)
    assert repr(plane) == "<LazyPlane of shape (200, 7) and type float32>"
    with pytest.raises(ValueError, match="nothing to share"):
        np.array(plane, copy=False)


def test_only_the_rows_that_are_wanted_are_worked_out():
    seen = []
    lazy = LazyPlane(lambda rows: seen.append(rows) or IMAGE[rows], IMAGE.shape, np.float32)
    twice = each_row(lambda a, b: a * b, lazy, np.full(IMAGE.shape, 2.0), dtype=float)
    assert seen == []
    np.testing.assert_array_equal(twice[10:12], 2 * IMAGE[10:12])
    assert seen == [slice(10, 12)]


def test_it_is_a_plane_of_a_frame(plane):
    mask = each_row(lambda a: a > 9, plane, dtype=bool)
    frame = LazyFrame(
        plane,
        unit="adu",
        mask=mask,
        uncertainty=VarianceUncertainty(plane, copy=False),
    )
    assert frame.mask is copy.copy(frame).mask is mask
    assert frame.data is frame.uncertainty.array is plane
    assert frame.shape == IMAGE.shape
    np.testing.assert_array_equal(frame.mask[:3], IMAGE[:3] > 9)


def test_arithmetic_makes_an_array(plane):
    np.testing.assert_array_equal(plane - IMAGE, 0)
    np.testing.assert_array_equal(1 + plane, 1 + IMAGE)
    np.testing.assert_array_equal(plane > plane + 1, np.zeros(IMAGE.shape, bool))
    mask = np.zeros(IMAGE.shape, bool)
    mask |= each_row(lambda a: a > 9, plane, dtype=bool)
    assert mask.sum() == (IMAGE > 9).sum()
    assert plane.mean() == IMAGE.mean()
    with pytest.raises(AttributeError, match="'LazyPlane' object has no attribute 'mask'"):
        plane.mask  # noqa: B018


@pytest.mark.parametrize("n_columns", [1, 8, 13])
def test_bits_are_a_mask(n_columns):
    mask = np.random.default_rng(1).random((70, n_columns)) < 0.5
    bits = pack_bits(mask)
    assert bits.shape == (70, -(-n_columns // 8))
    plane = PackedMask(bits, n_columns)
    assert plane.dtype == bool
    np.testing.assert_array_equal(np.asarray(plane), mask)
    np.testing.assert_array_equal(plane[3::5], mask[3::5])
    other = np.random.default_rng(2).random(mask.shape) < 0.1
    both = plane.joined(PackedMask(pack_bits(other), n_columns))
    np.testing.assert_array_equal(both[5:9], (mask | other)[5:9])
    np.testing.assert_array_equal(np.asarray(both.joined(both)), mask | other)
    assert count_masked(both) == count_masked(mask | other) == (mask | other).sum()
    assert count_masked(None) == 0
    again = pickle.loads(pickle.dumps(plane))
    np.testing.assert_array_equal(np.asarray(again), mask)


def test_materialised(plane):
    frame = LazyFrame(
        plane, unit="adu", mask=plane, uncertainty=VarianceUncertainty(plane, copy=False)
    )
    real = materialised(frame)
    for part in (real.data, real.mask, real.uncertainty.array):
        assert isinstance(part, np.ndarray)
        np.testing.assert_array_equal(part, IMAGE)
    assert materialised(real) is real
    assert frame.data is plane
