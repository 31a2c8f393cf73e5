"""The median of a few numbers, for compiled code."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

__all__ = ["sorted_median"]


@njit(nogil=True, cache=True)
def sorted_median(  # pragma: no cover  (compiled)
    values: NDArray[np.float32], n: int
) -> np.float32:
    """Sort the first ``n`` values in place and return their median."""
    for i in range(1, n):
        value = values[i]
        j = i
        while j > 0 and values[j - 1] > value:
            values[j] = values[j - 1]
            j -= 1
        values[j] = value
    if n % 2:
        return values[n // 2]
    return np.float32(0.5) * (values[n // 2 - 1] + values[n // 2])
