"""Large-scale background and noise of a mosaic whose objects are known or not."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import scipy
from numpy.typing import NDArray

from .._lazy import LazyPlane
from .._parallel import parallel_map, row_bands
from ..alignment.kernels import block_statistics

__all__ = ["block_map", "block_mean", "robust_rms", "some_pixels", "subtract_background"]

_LEAST_FREE = 0.2
"""Part of a block that must be free of objects."""
_BAND = 64
"""Rows that are worked on together, so that they stay in the cache."""


_ENOUGH = 300_000
"""So many pixels tell the noise to a few parts in a thousand."""


def robust_rms(values: NDArray, *, overwrite: bool = False) -> float:
    """Return 1.4826 times the median absolute deviation; NaN if there are no values.

    Parameters
    ----------
    values : `~numpy.ndarray`
        Any numbers.
    overwrite : bool, optional
        Whether they, of a floating type, may be lost: no copies of them are made then.
        Default: no.
    """
    if values.size == 0:
        return np.nan
    middle = np.median(values, overwrite_input=overwrite)
    away = np.subtract(values, middle, out=values) if overwrite else np.asarray(values - middle)
    return float(1.4826 * np.median(np.abs(away, out=away), overwrite_input=True))


def some_pixels(shape: tuple[int, int], number: int = _ENOUGH) -> tuple[slice, slice]:
    """Return every pixel of a small image, and about ``number`` of a large one, for its noise."""
    step = max(1, math.isqrt(shape[0] * shape[1] // number))
    return slice(None, None, step), slice(None, None, step)


def block_map(
    image: NDArray[np.float32],
    mask: NDArray[np.bool_],
    box: int,
    *,
    least: float = _LEAST_FREE,
    step: int = 1,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the medians and the robust rms of blocks of an image.

    Parameters
    ----------
    image : `~numpy.ndarray` of float32
        Shape (ny, nx).
    mask : `~numpy.ndarray` of bool
        True where a pixel does not count.
    box : int
        Side of a block, in pixels; the last of a row takes what is left over.
    least : float, optional
        Blocks with a smaller part of usable pixels are NaN. Default: 0.2.
    step : int, optional
        Every ``step``-th pixel of every ``step``-th row is looked at. Default: 1.

    Returns
    -------
    level, noise : `~numpy.ndarray`
        Shape (n_rows, n_columns).
    """
    along_y, along_x = (_edges(size, box) for size in image.shape)

    def measure(y_edges: NDArray[np.int64]) -> tuple[NDArray, ...]:
        masked = [
            [np.count_nonzero(mask[y0:y1, x0:x1]) for x0, x1 in pairwise(along_x)]
            for y0, y1 in pairwise(y_edges)
        ]
        return *block_statistics(image, mask, y_edges, along_x, step), np.array(masked)

    # A few rows of blocks for each processor.
    number = len(along_y) - 1
    parts = [along_y[rows.start : rows.stop + 1] for rows in row_bands(number, -(-number // 4))]
    level, noise, masked = map(np.concatenate, zip(*parallel_map(measure, parts), strict=True))
    area = np.outer(np.diff(along_y), np.diff(along_x))
    poor = area - masked < least * area
    level[poor], noise[poor] = np.nan, np.nan
    return level, noise


def block_mean(
    image: NDArray[np.float32] | LazyPlane, mask: NDArray[np.bool_] | LazyPlane | None, step: int
) -> NDArray[np.float32]:
    """Return the means of the usable pixels of square blocks; NaN where there are none.

    Parameters
    ----------
    image : `~numpy.ndarray` of float32 or LazyPlane
        Shape (ny, nx).
    mask : `~numpy.ndarray` of bool, LazyPlane or None
        True where a pixel does not count.
    step : int
        Side of a block, in pixels; what is left over at the end is not used.
    """
    ny, nx = (size // step for size in image.shape)
    means = np.full((ny, nx), np.nan, np.float32)
    # A few rows of blocks stay in the cache, and planes that are worked out never exist.
    for band in row_bands(ny, max(1, _BAND // step)):
        rows, number = slice(band.start * step, band.stop * step), band.stop - band.start
        pixels = np.array(image[rows, : nx * step], dtype=np.float32)
        good = np.isfinite(pixels)
        if mask is not None:
            good &= ~mask[rows, : nx * step]
        np.copyto(pixels, 0, where=~good)
        # Rows are added to rows first: that is done for many pixels at once.
        shape = (number, step, nx * step)
        sums = pixels.reshape(shape).sum(axis=1)
        count = good.view(np.uint8).reshape(shape).sum(axis=1, dtype=np.uint16)
        total, seen = (sum(plane[:, i::step] for i in range(step)) for plane in (sums, count))
        np.divide(total, seen, out=means[band], where=seen > 0)
    return means


def subtract_background(image: NDArray[np.float32], mask: NDArray[np.bool_], box: int) -> None:
    """Subtract, in place, a background that is smooth on the scale of a few blocks.

    Medians of blocks, blocks full of objects filled from their neighbours,
    filtered by a median over 3 x 3 of them and interpolated linearly.
    """
    level, _ = block_map(image, mask, box)
    known = np.isfinite(level)
    if not known.any():
        return
    level = _filled(level, known)
    # At the rim the filter would flatten a slope: it sees the level without one.
    slope = _plane(level)
    level = slope + scipy.ndimage.median_filter(level - slope, 3, mode="nearest")
    _subtract_interpolated(image, level.astype(np.float32))


def _subtract_interpolated(image: NDArray[np.float32], level: NDArray[np.float32]) -> None:
    """Subtract blocks, linearly interpolated, and extrapolated beyond the outer ones."""
    # That is separable: rows first, columns then.
    low, part = _places(image.shape[0], level.shape[0])
    steps = np.diff(level, axis=0, append=level[-1:])
    rows = level[low] + part[:, None] * steps[low]
    steps = np.diff(rows, axis=1, append=rows[:, -1:])
    low, part = _places(image.shape[1], level.shape[1])
    edges = np.searchsorted(low, np.arange(low[-1] + 2))
    for band in row_bands(image.shape[0], _BAND):
        for block, (start, stop) in enumerate(pairwise(edges)):
            left, step = rows[band, block, None], steps[band, block, None]
            image[band, start:stop] -= left + step * part[start:stop]


def _plane(level: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the least-squares plane through the blocks."""
    j, i = np.indices(level.shape)
    terms = np.column_stack([np.ones(level.size), j.ravel(), i.ravel()])
    return (terms @ np.linalg.lstsq(terms, level.ravel())[0]).reshape(level.shape)


def _places(size: int, number: int) -> tuple[NDArray[np.int_], NDArray[np.float32]]:
    """Return for each pixel the block before it, and its distance from that in blocks.

    The last block is before none: what is beyond is extrapolated.
    """
    place = (np.arange(size) + 0.5) * number / size - 0.5
    low = np.clip(place.astype(int), 0, max(number - 2, 0))
    return low, (place - low).astype(np.float32)


def _edges(size: int, box: int) -> NDArray[np.int64]:
    return np.linspace(0, size, max(1, round(size / box)) + 1).astype(np.int64)


def _filled(level: NDArray[np.float64], known: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Give unknown blocks the mean of their neighbours, ring by ring."""
    level, known = np.where(known, level, 0.0), known.copy()
    while not known.all():
        padded, weight = np.pad(level, 1), np.pad(known.astype(float), 1)
        ny, nx = level.shape
        windows = [(slice(j, j + ny), slice(i, i + nx)) for j in range(3) for i in range(3)]
        total = sum(padded[w] for w in windows)
        count = sum(weight[w] for w in windows)
        new = ~known & (count > 0)
        level[new] = total[new] / count[new]
        known |= new
    return level
