"""Compiled statistics along a stack of images.

All take arrays of shape (n, ny, nx) and run along x, where memory is
contiguous. A value under the mask may be anything, NaN included.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numba import njit
from numpy.typing import NDArray

__all__ = ["clip_by_noise", "clip_by_scatter", "load_kernels", "stack_median", "weighted_mean"]

_WIDTH = 256
"""Columns that are sorted together: a few hundred images fit the cache."""


def stack_median(
    values: NDArray[np.float32],
    mask: NDArray[np.bool_],
    lower: bool,  # noqa: FBT001
    median: NDArray[np.float32],
) -> None:
    """Fill ``median`` (ny, nx) with the median of the unmasked values, NaN where there is none.

    Of an even number of values, ``lower`` takes the lower of the two in the
    middle, otherwise their mean is taken.
    """
    _stack_median(values, mask, lower, _comparisons(len(values)), median)


@lru_cache(maxsize=64)
def _comparisons(n: int) -> NDArray[np.int64]:
    """Return the comparisons, shape (number, 2), that put the middle of ``n`` values in place.

    Those of Batcher's merge exchange (Knuth, 5.2.2 M) on which the middle depends.
    """
    top = 1 << max(n - 1, 1).bit_length() - 1
    pairs, p = [], top
    while p > 0:
        q, r, d = top, 0, p
        while d > 0:
            pairs += [(i, i + d) for i in range(n - d) if i & p == r]
            d, q, r = q - p, q // 2, p
        p //= 2
    wanted, kept = {max(n // 2 - 1, 0), n // 2}, []
    for pair in reversed(pairs):
        if not wanted.isdisjoint(pair):
            wanted.update(pair)
            kept.append(pair)
    return np.array(kept[::-1], dtype=np.int64).reshape(-1, 2)


@njit(nogil=True, cache=True)
def _stack_median(
    values: NDArray[np.float32],
    mask: NDArray[np.bool_],
    lower: bool,  # noqa: FBT001
    comparisons: NDArray[np.int64],
    median: NDArray[np.float32],
) -> None:
    """Do what `stack_median` does.

    The comparisons do not depend on the values, so each is done for whole rows at once. They
    are in a table: of rows that follow from a loop, the compiler does not know that no two
    overlap, and takes one pixel after the other.
    Half of the masked values of a pixel count as infinite, half as minus infinite (the odd
    one as infinite): the median of the others stays in the middle.
    """
    n, ny, nx = values.shape
    block = np.empty((n, min(nx, _WIDTH)), np.float32)
    masked = np.empty(block.shape[1], np.int32)
    infinity, half = np.float32(np.inf), np.float32(0.5)
    for y in range(ny):
        for start in range(0, nx, _WIDTH):
            columns = slice(start, min(start + _WIDTH, nx))
            width = columns.stop - start
            masked[:] = 0
            for i in range(n):
                row, bad, line = values[i, y, columns], mask[i, y, columns], block[i]
                for x in range(width):
                    value, number = row[x], masked[x]
                    far = -infinity if number & 1 else infinity
                    line[x] = far if bad[x] else value
                    masked[x] = number + bad[x]
            for k in range(len(comparisons)):
                first, second = block[comparisons[k, 0]], block[comparisons[k, 1]]
                for x in range(width):
                    a, b = first[x], second[x]
                    first[x] = min(a, b)
                    second[x] = max(a, b)
            below, above, out = block[max(n // 2 - 1, 0)], block[n // 2], median[y, columns]
            for x in range(width):
                a, b, m = below[x], above[x], n - masked[x]
                # Halves first: the sum of two large values may overflow.
                of_two = a if lower else half * a + half * b
                of_one = b if n & 1 else a
                middle = of_one if m & 1 else of_two
                out[x] = middle if m > 0 else np.float32(np.nan)


@njit(nogil=True, cache=True)
def clip_by_noise(
    values: NDArray[np.float32],
    variance: NDArray[np.float32],
    mask: NDArray[np.bool_],
    centre: NDArray[np.float32],
    centre_factor: NDArray[np.float32],
    threshold: np.float32,
    gradient: np.float32,
    signal: np.float32,
    used: NDArray[np.bool_],
) -> None:
    """Fill ``used`` with the values that agree with ``centre`` (ny, nx) within the noise.

    ``centre_factor[m]`` times the summed variances of m values is the variance
    of their centre.
    """
    n, ny, nx = values.shape
    tolerance = np.empty(nx, np.float32)
    spread = np.empty(nx, np.float32)
    count = np.empty(nx, np.int32)
    zero, factor = np.float32(0.0), threshold * threshold
    for y in range(ny):
        spread[:] = zero
        count[:] = 0
        for i in range(n):
            noise, bad = variance[i, y], mask[i, y]
            for x in range(nx):
                single = noise[x]
                spread[x] += zero if bad[x] else single
                count[x] += np.int32(0) if bad[x] else np.int32(1)
        _row_tolerance(centre, y, gradient, signal, tolerance)
        for x in range(nx):
            spread[x] *= centre_factor[count[x]]
            # The noise of few values looks like structure: it allows for nothing.
            allowed = tolerance[x] - np.float32(5.0) * np.sqrt(spread[x])
            tolerance[x] = allowed * allowed if allowed > zero else zero
        middle = centre[y]
        for i in range(n):
            row, noise, bad, good = values[i, y], variance[i, y], mask[i, y], used[i, y]
            for x in range(nx):
                deviation = row[x] - middle[x]
                allowed = factor * (noise[x] + spread[x]) + tolerance[x]
                good[x] = (deviation * deviation <= allowed) & (not bad[x])


@njit(nogil=True, cache=True)
def clip_by_scatter(
    values: NDArray[np.float32],
    mask: NDArray[np.bool_],
    low: float,
    high: float,
    used: NDArray[np.bool_],
) -> None:
    """Fill ``used`` with the values left by iterated rejection around the mean."""
    n, ny, nx = values.shape
    column = np.empty(n, np.float64)
    place = np.empty(n, np.int64)
    # No value is further than this from the mean of n values.
    nothing_to_reject = (n - 1) / np.sqrt(n) < 0.999 * min(low, high)
    doubtful = np.zeros(nx, np.bool_)
    for y in range(ny):
        for i in range(n):
            for x in range(nx):
                used[i, y, x] = not mask[i, y, x]
        if nothing_to_reject:
            continue
        _row_doubts(values, mask, y, np.float32(low), np.float32(high), doubtful)
        # Few pixels have anything to reject; only these need the iteration.
        for x in range(nx):
            if not doubtful[x]:
                continue
            m = 0
            for i in range(n):
                used[i, y, x] = False
                if not mask[i, y, x]:
                    # Differences from one value: equal values have no scatter at all.
                    column[m] = values[i, y, x] - (values[place[0], y, x] if m else 0.0)
                    place[m] = i
                    m += 1
            column[0] = 0.0
            m = _reject(column, place, m, low, high)
            for k in range(m):
                used[place[k], y, x] = True


@njit(nogil=True, cache=True)
def weighted_mean(
    values: NDArray[np.float32],
    variance: NDArray[np.float32],
    used: NDArray[np.bool_],
    weights: NDArray[np.float64],
    data: NDArray[np.float32],
    data_variance: NDArray[np.float32],
) -> None:
    """Fill ``data`` and ``data_variance`` (ny, nx) with the weighted mean of the used values.

    Both are 0 where no value is used.
    """
    n, ny, nx = values.shape
    sums = np.empty((3, nx))
    total, noise, weight = sums[0], sums[1], sums[2]
    for y in range(ny):
        sums[:] = 0.0
        for i in range(n):
            w, row, single, good = weights[i], values[i, y], variance[i, y], used[i, y]
            # Two loops: in one, too many arrays would have to be told apart first.
            for x in range(nx):
                value = row[x]
                total[x] += w * value if good[x] else 0.0
                weight[x] += w if good[x] else 0.0
            for x in range(nx):
                value = single[x]
                noise[x] += w * w * value if good[x] else 0.0
        for x in range(nx):
            inverse = 1.0 / weight[x] if weight[x] > 0.0 else 0.0
            data[y, x] = total[x] * inverse
            data_variance[y, x] = noise[x] * inverse * inverse


@njit(nogil=True, cache=True, inline="always")
def _row_tolerance(
    centre: NDArray[np.float32],
    y: int,
    gradient: np.float32,
    signal: np.float32,
    tolerance: NDArray[np.float32],
) -> None:
    """Fill in what a value of row ``y`` may differ from the centre beyond the noise."""
    ny, nx = centre.shape
    for x in range(nx):
        tolerance[x] = np.float32(0.0)
    for row in range(max(y - 1, 0), min(y + 2, ny)):
        for step in range(-1, 2):
            for x in range(1 if step < 0 else 0, nx - 1 if step > 0 else nx):
                difference = abs(centre[row, x + step] - centre[y, x])
                # False for a neighbour without a value, which is NaN.
                if difference > tolerance[x]:  # noqa: PLR1730
                    tolerance[x] = difference
    for x in range(nx):
        height = centre[y, x] if centre[y, x] > 0.0 else np.float32(0.0)
        tolerance[x] = gradient * tolerance[x] + signal * height


@njit(nogil=True, cache=True, inline="always")
def _row_doubts(  # noqa: C901  (one pass after another)
    values: NDArray[np.float32],
    mask: NDArray[np.bool_],
    y: int,
    low: np.float32,
    high: np.float32,
    doubtful: NDArray[np.bool_],
) -> None:
    """Mark the pixels of a row that have a value beyond, or very near, the limits."""
    n, _, nx = values.shape
    zero = np.float32(0.0)
    base = np.zeros(nx, np.float32)
    mean = np.zeros(nx, np.float32)
    squares = np.zeros(nx, np.float32)
    count = np.zeros(nx, np.float32)
    for i in range(n):
        for x in range(nx):
            base[x] = base[x] if mask[i, y, x] else values[i, y, x]
    for i in range(n):
        for x in range(nx):
            mean[x] += zero if mask[i, y, x] else values[i, y, x] - base[x]
            count[x] += zero if mask[i, y, x] else np.float32(1.0)
    for x in range(nx):
        mean[x] /= max(count[x], np.float32(1.0))
    for i in range(n):
        for x in range(nx):
            away = values[i, y, x] - base[x] - mean[x]
            squares[x] += zero if mask[i, y, x] else away * away
    for x in range(nx):
        # The margin is much wider than the rounding errors of single precision.
        freedom = max(count[x] - np.float32(1.0), np.float32(1.0))
        squares[x] = np.float32(0.999) * np.sqrt(squares[x] / freedom)
        doubtful[x] = False
    for i in range(n):
        for x in range(nx):
            away = values[i, y, x] - base[x] - mean[x]
            near = (away >= -low * squares[x]) & (away <= high * squares[x])
            doubtful[x] |= (not mask[i, y, x]) & (not near)


@njit(nogil=True, cache=True, inline="always")
def _reject(
    column: NDArray[np.float64], place: NDArray[np.int64], m: int, low: float, high: float
) -> int:
    """Move the values that survive to the front; return how many they are."""
    while m > 1:
        mean = 0.0
        for k in range(m):
            mean += column[k]
        mean /= m
        squares = 0.0
        for k in range(m):
            squares += (column[k] - mean) ** 2
        deviation = np.sqrt(squares / (m - 1))
        lowest = mean - low * deviation
        highest = mean + high * deviation
        kept = 0
        for k in range(m):
            if lowest <= column[k] <= highest:
                kept += 1
        if kept in (0, m):
            break
        kept = 0
        for k in range(m):
            if lowest <= column[k] <= highest:
                column[kept] = column[k]
                place[kept] = place[k]
                kept += 1
        m = kept
    return m


def load_kernels() -> None:
    """Load a kernel that every reduction needs, and with it what numba needs of its own.

    The first call of any kernel takes a quarter of a second, which can pass while
    the first files are read.
    """
    values, plane = np.zeros((1, 1, 1), np.float32), np.zeros((1, 1), np.float32)
    weighted_mean(values, values, values > 0, np.ones(1), plane, np.zeros_like(plane))
