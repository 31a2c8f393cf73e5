"""What sources are found in, and their magnitudes."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..alignment.smoothing import gaussian_smoothed
from ..combine.mosaic import Mosaic
from .background import robust_rms, some_pixels, subtract_background

__all__ = ["DetectionImage", "detection_image", "to_magnitudes"]

_SIGMA = 1.5
_BOX = 160


class DetectionImage(NamedTuple):
    """What sources are found in, and measured on: images of shape (ny, nx)."""

    data: NDArray[np.float32]
    """The mosaic without its background, in ADU."""
    error: NDArray[np.float32]
    """Square root of its variance."""
    empty: NDArray[np.bool_]
    """Where nothing is known; ``data`` and ``error`` are 0 there."""
    smooth: NDArray[np.float32]
    """``data / error``, smoothed."""
    noise: float
    """Robust rms of ``smooth``; NaN if nothing is known anywhere."""


def detection_image(mosaic: Mosaic) -> DetectionImage:
    """Return a mosaic without its background, and what sources are found in."""
    empty = mosaic.mask | ~(mosaic.variance > 0) | ~np.isfinite(mosaic.data)
    data = np.where(empty, np.float32(0), mosaic.data)
    subtract_background(data, empty, _BOX)
    data[empty] = 0
    error = np.sqrt(np.where(empty, np.float32(0), mosaic.variance))
    signal = np.divide(data, error, out=np.zeros_like(data), where=~empty)
    smooth = gaussian_smoothed(signal, _SIGMA)
    # Neighbours in a smoothed image tell the same.
    some = some_pixels(smooth.shape)
    sample = smooth[some][~empty[some]]
    return DetectionImage(data, error, empty, smooth, robust_rms(sample, overwrite=True))


def to_magnitudes(flux: NDArray[np.float64], zero_point: float) -> NDArray[np.float64]:
    """Return magnitudes; NaN where there is no flux."""
    good = flux > 0
    return zero_point - 2.5 * np.log10(flux, out=np.full(flux.size, np.nan), where=good)
