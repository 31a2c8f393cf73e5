"""The planes of a frame as the kernels want them, and an empty result."""

from __future__ import annotations

import numpy as np
from astropy.nddata import CCDData, VarianceUncertainty
from numpy.typing import NDArray

from .protocol import ProjectedFrame

__all__ = ["frame_planes", "nothing_projected"]


def frame_planes(
    frame: CCDData, rows: slice
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.bool_]]:
    """Return data, variance and mask of some rows of a frame.

    Nothing is copied where the planes are float32 and bool already. A frame
    without uncertainty has the variance 0, one without mask is good
    everywhere.
    """
    data = np.ascontiguousarray(frame.data[rows], dtype=np.float32)
    if frame.uncertainty is None:
        variance = np.zeros_like(data)
    else:
        uncertainty = frame.uncertainty.represent_as(VarianceUncertainty)
        variance = np.ascontiguousarray(uncertainty.array[rows], dtype=np.float32)
    if frame.mask is None:
        return data, variance, np.zeros(data.shape, dtype=bool)
    mask = frame.mask
    if np.shape(mask) != frame.shape:
        mask = np.broadcast_to(mask, frame.shape)
    return data, variance, np.ascontiguousarray(mask[rows], dtype=bool)


def nothing_projected() -> ProjectedFrame:
    """Return the projection of a frame that does not touch the grid."""
    empty = np.zeros((0, 0), dtype=np.float32)
    window = (slice(0, 0), slice(0, 0))
    return ProjectedFrame(window, empty, empty.copy(), np.ones((0, 0), dtype=bool))
