"""Averages along a stack of pixels that clip with the noise model."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from ..combine.kernels import stack_median

__all__ = ["clipped_sums", "robust_mean"]


def robust_mean(
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
    centre = np.empty(values.shape[1:], dtype=np.float32)
    stack_median(values, mask, False, centre)
    centre[np.isnan(centre)] = 0
    if use_median:
        count = len(values) - np.count_nonzero(mask, axis=0)
        weight = np.zeros_like(centre)
        for inverse, bad in zip(1 / variance, mask, strict=True):
            np.add(weight, inverse, out=weight, where=~bad)
        return centre, weight * _efficiency_of_median(np.arange(len(values) + 1))[count]
    everything = np.zeros(len(values), dtype=np.int64)
    total, weight = clipped_sums(values, mask, variance, everything, centre, clip)
    mean, weight = total[0], weight[0]
    np.divide(mean, weight, out=mean, where=weight > 0)
    # Without a value near it, a median is not believed.
    np.add(mean, centre, out=mean, where=weight > 0)
    return mean, weight


def _efficiency_of_median(n: NDArray[np.int_]) -> NDArray[np.float32]:
    """Return the variance of a mean of ``n`` normal values over that of their median.

    Good to 2 %; the limit is 2 / pi.
    """
    many = 2 / np.pi * (1 + np.where(n % 2, 0.49, 1.3) / np.maximum(n, 1))
    return np.where(n < 3, 1, many).astype(np.float32)


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
    zero = np.float32(0)
    for y in range(ny):
        for k in range(n):
            h = half[k]
            inverse = np.float32(1) / variance[k]
            limit = clip * np.sqrt(variance[k])
            for x in range(nx):
                difference = values[k, y, x] - centre[y, x]
                near = (abs(difference) <= limit) & (not mask[k, y, x])
                total[h, y, x] += inverse * difference if near else zero
                weight[h, y, x] += inverse if near else zero
    return total, weight
