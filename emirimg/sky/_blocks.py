"""Medians of blocks of pixels, and smooth surfaces through them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy
from numba import njit
from numpy.typing import NDArray

from ..calibration._median import median_and_deviation
from ..combine.median import median_of
from ._fill import fill_masked

__all__ = [
    "Blocks",
    "block_medians",
    "interpolate_blocks",
    "interpolate_edges",
    "measure_blocks",
    "smooth_blocks",
]

_LEAST_FRACTION = 0.25
"""A block with fewer usable pixels than this tells nothing."""


@dataclass(frozen=True)
class Blocks:
    """Medians of blocks of pixels.

    Parameters
    ----------
    median, error : `~numpy.ndarray`
        Median of the usable pixels of each block and its standard error,
        shape (number along y, number along x); NaN where hardly a pixel is usable.
    y_edges, x_edges : `~numpy.ndarray` of int
        Edges of the blocks, in pixels.
    """

    median: NDArray[np.float64]
    error: NDArray[np.float64]
    y_edges: NDArray[np.int_]
    x_edges: NDArray[np.int_]

    @property
    def centres(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Centres (y, x) of the blocks, 0-based."""
        y, x = ((edges[1:] + edges[:-1] - 1) / 2 for edges in (self.y_edges, self.x_edges))
        return y, x


def measure_blocks(
    data: NDArray[np.floating],
    mask: NDArray[np.bool_] | None,
    edges: tuple[NDArray[np.int_], NDArray[np.int_]],
) -> Blocks:
    """Measure the median of the usable pixels of each block."""
    if mask is None:
        mask = np.zeros(data.shape, dtype=bool)
    median, error = _measure(
        np.ascontiguousarray(data, dtype=np.float32),
        np.ascontiguousarray(mask, dtype=bool),
        *edges,
        _LEAST_FRACTION,
    )
    return Blocks(median, error, *edges)


def block_medians(
    data: NDArray[np.floating],
    mask: NDArray[np.bool_],
    edges: tuple[NDArray[np.int_], NDArray[np.int_]],
) -> Blocks:
    """Measure the median of the usable pixels of each block, but not its error."""
    medians = np.full([len(along) - 1 for along in edges], np.nan)
    for place in np.ndindex(medians.shape):
        block = tuple(slice(*along[k : k + 2]) for along, k in zip(edges, place, strict=True))
        values = data[block][~mask[block]]
        if values.size >= max(_LEAST_FRACTION * mask[block].size, 4):
            medians[place] = median_of(values)
    return Blocks(medians, np.full_like(medians, np.nan), *edges)


def smooth_blocks(blocks: Blocks, sigma: float) -> NDArray[np.float64]:
    """Fill the gaps between the blocks and smooth their medians.

    Parameters
    ----------
    blocks : Blocks
        At least one of them known.
    sigma : float
        Standard deviation of the Gaussian, in blocks.
    """
    known = np.isfinite(blocks.median)
    filled = fill_masked(np.where(known, blocks.median, 0), known)
    if min(filled.shape) < 2:
        return filled
    # Point reflection at the borders keeps a gradient what it is.
    margin = [min(int(3 * sigma) + 1, n - 1) for n in filled.shape]
    padded = np.pad(filled, [(m, m) for m in margin], mode="reflect", reflect_type="odd")
    smooth = scipy.ndimage.gaussian_filter(padded, sigma)
    return smooth[margin[0] : -margin[0], margin[1] : -margin[1]]


def interpolate_blocks(blocks: Blocks, values: NDArray[np.float64]) -> NDArray[np.float32]:
    """Interpolate values at the centres of the blocks to all pixels (bilinear)."""
    return interpolate_edges((blocks.y_edges, blocks.x_edges), values)


def interpolate_edges(
    edges: tuple[NDArray[np.int_], NDArray[np.int_]], values: NDArray[np.floating]
) -> NDArray[np.float32]:
    """Interpolate values at the centres between edges (y, x) to all pixels (bilinear)."""
    y, x = (_linear_weights(item, (item[1:] + item[:-1] - 1) / 2) for item in edges)
    return (y @ values.astype(np.float32)) @ x.T


def _linear_weights(edges: NDArray[np.int_], centres: NDArray[np.float64]) -> NDArray[np.float32]:
    """Return the matrix, shape (n_pixels, n_blocks), of a linear interpolation."""
    pixels = np.arange(edges[-1])
    if len(centres) == 1:
        return np.ones((len(pixels), 1), dtype=np.float32)
    left = np.clip(np.searchsorted(centres, pixels) - 1, 0, len(centres) - 2)
    fraction = (pixels - centres[left]) / (centres[left + 1] - centres[left])
    weights = np.zeros((len(pixels), len(centres)), dtype=np.float32)
    weights[pixels, left] = 1 - fraction
    weights[pixels, left + 1] = fraction
    return weights


@njit(nogil=True, cache=True)
def _measure(  # pragma: no cover  (compiled)
    data: NDArray[np.float32],
    mask: NDArray[np.bool_],
    y_edges: NDArray[np.int_],
    x_edges: NDArray[np.int_],
    least_fraction: float,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return median and standard error (from the median absolute deviation) of all blocks."""
    ny, nx = len(y_edges) - 1, len(x_edges) - 1
    median = np.empty((ny, nx))
    error = np.empty((ny, nx))
    median[:] = np.nan
    error[:] = np.nan
    height = width = 0
    for j in range(ny):
        height = max(height, y_edges[j + 1] - y_edges[j])
    for i in range(nx):
        width = max(width, x_edges[i + 1] - x_edges[i])
    values = np.empty(height * width, np.float32)
    scratch = np.empty_like(values)
    for j in range(ny):
        for i in range(nx):
            size = (y_edges[j + 1] - y_edges[j]) * (x_edges[i + 1] - x_edges[i])
            n = np.int64(0)
            for y in range(y_edges[j], y_edges[j + 1]):
                for x in range(x_edges[i], x_edges[i + 1]):
                    if not mask[y, x]:
                        values[n] = data[y, x]
                        n += 1
            if n < max(least_fraction * size, 4):
                continue
            median[j, i], deviation = median_and_deviation(values, n, scratch)
            # 1.4826 makes a standard deviation of it; a median is sqrt(pi / 2)
            # times less certain than a mean.
            error[j, i] = 1.4826 * 1.2533 * deviation / np.sqrt(n)
    return median, error
