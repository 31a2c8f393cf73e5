"""The smoothing of which a starlet transform is made."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from .._parallel import parallel_map, row_bands

__all__ = ["smoothed"]

_BAND = 256
"""Rows that are smoothed together."""


def smoothed(
    image: NDArray[np.float32], step: int, out: NDArray[np.float32] | None = None
) -> NDArray[np.float32]:
    """Smooth with the cubic B-spline whose five points lie ``step`` pixels apart.

    Parameters
    ----------
    image : `~numpy.ndarray` of float32
        Shape (ny, nx); mirrored at its borders.
    step : int
        Distance of the points.
    out : `~numpy.ndarray` of float32, optional
        Where the result is written; another array than the image.
    """
    image = np.ascontiguousarray(image, dtype=np.float32)
    result = np.empty_like(image) if out is None else out

    def smooth(rows: slice) -> None:
        line = np.empty(image.shape[1] + 4 * step, dtype=np.float32)
        _smooth(image, step, rows.start, rows.stop, line, result)

    bands = row_bands(len(image), _BAND)
    if len(bands) == 1:  # threads cost more than a small image
        smooth(bands[0])
    else:
        parallel_map(smooth, bands)
    return result


@njit(nogil=True, cache=True)
def _mirror(index: int, n: int) -> int:  # pragma: no cover  (compiled)
    if n == 1:
        return 0
    period = 2 * (n - 1)
    index = abs(index) % period
    return period - index if index >= n else index


@njit(nogil=True, cache=True, fastmath=True)
def _smooth(  # pragma: no cover  (compiled)
    image: NDArray[np.float32],
    step: int,
    first: int,
    last: int,
    line: NDArray[np.float32],
    result: NDArray[np.float32],
) -> None:
    """Fill some rows of ``result``.

    ``line`` holds a row smoothed along y, and at both ends 2 steps of its mirror image: it is
    still in the cache when it is smoothed along x.
    """
    ny, nx = image.shape
    margin = 2 * step
    middle = line[margin:]
    for y in range(first, last):
        a, b = image[_mirror(y - margin, ny)], image[_mirror(y - step, ny)]
        c, d = image[_mirror(y + step, ny)], image[_mirror(y + margin, ny)]
        row, out = image[y], result[y]
        for x in range(nx):
            middle[x] = (
                np.float32(0.0625) * (a[x] + d[x])
                + np.float32(0.25) * (b[x] + c[x])
                + np.float32(0.375) * row[x]
            )
        for x in range(margin):
            line[margin - 1 - x] = middle[_mirror(x + 1, nx)]
            middle[nx + x] = middle[_mirror(nx + x, nx)]
        # Arrays that begin at the points of the spline: indices that might be
        # negative would keep the compiler from working on many pixels at once.
        left, right, last_point = line[step:], line[3 * step :], line[4 * step :]
        for x in range(nx):
            out[x] = (
                np.float32(0.0625) * (line[x] + last_point[x])
                + np.float32(0.25) * (left[x] + right[x])
                + np.float32(0.375) * middle[x]
            )
