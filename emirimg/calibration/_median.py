"""Medians, for compiled code, and quantiles of columns."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numba import njit
from numpy.typing import NDArray

__all__ = ["median_and_deviation", "quantiles_of_known", "selected_median", "sorted_median"]

_PATIENCE = 7
"""So many limits tell values apart, unless many are equal."""


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
    values: NDArray[np.float32],
    size: int,
    n: int,
    scratch: NDArray[np.float32],
    middle: float,
    deviation: float,
) -> tuple[float, float]:
    """Return the median of the ``n`` finite ones of some values, and their median deviation.

    The first ``size`` values are looked at; those that do not count are infinite, none is NaN.
    ``scratch`` is as long as ``values``, which are left as they are. About what is expected,
    such as ``middle`` and ``deviation`` of the neighbours, is found soonest.
    """
    spread = 0.1 * deviation if deviation > 0.0 else 1.0
    middle = selected_median(values, size, n, scratch, middle, spread)
    for i in range(size):
        scratch[i] = abs(values[i] - np.float32(middle))
    # What is not negative is in order as it is.
    return middle, _median_of_keys(scratch.view(np.int32), size, n, deviation, spread)


@njit(nogil=True, cache=True)
def selected_median(  # pragma: no cover  (compiled)
    values: NDArray[np.float32],
    size: int,
    n: int,
    scratch: NDArray[np.float32],
    guess: float,
    step: float,
) -> float:
    """Return the median of the ``n`` smallest of the first ``size`` values, none of them NaN.

    ``scratch``, as long as ``values``, is overwritten. The search begins at ``guess``, and
    goes away from it in steps that become longer.
    """
    bits, keys = values.view(np.int32), scratch.view(np.int32)
    for i in range(size):
        keys[i] = _in_order(bits[i])
    return _median_of_keys(keys, size, n, guess, step)


@njit(nogil=True, cache=True)
def _median_of_keys(  # pragma: no cover  (compiled)
    keys: NDArray[np.int32], size: int, n: int, guess: float, step: float
) -> float:
    """Return the number in the middle of the ``n`` smallest, given the bits in order.

    Counted is how many are not above a limit, which processors do for many at once. The
    limit is interpolated between the last ones, by their counts, until the next number above
    it is the median. The bits have, unlike numbers, a least one without questions of NaN.
    """
    place, largest = (n - 1) // 2, np.int32(0x7FFFFFFF)
    low, high = -np.inf, np.inf
    n_low, n_high = np.int64(-1), np.int64(size)
    limit, above = _key(guess), _key(-np.inf)
    turn = 0
    while True:
        count, after = np.int32(0), largest
        for i in range(size):
            key = keys[i]
            count = np.int32(count + (np.int32(1) if key <= limit else np.int32(0)))
            after = min(after, key if key > limit else largest)
        number = np.int64(count)
        if number <= place:
            low, n_low, above = _value(limit), number, after
        elif limit == above:
            # There is none between the limits.
            break
        else:
            high, n_high = _value(limit), number
        turn += 1
        if n_low == place or (turn > _PATIENCE and turn % 2 == 0):
            limit = above
        elif low == -np.inf or high == np.inf:
            limit = _key(low + step if high == np.inf else high - step)
            step *= 4.0
        else:
            limit = _key(low + (high - low) * ((place - n_low) / (n_high - n_low)))
    upper = after if number == n // 2 else limit
    return 0.5 * (_value(limit) + _value(upper))


@njit(nogil=True, cache=True, inline="always")
def _in_order(bits: np.int32) -> np.int32:  # pragma: no cover  (compiled)
    """Turn the bits of numbers into integers of the same order, and back."""
    # Of negative numbers the larger have the larger bits.
    return np.int32(bits ^ ((bits >> np.int32(31)) & np.int32(0x7FFFFFFF)))


@njit(nogil=True, cache=True, inline="always")
def _key(value: float) -> np.int32:  # pragma: no cover  (compiled)
    return _in_order(np.float32(value).view(np.int32))


@njit(nogil=True, cache=True, inline="always")
def _value(key: np.int32) -> float:  # pragma: no cover  (compiled)
    return np.float64(_in_order(key).view(np.float32))


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
