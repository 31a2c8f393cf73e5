"""Compiled evaluation of a pixel map."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

__all__ = ["interpolate_row", "interpolate_rows"]


# These become part of what calls them. Compiled on their own, they were called in one form by
# the process that compiled, and kept in another for later ones, which differed in last bits.
@njit(nogil=True, cache=True, inline="always")
def interpolate_row(
    nodes: NDArray[np.float64],
    step: int,
    offset_y: int,
    offset_x: int,
    row: int,
    out: NDArray[np.float64],
) -> None:
    """Interpolate one row of some planes between their nodes.

    ``nodes`` has the shape (k, n_rows, n_columns), ``out`` (k, nx). Pixel
    (row, x) lies (row + offset_y, x + offset_x) pixels from node (0, 0).
    """
    j = (row + offset_y) // step
    inverse = 1.0 / step
    f = (row + offset_y - j * step) * inverse
    u0 = -f * (f - 1.0) * (f - 2.0) / 6.0
    u1 = (f + 1.0) * (f - 1.0) * (f - 2.0) / 2.0
    u2 = -(f + 1.0) * f * (f - 2.0) / 2.0
    u3 = (f + 1.0) * f * (f - 1.0) / 6.0
    n_planes, nx = out.shape
    for k in range(n_planes):
        rows = nodes[k]
        m = offset_x // step
        start = m * step - offset_x
        p0 = _along_y(rows, j, m - 1, u0, u1, u2, u3)
        p1 = _along_y(rows, j, m, u0, u1, u2, u3)
        p2 = _along_y(rows, j, m + 1, u0, u1, u2, u3)
        while start < nx:
            p3 = _along_y(rows, j, m + 2, u0, u1, u2, u3)
            # The cubic through the four, as a polynomial in the distance from p1.
            c1 = -p0 / 3.0 - p1 / 2.0 + p2 - p3 / 6.0
            c2 = (p0 + p2) / 2.0 - p1
            c3 = (p3 - p0) / 6.0 + (p1 - p2) / 2.0
            # Indices without a sign, and short numbers: several points at a time.
            for i in range(np.uint64(max(start, 0)), np.uint64(min(start + step, nx))):
                g = (np.int32(i) - np.int32(start)) * inverse
                out[k, i] = p1 + g * (c1 + g * (c2 + g * c3))
            p0, p1, p2 = p1, p2, p3
            start += step
            m += 1


@njit(nogil=True, cache=True)
def interpolate_rows(
    nodes: NDArray[np.float64],
    step: int,
    offset_y: int,
    offset_x: int,
    first_row: int,
    out: NDArray[np.float64],
) -> None:
    """Interpolate the rows from ``first_row`` on; ``out`` has the shape (k, ny, nx)."""
    for i in range(out.shape[1]):
        interpolate_row(nodes, step, offset_y, offset_x, first_row + i, out[:, i])


@njit(nogil=True, cache=True, inline="always")
def _along_y(
    rows: NDArray[np.float64], j: int, m: int, u0: float, u1: float, u2: float, u3: float
) -> float:
    """Interpolate column ``m`` of the nodes between rows ``j`` and ``j + 1``."""
    return u0 * rows[j - 1, m] + u1 * rows[j, m] + u2 * rows[j + 1, m] + u3 * rows[j + 2, m]
