"""Averages along a stack of pixels that clip with the noise model."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from ..calibration._median import sorted_median

__all__ = ["clipped_sums", "robust_mean"]


@njit(nogil=True, cache=True)
def robust_mean(  # pragma: no cover  (compiled)
    values: NDArray[np.float32],
    mask: NDArray[np.bool_],
    variance: NDArray[np.float32],
    clip: np.float32,
    use_median: bool,  # noqa: FBT001
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the mean of the values near the median (or that median), and its weight.

    ``variance`` has one number for each image; a value further than ``clip``
    standard deviations from the median of its pixel is left out. The weight
    is one over the variance of the result; 0 where there is no value.
    """
    n, ny, nx = values.shape
    mean = np.zeros((ny, nx), np.float32)
    weight = np.zeros((ny, nx), np.float32)
    ordered = np.empty(n, np.float32)
    limit = clip * np.sqrt(variance)
    inverse = 1 / variance
    for y in range(ny):
        for x in range(nx):
            count = 0
            for k in range(n):
                if not mask[k, y, x]:
                    ordered[count] = values[k, y, x]
                    count += 1
            if count == 0:
                continue
            centre = sorted_median(ordered, count)
            total = np.float32(0)
            weights = np.float32(0)
            for k in range(n):
                if not mask[k, y, x] and (use_median or abs(values[k, y, x] - centre) <= limit[k]):
                    total += inverse[k] * (values[k, y, x] - centre)
                    weights += inverse[k]
            if use_median:
                mean[y, x] = centre
                weight[y, x] = weights * _efficiency_of_median(count)
            elif weights > 0:
                mean[y, x] = centre + total / weights
                weight[y, x] = weights
    return mean, weight


@njit(nogil=True, cache=True)
def _efficiency_of_median(n: int) -> np.float32:  # pragma: no cover  (compiled)
    """Return the variance of a mean of ``n`` normal values over that of their median.

    Good to 2 %; the limit is 2 / pi.
    """
    if n < 3:
        return np.float32(1)
    return np.float32(2 / np.pi * (1 + (0.49 if n % 2 else 1.3) / n))


@njit(nogil=True, cache=True)
def clipped_sums(  # pragma: no cover  (compiled)
    values: NDArray[np.float32],
    mask: NDArray[np.bool_],
    variance: NDArray[np.float32],
    half: NDArray[np.int_],
    centre: NDArray[np.float32],
    clip: np.float32,
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Add up, for each of two halves, what lies near ``centre``.

    Returns the weighted sums of (value - centre) and the sums of the weights,
    shape (2, ny, nx); the weights are one over the variance.
    """
    n, ny, nx = values.shape
    total = np.zeros((2, ny, nx), np.float32)
    weight = np.zeros((2, ny, nx), np.float32)
    limit = clip * np.sqrt(variance)
    inverse = 1 / variance
    for k in range(n):
        h = half[k]
        for y in range(ny):
            for x in range(nx):
                difference = values[k, y, x] - centre[y, x]
                if not mask[k, y, x] and abs(difference) <= limit[k]:
                    total[h, y, x] += inverse[k] * difference
                    weight[h, y, x] += inverse[k]
    return total, weight
