"""Fill gaps of an image smoothly from their surroundings."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .._parallel import row_bands

__all__ = ["fill_gaps", "fill_masked"]

_BAND = 64
"""Rows of pairs that are added up together, so that they stay in the cache."""


def fill_masked(
    image: NDArray[np.floating], known: NDArray[np.bool_] | NDArray[np.floating]
) -> NDArray[np.floating]:
    """Replace unknown pixels by an interpolation of the known ones.

    Parameters
    ----------
    image : `~numpy.ndarray`
        Shape (ny, nx); finite everywhere.
    known : `~numpy.ndarray`
        True, or a positive weight, where the image is known.

    Returns
    -------
    `~numpy.ndarray`
        Known pixels keep their values. All zero when none is known.

    Notes
    -----
    A pyramid of averages over 2 x 2 pixels carries the known values up until
    there are no gaps; on the way back each gap takes what the coarser image
    says, interpolated. Gaps of any size are filled, the small ones from near by.
    """
    if np.all(known):
        return image
    filled = np.array(image)
    fill_gaps(filled, known)
    return filled


def fill_gaps(
    image: NDArray[np.floating], known: NDArray[np.bool_] | NDArray[np.floating]
) -> None:
    """Do in place what `fill_masked` does."""
    gaps = np.logical_not(known)
    if not gaps.any():
        return
    if min(image.shape) < 2:
        weight = np.asarray(known, dtype=np.float32)
        total = weight.sum()
        image[gaps] = (image * weight).sum() / total if total > 0 else 0.0
        return
    coarse, weight = _pairs(image, known)
    np.divide(coarse, weight, out=coarse, where=weight > 0)
    # Many pixels know better than one, but no better than four.
    fill_gaps(coarse, np.minimum(weight, 4))
    y, x = np.divmod(np.flatnonzero(gaps), image.shape[1])
    image[y, x] = _sample(coarse, (y - 0.5) / 2, (x - 0.5) / 2)


def _pairs(
    image: NDArray[np.floating], known: NDArray[np.bool_] | NDArray[np.floating]
) -> tuple[NDArray[np.floating], NDArray[np.float32]]:
    """Add up 2 x 2 pixels, each times its weight, and their weights.

    An odd row or column at the end is a pair of its own.
    """
    ny, nx = ((n + 1) // 2 for n in image.shape)
    sums, weights = np.empty((ny, nx), dtype=image.dtype), np.empty((ny, nx), dtype=np.float32)
    for rows in row_bands(ny, _BAND):
        pixels = slice(2 * rows.start, 2 * rows.stop)
        weight = np.asarray(known[pixels], dtype=np.float32)
        for plane, out in ((image[pixels] * weight, sums[rows]), (weight, weights[rows])):
            lines = plane[::2].copy()
            lines[: len(plane) // 2] += plane[1::2]
            out[...] = lines[:, ::2]
            out[:, : image.shape[1] // 2] += lines[:, 1::2]
    return sums, weights


def _sample(
    image: NDArray[np.floating], y: NDArray[np.float64], x: NDArray[np.float64]
) -> NDArray[np.floating]:
    """Interpolate the image at some places (bilinear)."""
    j = np.clip(np.floor(y).astype(int), 0, max(image.shape[0] - 2, 0))
    i = np.clip(np.floor(x).astype(int), 0, max(image.shape[1] - 2, 0))
    fy, fx = np.clip(y - j, 0, 1), np.clip(x - i, 0, 1)
    up, right = np.minimum(j + 1, image.shape[0] - 1), np.minimum(i + 1, image.shape[1] - 1)
    low = (1 - fx) * image[j, i] + fx * image[j, right]
    high = (1 - fx) * image[up, i] + fx * image[up, right]
    return (1 - fy) * low + fy * high
