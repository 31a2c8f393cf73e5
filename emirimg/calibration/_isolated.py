"""Pixels that stand out alone, and what kernels of neighbourhoods know of them."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from .._parallel import parallel_map
from ._median import sorted_median

__all__ = [
    "FEWEST_AROUND",
    "MARGIN",
    "from_neighbours",
    "isolated",
    "stands_out",
    "typical_deviation",
]

MARGIN = 2
FEWEST_AROUND = 8

_SECOND, _OTHERS = 0.15, 0.1
"""Of the peak of a star, the second of its eight neighbours has more than the former part, and
all but the first have in the mean more than the latter: 0.24 and 0.14 for stars of 1.4 pixels
FWHM, 0.5 and 0.36 for 2 pixels. On the steep skirts of stars the second one does."""
_FEWEST_BESIDE = 6
"""Known neighbours without which a pixel is not judged: at an edge it may be a star's skirt."""
_SAMPLE = 100_000
"""Pixels that tell the median of all to half a per cent."""


def isolated(image: NDArray[np.float32], sigma: float) -> NDArray[np.bool_]:
    """Find pixels that are above all of their surroundings, as no star is.

    Parameters
    ----------
    image : `~numpy.ndarray` of float32
        Image with a sky of 1, shape (ny, nx); NaN where nothing is known.
    sigma : float
        Least height above the median of the 24 pixels around, in units of the noise. That is
        measured on all pixels, and grows with the square root of this median.
    """
    padded = np.pad(image, MARGIN, constant_values=np.nan)
    noise = typical_deviation(padded) / 0.6745
    found = stands_out(padded, 0, len(image), sigma * noise)
    y, x = np.nonzero(found)
    found[y, x] = is_isolated(padded, y, x, noise, sigma)
    return found


def is_isolated(
    padded: NDArray[np.float32],
    y: NDArray[np.int_],
    x: NDArray[np.int_],
    noise: float,
    sigma: float,
) -> NDArray[np.bool_]:
    """Tell which of some pixels are above all of their surroundings, see `isolated`.

    The image has a margin as for `stands_out`, and a noise where it is 1.

    Notes
    -----
    Without the highest of them, the eight neighbours may have no more than 10 per cent of
    the height in the mean, and none more than 15 per cent (and one standard deviation).
    """
    height = from_neighbours(padded, y, x)
    middle = padded[y + MARGIN, x + MARGIN] - height
    beside = np.array(
        [
            padded[y + MARGIN + dy, x + MARGIN + dx]
            for dy in (-1, 0, 1)
            for dx in (-1, 0, 1)
            if dy or dx
        ]
    )
    known = np.isfinite(beside)
    beside = np.sort(np.where(known, beside, -np.inf), axis=0)
    number = known.sum(axis=0)
    # The highest one may be as bad.
    others = np.where(np.isfinite(beside), beside, 0)[:-1].sum(axis=0) / np.maximum(number - 1, 1)
    noise = noise * np.sqrt(np.maximum(np.abs(middle), 1))
    return (
        (height > sigma * noise)
        & (beside[-2] - middle < _SECOND * height + noise)
        & (others - middle < _OTHERS * height)
        & (number >= _FEWEST_BESIDE)
    )


def typical_deviation(centre: NDArray[np.float32]) -> float:
    """Return the median deviation of pixels from their neighbours, from some of them."""
    shape = tuple(n - 2 * MARGIN for n in centre.shape)
    size = shape[0] * shape[1]
    sample = np.unravel_index(np.arange(0, size, max(size // _SAMPLE, 1)), shape)
    parts = zip(*(np.array_split(places, 4) for places in sample), strict=True)
    deviation = np.concatenate(
        parallel_map(lambda part: np.abs(from_neighbours(centre, *part)), list(parts))
    )
    return float(np.nanmedian(deviation)) if np.isfinite(deviation).any() else np.inf


@njit(nogil=True, cache=True)
def stands_out(  # pragma: no cover  (compiled)
    image: NDArray[np.float32], first: int, last: int, limit: float
) -> NDArray[np.bool_]:
    """Tell which pixels may be more than ``limit`` from the median of the 24 around.

    Half of these must be so far below, or above: that is counted for a row at once.
    The image has a margin of two pixels, NaN like everything unknown; the result is that
    of the rows from ``first`` to ``last`` within it.
    """
    nx = image.shape[1] - 2 * MARGIN
    result = np.empty((last - first, nx), np.bool_)
    near = np.float32(0.999 * limit)
    below = np.empty(nx, np.uint8)
    above = np.empty(nx, np.uint8)
    known = np.empty(nx, np.uint8)
    one, zero = np.uint8(1), np.uint8(0)
    for y in range(first, last):
        for x in range(nx):
            below[x] = above[x] = known[x] = zero
        for j in range(2 * MARGIN + 1):
            for i in range(2 * MARGIN + 1):
                if j == MARGIN and i == MARGIN:
                    continue
                for x in range(nx):
                    other = image[y + j, x + i]
                    difference = image[y + MARGIN, x + MARGIN] - other
                    below[x] += one if difference >= near else zero
                    above[x] += one if difference <= -near else zero
                    known[x] += one if other == other else zero  # noqa: PLR0124 (NaN)
        for x in range(nx):
            most = max(below[x], above[x])
            result[y - first, x] = (known[x] >= FEWEST_AROUND) & (most >= known[x] >> one)
    return result


@njit(nogil=True, cache=True)
def from_neighbours(  # pragma: no cover  (compiled)
    image: NDArray[np.float32], ys: NDArray[np.int_], xs: NDArray[np.int_]
) -> NDArray[np.float32]:
    """Return some pixels minus the median of the 24 pixels around them.

    NaN where the pixel or more than two thirds of those around it are unknown. The
    image has a margin as for `stands_out`, in which places do not count.
    """
    result = np.empty(len(ys), np.float32)
    around = np.empty(24, np.float32)
    for k in range(len(ys)):
        y, x = ys[k], xs[k]
        count = np.int64(0)
        for j in range(y, y + 2 * MARGIN + 1):
            for i in range(x, x + 2 * MARGIN + 1):
                if (j != y + MARGIN or i != x + MARGIN) and not np.isnan(image[j, i]):
                    around[count] = image[j, i]
                    count += 1
        result[k] = np.nan
        if count >= FEWEST_AROUND:
            result[k] = image[y + MARGIN, x + MARGIN] - sorted_median(around, count)
    return result
