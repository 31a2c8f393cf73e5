"""Compiled loops of the star finder: one idea each, free of the GIL.

All take float32 images in axis order (y, x) and 0-based pixel centres, and
boolean masks that are True where a pixel must not be used.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

from ..calibration._median import median_and_deviation

__all__ = ["block_statistics", "fill_masked", "local_maxima", "mirrored_value"]


@njit(nogil=True, cache=True)
def fill_masked(
    data: NDArray[np.float32], mask: NDArray[np.bool_], level: float
) -> NDArray[np.float32]:
    """Return a copy whose masked pixels hold a mean of their good neighbours.

    The neighbours in a square of 5 pixels are weighted with the inverse square
    of their distance; a pixel without any becomes ``level``.
    """
    ny, nx = data.shape
    filled = data.copy()
    for y in range(ny):
        for x in range(nx):
            if not mask[y, x]:
                continue
            total, weights = 0.0, 0.0
            for j in range(max(0, y - 2), min(ny, y + 3)):
                for i in range(max(0, x - 2), min(nx, x + 3)):
                    if not mask[j, i]:
                        weight = 1.0 / ((j - y) ** 2 + (i - x) ** 2)
                        total += weight * data[j, i]
                        weights += weight
            filled[y, x] = total / weights if weights > 0.0 else level
    return filled


@njit(nogil=True, cache=True)
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
    shape = (y_edges.size - 1, x_edges.size - 1)
    level = np.empty(shape)
    noise = np.empty(shape)
    level[:] = np.nan
    noise[:] = np.nan
    rows = columns = 0
    for row in range(shape[0]):
        rows = max(rows, -(-(y_edges[row + 1] - y_edges[row]) // step))
    for column in range(shape[1]):
        columns = max(columns, -(-(x_edges[column + 1] - x_edges[column]) // step))
    values = np.empty(rows * columns, dtype=np.float32)
    scratch = np.empty_like(values)
    for row in range(shape[0]):
        for column in range(shape[1]):
            n = np.int64(0)
            for y in range(y_edges[row], y_edges[row + 1], step):
                for x in range(x_edges[column], x_edges[column + 1], step):
                    if not mask[y, x]:
                        values[n] = data[y, x]
                        n += 1
            if n < 16:
                continue
            level[row, column], deviation = median_and_deviation(values, n, scratch)
            noise[row, column] = 1.4826 * deviation
    return level, noise


@njit(nogil=True, cache=True)
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
    by, bx = level.shape
    found_y, found_x, found = [], [], []
    for y in range(2, ny - 2):
        row = min(y * by // ny, by - 1)
        for x in range(2, nx - 2):
            value = smooth[y, x]
            column = min(x * bx // nx, bx - 1)
            base = level[row, column]
            if not value - base > threshold * noise[row, column]:
                continue
            if not _is_peak(smooth, y, x):
                continue
            base = _between_blocks(level, y, x, ny, nx)
            height = (value - base) / _between_blocks(noise, y, x, ny, nx)
            if height > threshold and _neighbours(filled, y, x, base) >= sharpest:
                found_y.append(y)
                found_x.append(x)
                found.append(height)
    return (
        np.array(found_y, dtype=np.int64),
        np.array(found_x, dtype=np.int64),
        np.array(found, dtype=np.float64),
    )


@njit(nogil=True, cache=True)
def mirrored_value(
    data: NDArray[np.float32],
    mask: NDArray[np.bool_],
    filled: NDArray[np.float32],
    x: float,
    y: float,
) -> float:
    """Return the value at a place between pixels, by bicubic interpolation.

    The convolution kernel of Keys (1981) with a = -1/2. Where one of the 4 x 4
    pixels is masked its filled value stands in.
    """
    ny, nx = data.shape
    i0, j0 = math.floor(x), math.floor(y)
    if i0 < 1 or j0 < 1 or i0 > nx - 3 or j0 > ny - 3:
        return np.nan
    total = 0.0
    for j in range(j0 - 1, j0 + 3):
        weight_y = _keys(y - j)
        for i in range(i0 - 1, i0 + 3):
            value = filled[j, i] if mask[j, i] else data[j, i]
            total += weight_y * _keys(x - i) * value
    return total


@njit(nogil=True, cache=True)
def _keys(t: float) -> float:
    t = abs(t)
    if t < 1.0:
        return 1.0 + t * t * (1.5 * t - 2.5)
    if t < 2.0:
        return 2.0 + t * (-4.0 + t * (2.5 - 0.5 * t))
    return 0.0


@njit(nogil=True, cache=True)
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


@njit(nogil=True, cache=True)
def _neighbours(image: NDArray[np.float32], y: int, x: int, base: float) -> float:
    """Return the mean of the neighbours of the brightest pixel, in its units."""
    top, cy, cx = -np.inf, y, x
    for j in range(y - 1, y + 2):
        for i in range(x - 1, x + 2):
            if image[j, i] > top:
                top, cy, cx = image[j, i], j, i
    total = 0.0
    for j in range(cy - 1, cy + 2):
        for i in range(cx - 1, cx + 2):
            total += image[j, i] - base
    centre = top - base
    return (total - centre) / (8.0 * centre) if centre > 0.0 else 0.0


@njit(nogil=True, cache=True)
def _between_blocks(blocks: NDArray[np.float64], y: int, x: int, ny: int, nx: int) -> float:
    """Interpolate between the centres of blocks, bilinearly."""
    by, bx = blocks.shape
    v = min(max((y + 0.5) * by / ny - 0.5, 0.0), by - 1.0)
    u = min(max((x + 0.5) * bx / nx - 0.5, 0.0), bx - 1.0)
    j, i = min(int(v), max(by - 2, 0)), min(int(u), max(bx - 2, 0))
    v, u = v - j, u - i
    j1, i1 = min(j + 1, by - 1), min(i + 1, bx - 1)
    return (1.0 - v) * ((1.0 - u) * blocks[j, i] + u * blocks[j, i1]) + v * (
        (1.0 - u) * blocks[j1, i] + u * blocks[j1, i1]
    )
