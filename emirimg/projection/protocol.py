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

    Examples
    --------
    >>> import numpy as np
    >>> from emirimg.projection import LanczosResampler, MosaicGrid
    >>> from emirimg.simulation import Scene
    >>> scene = Scene(shape=(64, 64), n_stars=0, n_galaxies=0, n_exposures=2)
    >>> frame = scene.exposure(0)
    >>> grid = MosaicGrid.covering([scene.truth.wcs(i) for i in range(2)], [(64, 64)] * 2)
    >>> projected = LanczosResampler()(frame, grid)
    >>> image = np.zeros(grid.shape, dtype=np.float32)
    >>> image[projected.window] = projected.data
    >>> bool(projected.data.shape < image.shape), bool(projected.mask.any())
    (True, True)
    """

    window: tuple[slice, slice]
    data: NDArray[np.float32]
    variance: NDArray[np.float32]
    mask: NDArray[np.bool_]


class Resampler(Protocol):
    """A callable that resamples a frame to a grid.

    Examples
    --------
    >>> import numpy as np
    >>> from reproject import reproject_interp
    >>> from emirimg import DitherReducer
    >>> from emirimg.projection import ProjectedFrame
    >>> def nearest(frame, grid, /):
    ...     image, footprint = reproject_interp(
    ...         (frame.data, frame.wcs), grid.wcs, shape_out=grid.shape, order="nearest-neighbor"
    ...     )
    ...     mask = footprint == 0
    ...     data = np.where(mask, 0, image).astype(np.float32)
    ...     window = (slice(0, grid.shape[0]), slice(0, grid.shape[1]))
    ...     return ProjectedFrame(window, data, 0 * data, mask)
    >>> reducer = DitherReducer(resampler=nearest)
    """

    def __call__(self, frame: CCDData, grid: MosaicGrid, /) -> ProjectedFrame:
        """Resample ``frame``, placed on the sky by ``frame.wcs``, to ``grid``.

        The grid may be a band of rows cut out of a mosaic: the pixels of a
        band must be the same as those of the whole.
        """
