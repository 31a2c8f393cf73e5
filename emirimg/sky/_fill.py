"""Fill gaps of an image smoothly from their surroundings."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["fill_masked"]


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
    weight = np.asarray(known, dtype=np.float32)
    gaps = weight == 0
    if not gaps.any():
        return image
    if min(image.shape) < 2:
        total = weight.sum()
        mean = (image * weight).sum() / total if total > 0 else 0.0
        return np.where(gaps, mean, image).astype(image.dtype)
    coarse_weight = _pairs(weight)
    coarse = _pairs(image * weight)
    np.divide(coarse, coarse_weight, out=coarse, where=coarse_weight > 0)
    # Many pixels know better than one, but no better than four.
    coarse = fill_masked(coarse, np.minimum(coarse_weight, 4))
    filled = np.array(image)
    y, x = np.nonzero(gaps)
    filled[gaps] = _sample(coarse, (y - 0.5) / 2, (x - 0.5) / 2)
    return filled


def _pairs(image: NDArray[np.floating]) -> NDArray[np.floating]:
    """Add up 2 x 2 pixels; an odd row or column at the end is a pair of its own."""
    for _ in range(2):
        whole = image.shape[0] // 2 * 2
        halved = image[:whole:2] + image[1:whole:2]
        image = np.concatenate([halved, image[whole:]]).T
    return np.ascontiguousarray(image)


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
