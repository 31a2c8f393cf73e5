"""Medians, for compiled code, and quantiles of columns."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numba import njit
from numpy.typing import NDArray

__all__ = ["bisected_median", "median_and_deviation", "quantiles_of_known", "sorted_median"]


@njit(nogil=True, cache=True)
def sorted_median(  # pragma: no cover  (compiled)
    values: NDArray[np.float32], n: int
) -> np.float32:
    """Sort the first ``n`` values in place and return their median."""
    for i in range(1, n):
        value = values[i]
        j = i
        while j > 0 and values[j - 1] > value:
            values[j] = values[j - 1]
            j -= 1
        values[j] = value
    if n % 2:
        return values[n // 2]
    return np.float32(0.5) * (values[n // 2 - 1] + values[n // 2])


@njit(nogil=True, cache=True)
def median_and_deviation(  # pragma: no cover  (compiled)
    values: NDArray[np.float32], n: int, scratch: NDArray[np.float32]
) -> tuple[float, float]:
    """Return the median of the first ``n`` values and their median absolute deviation.

    ``scratch`` is as long as ``values``, which are left as they are; none may be NaN.
    """
    middle = bisected_median(values, n, scratch)
    for i in range(n):
        scratch[i] = abs(values[i] - np.float32(middle))
    return middle, bisected_median(scratch, n, scratch)


@njit(nogil=True, cache=True)
def bisected_median(  # pragma: no cover  (compiled)
    values: NDArray[np.float32], n: int, scratch: NDArray[np.float32]
) -> float:
    """Return the median of the first ``n`` values, at least one, none of them NaN.

    The bits of a number, taken for an integer, are in the order of the numbers. Its place
    is bisected by counting, which processors do for many values at once and without
    a guess. ``scratch``, as long as ``values``, is overwritten; it may be ``values`` itself.
    """
    bits, keys = values.view(np.int32), scratch.view(np.int32)
    for i in range(n):
        key = bits[i]
        # Of negative numbers the larger have the larger bits.
        keys[i] = key ^ ((key >> np.int32(31)) & np.int32(0x7FFFFFFF))
    smallest = largest = keys[0]
    for i in range(n):
        smallest, largest = min(smallest, keys[i]), max(largest, keys[i])
    low, high = np.int64(smallest), np.int64(largest)
    place = (n - 1) // 2
    while low < high:
        middle = (low + high) >> 1
        if _count(keys, n, np.int32(middle)) > place:
            high = middle
        else:
            low = middle + 1
    upper = low
    if n % 2 == 0 and _count(keys, n, np.int32(low)) == n // 2:
        limit, above = np.int32(low), largest
        for i in range(n):
            # No branch, and nothing that depends on the last turn: many values at once.
            above = min(above, keys[i] if keys[i] > limit else largest)
        upper = np.int64(above)
    keys[0] = low ^ ((low >> 31) & 0x7FFFFFFF)
    first = np.float64(scratch[0])
    keys[0] = upper ^ ((upper >> 31) & 0x7FFFFFFF)
    return 0.5 * (first + np.float64(scratch[0]))


@njit(nogil=True, cache=True)
def _count(keys: NDArray[np.int32], n: int, limit: np.int32) -> int:  # pragma: no cover
    """Return how many keys are not above a limit."""
    total = np.int32(0)
    for i in range(n):
        total = np.int32(total + (np.int32(1) if keys[i] <= limit else np.int32(0)))
    return np.int64(total)


def quantiles_of_known(
    values: NDArray[np.float32], parts: Sequence[float]
) -> list[NDArray[np.float32]]:
    """Return quantiles of each column, NaN left out; NaN where nothing else is there."""
    values = np.sort(values, axis=0)  # NaN last
    most = np.maximum(np.count_nonzero(~np.isnan(values), axis=0), 1) - 1
    column = np.arange(values.shape[1])
    result = []
    for part in parts:
        low, rest = np.divmod(part * most, 1)
        first = values[low.astype(int), column]
        second = values[np.ceil(part * most).astype(int), column]
        result.append(first + rest.astype(np.float32) * (second - first))
    return result
