"""The mask of the objects of a field."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from astropy.wcs import WCS
from numpy.typing import NDArray

from ..combine.mosaic import Mosaic
from ..projection.back import project_mask
from ..projection.grid import MosaicGrid

__all__ = ["ObjectMask", "ObjectMasker"]


@dataclass(frozen=True)
class ObjectMask:
    """Which pixels of a mosaic belong to objects.

    Parameters
    ----------
    mask : `~numpy.ndarray` of bool
        True on objects, shape of the grid.
    grid : MosaicGrid
        Where the pixels lie.

    Examples
    --------
    >>> import numpy as np
    >>> from emirimg.objects import ObjectMask
    >>> from emirimg.projection import MosaicGrid
    >>> from emirimg.simulation import Scene
    >>> wcs = Scene(shape=(64, 64)).truth.wcs(0)
    >>> grid = MosaicGrid.covering([wcs], [(64, 64)])
    >>> mask = np.zeros(grid.shape, dtype=bool)
    >>> mask[20:40, 20:40] = True
    >>> objects = ObjectMask(mask, grid)
    >>> round(objects.fraction, 3)
    0.095
    >>> objects.changed_fraction(objects)
    0.0
    >>> objects.on_frame(wcs, (64, 64)).shape  # in the plane of an exposure
    (64, 64)
    """

    mask: NDArray[np.bool_]
    grid: MosaicGrid

    def __post_init__(self) -> None:
        if self.mask.shape != self.grid.shape:
            msg = f"mask must have the shape of the grid {self.grid.shape}, got {self.mask.shape}"
            raise ValueError(msg)

    @property
    def fraction(self) -> float:
        """Fraction of the mosaic that is masked."""
        return float(self.mask.mean())

    def changed_fraction(self, other: ObjectMask) -> float:
        """Return the fraction of the mosaic's pixels in which two masks differ.

        Raises
        ------
        ValueError
            If the masks have different shapes.
        """
        if other.mask.shape != self.mask.shape:
            msg = (
                f"masks of different shapes, {self.mask.shape} and {other.mask.shape},"
                " cannot be compared"
            )
            raise ValueError(msg)
        return float(np.mean(self.mask != other.mask))

    def on_frame(self, wcs: WCS, shape: tuple[int, int]) -> NDArray[np.bool_]:
        """Carry the mask to the plane of a frame.

        Parameters
        ----------
        wcs : `~astropy.wcs.WCS`
            WCS of the frame, distortion included.
        shape : tuple of int
            Shape (ny, nx) of the frame.

        Returns
        -------
        `~numpy.ndarray` of bool
            The nearest pixel of the mosaic; False outside of the mosaic.
        """
        return project_mask(self.mask, self.grid, wcs, shape)


class ObjectMasker(Protocol):
    """A callable that finds the objects of a mosaic.

    Examples
    --------
    >>> import numpy as np
    >>> from emirimg import DitherReducer
    >>> from emirimg.objects import ObjectMask
    >>> def above_ten_sigma(mosaic, /):
    ...     return ObjectMask(mosaic.data > 10 * np.sqrt(mosaic.variance), mosaic.grid)
    >>> reducer = DitherReducer(objects=above_ten_sigma)
    """

    def __call__(self, mosaic: Mosaic, /) -> ObjectMask:
        """Return the mask of the objects."""
