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
    for j in range(first_y.size):
        for i in range(first_x.size):
            number[i] = 0
        # Whole rows of the image, one after the other, for all rectangles beside each other:
        # memory is fast only in that order.
        for y in range(first_y[j], last_y[j], step):
            for i in range(first_x.size):
                n = number[i]
                for x in range(first_x[i], last_x[i], step):
                    # The next value overwrites a bad one: no branch to be guessed.
                    values[i, n] = data[y, x]
                    n += not mask[y, x]
                number[i] = n
        for i in range(first_x.size):
            n = number[i]
            out[2, j, i] = n
            size = (last_y[j] - first_y[j]) * (last_x[i] - first_x[i])
            if n >= fewest and n >= fraction * size:
                out[0, j, i], out[1, j, i] = median_and_deviation(values[i], n, scratch)
