"""The level of the sky and its noise, about which the shades of a picture are chosen."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..objects.background import robust_rms, some_pixels

__all__ = ["sky_and_noise"]

_SAMPLE = 200_000
"""Pixels that are looked at: they tell the level to a three hundredth of the noise."""


def sky_and_noise(image: NDArray[np.float32], absent: NDArray[np.bool_]) -> tuple[float, float]:
    """Return the median and the robust rms of an image; 0 and 1 where there is none.

    Parameters
    ----------
    image : `~numpy.ndarray` of float32
        Shape (ny, nx); of a large one, every n-th row and column count.
    absent : `~numpy.ndarray` of bool
        True where a pixel does not count; shape (ny, nx).
    """
    some = some_pixels(image.shape, _SAMPLE)
    values = image[some][~absent[some]]
    if values.size == 0:
        return 0.0, 1.0
    return float(np.median(values)), robust_rms(values) or 1.0
