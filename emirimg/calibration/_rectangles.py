"""Medians and scatter of rectangles of pixels."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from ._median import median_and_deviation

__all__ = ["between", "robust_statistics"]

_Ranges = tuple[NDArray[np.int_], NDArray[np.int_]]


def between(edges: NDArray[np.int_]) -> _Ranges:
    """Return where the ranges between successive edges begin and end."""
    return edges[:-1], edges[1:]


def robust_statistics(
    data: NDArray[np.floating],
    mask: NDArray[np.bool_],
    rows: _Ranges,
    columns: _Ranges,
    *,
    step: int = 1,
    fewest: int = 1,
    fraction: float = 0.0,
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return the median of rectangles of an image, and how the values scatter about it.

    One compiled loop serves blocks, lines and channels: each more would be compiled, and
    loaded, for itself.

    Parameters
    ----------
    data, mask : `~numpy.ndarray`
        Image and its bad pixels, shape (ny, nx).
    rows, columns : tuple of `~numpy.ndarray` of int
        Where the rectangles begin and end: all of ``rows`` by all of ``columns``.
    step : int, optional
        Every ``step``-th pixel of every ``step``-th row is looked at.
    fewest, fraction : optional
        Rectangles with fewer usable pixels, or a smaller part of them, are NaN.

    Returns
    -------
    median, deviation, number : `~numpy.ndarray`
        Median, median absolute deviation from it and number of the usable pixels, shape
        (number of rows, number of columns).
    """
    ranges = [np.ascontiguousarray(item, dtype=np.int64) for item in (*rows, *columns)]
    first_y, last_y, first_x, last_x = ranges
    out = np.full((3, len(first_y), len(first_x)), np.nan)
    size = -((first_y - last_y) // step).min() * -((first_x - last_x) // step).min()
    _measure(
        np.ascontiguousarray(data, dtype=np.float32),
        np.ascontiguousarray(mask, dtype=bool),
        *ranges,
        step,
        fewest,
        fraction,
        np.empty((len(first_x), size), dtype=np.float32),
        np.empty(size, dtype=np.float32),
        np.empty(len(first_x), dtype=np.int64),
        out,
    )
    return out[0], out[1], out[2]


@njit(nogil=True, cache=True)
def _measure(  # pragma: no cover  (compiled)
    data: NDArray[np.float32],
    mask: NDArray[np.bool_],
    first_y: NDArray[np.int64],
    last_y: NDArray[np.int64],
    first_x: NDArray[np.int64],
    last_x: NDArray[np.int64],
    step: int,
    fewest: int,
    fraction: float,
    values: NDArray[np.float32],
    scratch: NDArray[np.float32],
    number: NDArray[np.int64],
    out: NDArray[np.float64],
) -> None:
    """Fill ``out``, shape (3, number of rows, number of columns); few values leave it alone."""
    middle, deviation = 0.0, 1.0
    for j in range(first_y.size):
        number[:] = 0
        # Whole rows of the image, one after the other, for all rectangles beside each other:
        # memory is fast only in that order.
        for k in range(-((first_y[j] - last_y[j]) // step)):
            y = first_y[j] + k * step
            for i in range(first_x.size):
                width = -((first_x[i] - last_x[i]) // step)
                row, bad = data[y, first_x[i] :], mask[y, first_x[i] :]
                line = values[i, k * width :]
                # Neighbours in memory are taken many at once.
                if step == 1:
                    number[i] += _take(row, bad, 1, width, line)
                else:
                    number[i] += _take(row, bad, step, width, line)
        for i in range(first_x.size):
            n = number[i]
            out[2, j, i] = n
            height, width = last_y[j] - first_y[j], last_x[i] - first_x[i]
            if n >= fewest and n >= fraction * height * width:
                size = -(-height // step) * -(-width // step)
                middle, deviation = median_and_deviation(
                    values[i], size, n, scratch, middle, deviation
                )
                out[0, j, i], out[1, j, i] = middle, deviation


@njit(nogil=True, cache=True, inline="always")
def _take(  # pragma: no cover  (compiled)
    row: NDArray[np.float32],
    bad: NDArray[np.bool_],
    step: int,
    width: int,
    line: NDArray[np.float32],
) -> int:
    """Fill the beginning of ``line``, with infinity for bad pixels; return how many are good."""
    good = np.int32(0)
    for x in range(width):
        value, is_bad = row[x * step], bad[x * step]
        line[x] = np.float32(np.inf) if is_bad else value
        good = np.int32(good + (np.int32(0) if is_bad else np.int32(1)))
    return good
