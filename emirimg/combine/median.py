"""The median of the pixels of an image that may be used."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

__all__ = ["masked_median"]


@njit(nogil=True, cache=True)
def masked_median(data: NDArray[np.float32], mask: NDArray[np.bool_]) -> float:
    """Return the median of the unmasked values of an image, NaN if there are none.

    Nothing is sorted: values are counted by the leading 16 bits of their key,
    then those near the median by the other 16.
    """
    keys = data.view(np.uint32)
    counts = np.zeros(65536, np.int64)
    ny, nx = data.shape
    for y in range(ny):
        for x in range(nx):
            counts[_key(keys[y, x]) >> 16] += 0 if mask[y, x] else 1
    total = counts.sum()
    if total == 0:
        return np.nan
    low, low_rank = _find(counts, (total - 1) // 2)
    high, high_rank = _find(counts, total // 2)
    fine = np.zeros((2, 65536), np.int64)
    for y in range(ny):
        for x in range(nx):
            key = _key(keys[y, x])
            leading = key >> 16
            if leading == low and not mask[y, x]:
                fine[0, key & 65535] += 1
            elif leading == high and not mask[y, x]:
                fine[1, key & 65535] += 1
    low_key = (low << 16) + _find(fine[0], low_rank)[0]
    high_key = (high << 16) + _find(fine[0 if high == low else 1], high_rank)[0]
    middle = np.array([_bits(low_key), _bits(high_key)], np.uint32).view(np.float32)
    return (np.float64(middle[0]) + np.float64(middle[1])) / 2


@njit(nogil=True, cache=True)
def _find(counts: NDArray[np.int64], rank: int) -> tuple[int, int]:
    """Return where the value of some rank was counted, and its rank there."""
    place = 0
    while counts[place] <= rank:
        rank -= counts[place]
        place += 1
    return place, rank


@njit(nogil=True, cache=True)
def _key(bits: int) -> int:
    """Return an integer that grows with the value of a float32 of these bits."""
    bits = np.int64(bits)
    return 0xFFFFFFFF - bits if bits & 0x80000000 else bits + 0x80000000


@njit(nogil=True, cache=True)
def _bits(key: int) -> int:
    """Return the bits of the float32 of some key."""
    return key - 0x80000000 if key & 0x80000000 else 0xFFFFFFFF - key
