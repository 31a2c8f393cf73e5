"""Compiled loops of the star finder: one idea each, free of the GIL.

All take float32 images in axis order (y, x) and 0-based pixel centres, and
boolean masks that are True where a pixel must not be used.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from ..calibration._rectangles import between, robust_statistics

__all__ = ["block_statistics", "fill_masked", "local_maxima"]


def fill_masked(
    data: NDArray[np.float32], mask: NDArray[np.bool_], level: float
) -> NDArray[np.float32]:
    """Return a copy whose masked pixels hold a mean of their good neighbours.

    The neighbours in a square of 5 pixels are weighted with the inverse square
    of their distance; a pixel without any becomes ``level``.
    """
    filled = data.copy()  # by NumPy, which asks the system for large pages
    _fill(data, mask, level, np.flatnonzero(mask), filled)
    return filled


@njit(nogil=True, cache=True)
def _fill(
    data: NDArray[np.float32],
    mask: NDArray[np.bool_],
    level: float,
    places: NDArray[np.int64],
    filled: NDArray[np.float32],
) -> None:
    ny, nx = data.shape
    for place in places:
        y, x = place // nx, place % nx
        total, weights = 0.0, 0.0
        for j in range(max(0, y - 2), min(ny, y + 3)):
            for i in range(max(0, x - 2), min(nx, x + 3)):
                if not mask[j, i]:
                    weight = 1.0 / ((j - y) ** 2 + (i - x) ** 2)
                    total += weight * data[j, i]
                    weights += weight
        filled[y, x] = total / weights if weights > 0.0 else level


def block_statistics(
    data: NDArray[np.float32],
    mask: NDArray[np.bool_],
    y_edges: NDArray[np.int64],
    x_edges: NDArray[np.int64],
    step: int,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the median and the robust standard deviation of blocks of an image.

    Every ``step``-th pixel of every ``step``-th row is looked at. Blocks with
    fewer than 16 good ones are NaN.
    """
    level, deviation, _ = robust_statistics(
        data, mask, between(y_edges), between(x_edges), step=step, fewest=16
    )
    return level, 1.4826 * deviation


def local_maxima(
    smooth: NDArray[np.float32],
    filled: NDArray[np.float32],
    level: NDArray[np.float64],
    noise: NDArray[np.float64],
    threshold: float,
    sharpest: float,
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """Find the peaks of a smoothed image that are not single-pixel hits.

    Parameters
    ----------
    smooth, filled : `~numpy.ndarray`
        The image, smoothed and as it is.
    level, noise : `~numpy.ndarray`
        Background and its standard deviation in ``smooth``, in blocks.
    threshold : float
        Least height above the background, in units of the noise.
    sharpest : float
        Least ratio of the mean of the eight neighbours of the brightest pixel
        to that pixel.

    Returns
    -------
    y, x : `~numpy.ndarray` of int
        Positions of the maxima over squares of 5 pixels.
    height : `~numpy.ndarray`
        Height of ``smooth`` above the background, in units of the noise.
    """
    ny, nx = smooth.shape
    # No two maxima are in one square of 3 pixels.
    places = np.empty((ny // 3 + 1) * (nx // 3 + 1), dtype=np.int64)
    places = places[: _peaks(smooth, level, noise, threshold, places)]
    y, x = np.divmod(places, nx)
    base = _between_blocks(level, y, x, smooth.shape)
    height = (smooth[y, x] - base) / _between_blocks(noise, y, x, smooth.shape)
    keep = (height > threshold) & (_neighbours(filled, y, x, base) >= sharpest)
    return y[keep], x[keep], height[keep]


@njit(nogil=True, cache=True)
def _peaks(
    smooth: NDArray[np.float32],
    level: NDArray[np.float64],
    noise: NDArray[np.float64],
    threshold: float,
    places: NDArray[np.int64],
) -> int:
    """Fill in the places, in the flattened image, of maxima above their blocks.

    Returns how many they are.
    """
    ny, nx = smooth.shape
    by, bx = level.shape
    n = 0
    for y in range(2, ny - 2):
        row, line = y * by // ny, smooth[y]
        for column in range(bx):
            limit = level[row, column] + threshold * noise[row, column]
            first, last = -(-column * nx // bx), -(-(column + 1) * nx // bx)
            for x in range(max(first, 2), min(last, nx - 2)):
                if line[x] > limit and _is_peak(smooth, y, x):
                    places[n] = y * nx + x
                    n += 1
    return n


@njit(nogil=True, cache=True, inline="always")
def _is_peak(image: NDArray[np.float32], y: int, x: int) -> bool:
    value = image[y, x]
    for j in range(y - 2, y + 3):
        for i in range(x - 2, x + 3):
            other = image[j, i]
            if other > value:
                return False
            # Of equal neighbours the first in reading order is the peak.
            if other == value and (j < y or (j == y and i < x)):
                return False
    return True


def _neighbours(
    image: NDArray[np.float32],
    y: NDArray[np.int64],
    x: NDArray[np.int64],
    base: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Return the mean of the neighbours of the brightest pixel about places, in its units."""
    around = [(j, i) for j in (-1, 0, 1) for i in (-1, 0, 1)]
    brightest = np.argmax([image[y + j, x + i] for j, i in around], axis=0)
    y, x = y + brightest // 3 - 1, x + brightest % 3 - 1
    centre = image[y, x] - base
    total = sum(image[y + j, x + i] - base for j, i in around)
    others = total - centre
    return np.divide(others, 8.0 * centre, out=np.zeros_like(centre), where=centre > 0.0)


def _between_blocks(
    blocks: NDArray[np.float64],
    y: NDArray[np.int64],
    x: NDArray[np.int64],
    shape: tuple[int, int],
) -> NDArray[np.float64]:
    """Interpolate between the centres of blocks, bilinearly."""
    (by, bx), (ny, nx) = blocks.shape, shape
    v = np.clip((y + 0.5) * by / ny - 0.5, 0.0, by - 1.0)
    u = np.clip((x + 0.5) * bx / nx - 0.5, 0.0, bx - 1.0)
    j = np.minimum(v.astype(int), max(by - 2, 0))
    i = np.minimum(u.astype(int), max(bx - 2, 0))
    v, u = v - j, u - i
    j1, i1 = np.minimum(j + 1, by - 1), np.minimum(i + 1, bx - 1)
    return (1.0 - v) * ((1.0 - u) * blocks[j, i] + u * blocks[j, i1]) + v * (
        (1.0 - u) * blocks[j1, i] + u * blocks[j1, i1]
    )
