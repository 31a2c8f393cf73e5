"""Make a changed frame without touching the one it comes from."""

from __future__ import annotations

import copy
from itertools import product

import numpy as np
from astropy.nddata import CCDData, VarianceUncertainty
from astropy.wcs import WCS
from numpy.typing import NDArray

from .._lazy import Plane
from .._provenance import add_history
from ..exceptions import FrameError

__all__ = ["changed", "compared_variance", "grown", "required_variance", "variance_of"]


def changed(
    frame: CCDData,
    *history: str,
    data: Plane | None = None,
    mask: Plane | None = None,
    variance: Plane | None = None,
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


def required_variance(frame: CCDData) -> NDArray:
    """Return the variance plane of a frame; a FrameError if it has none."""
    variance = variance_of(frame)
    if variance is None:
        msg = "the frame has no uncertainty; a variance was expected"
        raise FrameError(msg)
    return variance


def grown(saturated: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return saturated pixels and their eight neighbours, into which their charge runs over."""
    # Few pixels are saturated: the others need not be looked at.
    ny, nx = saturated.shape
    y, x = np.divmod(np.flatnonzero(saturated), nx)
    result = saturated.copy()
    for dy, dx in product((-1, 0, 1), repeat=2):
        result[np.clip(y + dy, 0, ny - 1), np.clip(x + dx, 0, nx - 1)] = True
    return result


def compared_variance(frame: CCDData, reference: NDArray) -> NDArray:
    """Return the variance of a frame that is compared with a reference.

    Raises
    ------
    FrameError
        If the frame has no uncertainty or the shapes differ.
    """
    variance = required_variance(frame)
    if reference.shape != frame.shape:
        msg = f"reference has the shape {reference.shape}; {frame.shape} was expected"
        raise FrameError(msg)
    return variance
