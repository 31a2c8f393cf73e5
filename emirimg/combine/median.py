"""Exact medians of many numbers."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .._lazy import Plane
from .._parallel import row_bands

__all__ = ["masked_median", "median_of"]

_BAND = 64
"""Rows that are looked through together, few enough to stay in the cache."""
_SAMPLED = 64
"""Rows that tell about where the median is."""
_NEAR = 0.01
"""Part of the sample on either side of its median that the median surely does not leave."""
_FEW = 2**18
"""So many values are sorted sooner than looked through twice."""


def masked_median(data: Plane, mask: Plane | None) -> float:
    """Return the median of the unmasked values of an image, NaN if there are none.

    Exact, though only some values are sorted: those near the median of a sample of
    rows. The others are counted, in bands of rows, of which no whole plane is made.

    Parameters
    ----------
    data : `~numpy.ndarray` or LazyPlane
        Shape (ny, nx).
    mask : `~numpy.ndarray` of bool, LazyPlane or None
        True where a value does not count; `None`: all of them do.
    """
    found = None if data.size < _FEW else _near_that_of_sample(data, mask)
    return median_of(_unmasked(data, mask, slice(None))) if found is None else found


def median_of(values: NDArray[np.float32]) -> float:
    """Return the median of some values, NaN if there are none; they change places.

    Faster than `numpy.median`, which looks for both values in the middle of an
    even number in one partition; that for one of them is vectorized.
    """
    n = values.size
    return float("nan") if n == 0 else _in_the_middle(values, (n - 1) // 2, is_even=n % 2 == 0)


def _near_that_of_sample(data: Plane, mask: Plane | None) -> float | None:
    """Return the median if it is near that of a sample of rows."""
    rows = slice(None, None, max(1, data.shape[0] // _SAMPLED))
    sample = np.sort(_unmasked(data, mask, rows))
    last = sample.size - 1
    if last < 0:
        return None
    low, high = sample[int((0.5 - _NEAR) * last)], sample[int((0.5 + _NEAR) * last)]
    n = below = 0
    parts = []
    for band in row_bands(data.shape[0], _BAND):
        values = np.asarray(data[band], dtype=np.float32)
        lower, near = values < low, values <= high
        near &= ~lower
        if mask is None:
            n += values.size
        else:
            good = ~np.asarray(mask[band], dtype=bool)
            n += np.count_nonzero(good)
            lower &= good
            near &= good
        below += np.count_nonzero(lower)
        parts.append(values[near])
    near = np.concatenate(parts)
    place, is_even = (n - 1) // 2 - below, n % 2 == 0
    if not 0 <= place < near.size - is_even:
        return None
    return _in_the_middle(near, place, is_even=is_even)


def _in_the_middle(values: NDArray[np.float32], place: int, *, is_even: bool) -> float:
    """Return the value of that place in order, or its mean with the next one."""
    values.partition(place)
    if not is_even:
        return float(values[place])
    return (float(values[place]) + float(values[place + 1 :].min())) / 2


def _unmasked(data: Plane, mask: Plane | None, rows: slice) -> NDArray[np.float32]:
    """Return the unmasked values of some rows, as an array of their own."""
    values = np.asarray(data[rows], dtype=np.float32)
    return values.flatten() if mask is None else values[~np.asarray(mask[rows], dtype=bool)]
