"""A background whose blocks are clipped until they hold sky alone."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import scipy
from numba import njit
from numpy.typing import NDArray

from .._parallel import parallel_map, row_bands

__all__ = ["clipped_background"]

_BAND = 64
"""Rows that are interpolated together, so that they stay in the cache."""


def clipped_background(
    image: NDArray[np.float32], box: int
) -> tuple[NDArray[np.float32], Callable[[], NDArray[np.float32]], float]:
    """Return the background of an image that shows its objects, and its noise.

    Parameters
    ----------
    image : `~numpy.ndarray` of float32
        Shape (ny, nx), finite everywhere.
    box : int
        Side of the blocks, in pixels.

    Returns
    -------
    background : `~numpy.ndarray` of float32
        Shape (ny, nx).
    noise : callable
        Makes the plane of the noise, which not everybody wants.
    typical_noise : float
        Median of the noise of the blocks.

    Notes
    -----
    Each block is clipped at 3 standard deviations about its median until
    nothing changes. Its value is the mode, estimated as 2.5 median - 1.5 mean,
    or the median where these differ by more than 0.3 standard deviations
    (Bertin & Arnouts 1996); its noise is the standard deviation that is left.
    Both are filtered by a median over 3 x 3 blocks and interpolated by a
    bicubic spline.
    """
    starts = [np.arange(0, size, box) for size in image.shape]
    rows = parallel_map(lambda y: _block_row(image[y : y + box], box), starts[0])
    planes = [
        scipy.ndimage.median_filter(np.array([row[which] for row in rows]), 3, mode="nearest")
        for which in (0, 1)
    ]
    background, noise = (
        partial(_interpolated, plane, starts, box, image.shape) for plane in planes
    )
    return background(), noise, float(np.median(planes[1]))


def _interpolated(
    plane: NDArray[np.float64], starts: list[NDArray[np.int_]], box: int, shape: tuple[int, int]
) -> NDArray[np.float32]:
    order = [min(3, n - 1) for n in plane.shape]
    if min(order) == 0:
        return np.full(shape, np.median(plane), dtype=np.float32)
    from scipy.interpolate import BSpline, RectBivariateSpline  # noqa: PLC0415 (heavy)

    centres = (start + (box - 1) / 2 for start in starts)
    spline = RectBivariateSpline(*centres, plane, kx=order[0], ky=order[1])
    *knots, coefficients = spline.tck
    # On a grid, a product of matrices is faster than the spline's own evaluation. Like
    # that, it is constant beyond the outermost centres.
    along_y, along_x = (
        BSpline.design_matrix(np.clip(np.arange(size), t[0], t[-1]), t, k).toarray()
        for size, t, k in zip(shape, knots, order, strict=True)
    )
    columns = coefficients.reshape(along_y.shape[1], along_x.shape[1]) @ along_x.T
    surface = np.empty(shape, dtype=np.float32)

    def fill(band: slice) -> None:
        surface[band] = along_y[band] @ columns

    parallel_map(fill, row_bands(shape[0], _BAND))
    return surface


def _block_row(strip: NDArray[np.float32], box: int) -> NDArray[np.float64]:
    """Return modes and standard deviations, shape (2, n), of the blocks along a strip."""
    starts = range(0, strip.shape[1], box)
    return np.array(
        [_clipped(np.sort(strip[:, x : x + box], axis=None).astype(np.float64)) for x in starts]
    ).T


@njit(nogil=True, cache=True)
def _clipped(values: NDArray[np.float64]) -> tuple[float, float]:  # pragma: no cover  (compiled)
    """Return mode and standard deviation of sorted values."""
    n = len(values)
    # Sums up to each value give those of any range at once. About the median, they are small.
    middle = values[n // 2]
    total, squares = np.zeros(n + 1), np.zeros(n + 1)
    for k in range(n):
        away = values[k] - middle
        total[k + 1] = total[k] + away
        squares[k + 1] = squares[k] + away * away
    low, high = 0, n
    while True:
        m = high - low
        mean = (total[high] - total[low]) / m
        deviation = np.sqrt(max((squares[high] - squares[low]) / m - mean * mean, 0.0))
        mean += middle
        median = (values[low + (m - 1) // 2] + values[low + m // 2]) / 2
        first = max(np.searchsorted(values, median - 3 * deviation), low)
        last = min(np.searchsorted(values, median + 3 * deviation, side="right"), high)
        if (first == low and last == high) or first >= last:
            break
        low, high = first, last
    skewed = abs(mean - median) >= 0.3 * deviation
    return (median if skewed else 2.5 * median - 1.5 * mean), deviation
