"""Medians of blocks of pixels, and smooth surfaces through them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy
from numpy.typing import NDArray

from .._parallel import row_bands
from ..calibration._rectangles import between, robust_statistics
from ..combine.median import median_of
from ._fill import fill_masked

__all__ = [
    "Blocks",
    "add_interpolated",
    "block_medians",
    "interpolate_blocks",
    "interpolate_edges",
    "measure_blocks",
    "smooth_blocks",
]

_BAND = 64
"""Rows that are interpolated together, so that they stay in the cache."""

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
    median, deviation, number = robust_statistics(
        data, mask, *map(between, edges), fewest=4, fraction=_LEAST_FRACTION
    )
    # 1.4826 makes a standard deviation of it; a median is sqrt(pi / 2)
    # times less certain than a mean.
    error = 1.4826 * 1.2533 * deviation / np.sqrt(np.maximum(number, 1))
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
        good = ~mask[block]
        values = data[block][good]
        if values.size >= max(_LEAST_FRACTION * good.size, 4):
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
    image = np.zeros([along[-1] for along in edges], dtype=np.float32)
    add_interpolated(edges, values, image)
    return image


def add_interpolated(
    edges: tuple[NDArray[np.int_], NDArray[np.int_]],
    values: NDArray[np.floating],
    image: NDArray[np.float32],
) -> None:
    """Add to an image the values at the centres between edges, interpolated (bilinear)."""
    values = values.astype(np.float32)
    lines = np.empty((len(values), image.shape[1]), dtype=np.float32)
    for columns in row_bands(image.shape[1], _BAND):
        blocks, weights = _weights(edges[1], columns)
        lines[:, columns] = values[:, blocks] @ weights.T
    for rows in row_bands(len(image), _BAND):
        blocks, weights = _weights(edges[0], rows)
        image[rows] += weights @ lines[blocks]


def _weights(edges: NDArray[np.int_], pixels: slice) -> tuple[slice, NDArray[np.float32]]:
    """Return which blocks matter to some pixels, and how much, shape (n_pixels, n_blocks).

    Few blocks do, so that a product of matrices is quicker than picking two for each pixel.
    """
    places, centres = np.arange(pixels.start, pixels.stop), (edges[1:] + edges[:-1] - 1) / 2
    if len(centres) == 1:
        return slice(0, 1), np.ones((len(places), 1), dtype=np.float32)
    left = np.clip(np.searchsorted(centres, places) - 1, 0, len(centres) - 2)
    fraction = (places - centres[left]) / (centres[left + 1] - centres[left])
    blocks = slice(left[0], left[-1] + 2)
    weights = np.zeros((len(places), blocks.stop - blocks.start), dtype=np.float32)
    pixel, left = np.arange(len(places)), left - blocks.start
    weights[pixel, left], weights[pixel, left + 1] = 1 - fraction, fraction
    return blocks, weights
