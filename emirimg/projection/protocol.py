"""What a resampler is and what it returns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from astropy.nddata import CCDData
from numpy.typing import NDArray

from .grid import MosaicGrid

__all__ = ["ProjectedFrame", "Resampler"]


@dataclass(frozen=True)
class ProjectedFrame:
    """A frame, or the part of it that falls on a grid, resampled to that grid.

    Parameters
    ----------
    window : tuple of slice
        (rows, columns) of the grid that the arrays fill. Both are empty
        slices where the frame does not touch the grid.
    data : `~numpy.ndarray` of float32
        Values in the unit of the frame, per pixel of the grid (flux is
        conserved); 0 where masked.
    variance : `~numpy.ndarray` of float32
        Variance of ``data``; 0 where masked. Covariance between neighbouring
        pixels is not in it.
    mask : `~numpy.ndarray` of bool
        True where there is no usable value.
    """

    window: tuple[slice, slice]
    data: NDArray[np.float32]
    variance: NDArray[np.float32]
    mask: NDArray[np.bool_]


class Resampler(Protocol):
    """A callable that resamples a frame to a grid."""

    def __call__(self, frame: CCDData, grid: MosaicGrid, /) -> ProjectedFrame:
        """Resample ``frame``, placed on the sky by ``frame.wcs``, to ``grid``.

        The grid may be a band of rows cut out of a mosaic: the pixels of a
        band must be the same as those of the whole.
        """
