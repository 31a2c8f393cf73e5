"""Make a changed frame without touching the one it comes from."""

from __future__ import annotations

import copy

from astropy.nddata import CCDData, VarianceUncertainty
from astropy.wcs import WCS
from numpy.typing import NDArray

from .._provenance import add_history

__all__ = ["changed", "variance_of"]


def changed(
    frame: CCDData,
    *history: str,
    data: NDArray | None = None,
    mask: NDArray | None = None,
    variance: NDArray | None = None,
    wcs: WCS | None = None,
) -> CCDData:
    """Return a frame with other planes, another WCS or more history.

    What is not given is shared with ``frame``.
    """
    result = copy.copy(frame)
    if data is not None:
        result.data = data
    if mask is not None:
        result.mask = mask
    if variance is not None:
        result.uncertainty = VarianceUncertainty(variance, copy=False)
    if wcs is not None:
        result.wcs = wcs
    if history:
        result.meta = frame.meta.copy()
    for text in history:
        add_history(result.meta, text)
    return result


def variance_of(frame: CCDData) -> NDArray | None:
    """Return the variance plane of a frame, whatever its uncertainty is kept as."""
    if frame.uncertainty is None:
        return None
    return frame.uncertainty.represent_as(VarianceUncertainty).array
