"""Make a changed frame without touching the one it comes from."""

from __future__ import annotations

from astropy.nddata import CCDData, VarianceUncertainty
from numpy.typing import NDArray

from .._provenance import add_history

__all__ = ["changed", "variance_of"]


def changed(
    frame: CCDData,
    *history: str,
    data: NDArray | None = None,
    mask: NDArray | None = None,
    variance: NDArray | None = None,
) -> CCDData:
    """Return a frame with other planes, the same WCS and more history.

    Planes that are not given are shared with ``frame``.
    """
    if variance is None:
        variance = variance_of(frame)
    result = CCDData(
        frame.data if data is None else data,
        unit=frame.unit,
        mask=frame.mask if mask is None else mask,
        uncertainty=None if variance is None else VarianceUncertainty(variance),
        meta=frame.meta.copy(),
        wcs=frame.wcs,
    )
    for text in history:
        add_history(result.meta, text)
    return result


def variance_of(frame: CCDData) -> NDArray | None:
    """Return the variance plane of a frame, whatever its uncertainty is kept as."""
    if frame.uncertainty is None:
        return None
    return frame.uncertainty.represent_as(VarianceUncertainty).array
