"""Exact medians of many numbers."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["masked_median", "median_of"]


def masked_median(data: NDArray[np.float32], mask: NDArray[np.bool_]) -> float:
    """Return the median of the unmasked values of an image, NaN if there are none."""
    return median_of(data[~mask])


def median_of(values: NDArray[np.float32]) -> float:
    """Return the median of some values, NaN if there are none; they change places.

    Faster than `numpy.median`, which looks for both values in the middle of an
    even number in one partition; that for one of them is vectorized.
    """
    n = values.size
    if n == 0:
        return float("nan")
    low = (n - 1) // 2
    values.partition(low)
    if n % 2:
        return float(values[low])
    return (float(values[low]) + float(values[low + 1 :].min())) / 2
