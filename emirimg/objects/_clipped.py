"""A background whose blocks are clipped until they hold sky alone."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray
from scipy.interpolate import RectBivariateSpline
from scipy.ndimage import median_filter

from .._parallel import parallel_map

__all__ = ["clipped_background"]


def clipped_background(
    image: NDArray[np.float32], box: int
) -> tuple[NDArray[np.float32], NDArray[np.float32], float]:
    """Return the background of an image that shows its objects, and its noise.

    Parameters
    ----------
    image : `~numpy.ndarray` of float32
        Shape (ny, nx), finite everywhere.
    box : int
        Side of the blocks, in pixels.

    Returns
    -------
    background, noise : `~numpy.ndarray` of float32
        Shape (ny, nx).
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
        median_filter(np.array([row[which] for row in rows]), 3, mode="nearest")
        for which in (0, 1)
    ]
    background, noise = (_interpolated(plane, starts, box, image.shape) for plane in planes)
    return background, noise, float(np.median(planes[1]))


def _interpolated(
    plane: NDArray[np.float64], starts: list[NDArray[np.int_]], box: int, shape: tuple[int, int]
) -> NDArray[np.float32]:
    order = [min(3, n - 1) for n in plane.shape]
    if min(order) == 0:
        return np.full(shape, np.median(plane), dtype=np.float32)
    centres = (start + (box - 1) / 2 for start in starts)
    spline = RectBivariateSpline(*centres, plane, kx=order[0], ky=order[1])
    return spline(*(np.arange(size) for size in shape)).astype(np.float32)


@njit(nogil=True, cache=True)
def _block_row(  # pragma: no cover  (compiled)
    strip: NDArray[np.float32], box: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return mode and standard deviation of the blocks along a strip of rows."""
    count = -(-strip.shape[1] // box)
    mode, noise = np.zeros(count), np.zeros(count)
    for i in range(count):
        block = strip[:, i * box : (i + 1) * box]
        values = np.empty(block.size, np.float32)
        n = 0
        for y in range(block.shape[0]):
            for x in range(block.shape[1]):
                values[n] = block[y, x]
                n += 1
        values.sort()
        low, high = 0, n
        while True:
            kept = values[low:high]
            mean = kept.mean()
            deviation = kept.std()
            m = high - low
            median = (kept[(m - 1) // 2] + kept[m // 2]) / 2
            first = max(np.searchsorted(values, median - 3 * deviation), low)
            last = min(np.searchsorted(values, median + 3 * deviation, side="right"), high)
            if first == low and last == high:
                break
            low, high = first, last
        skewed = abs(mean - median) >= 0.3 * deviation
        mode[i] = median if skewed else 2.5 * median - 1.5 * mean
        noise[i] = deviation
    return mode, noise
