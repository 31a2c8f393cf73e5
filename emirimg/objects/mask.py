"""The mask of the objects of a field."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from astropy.wcs import WCS
from numpy.typing import NDArray

from ..combine.mosaic import Mosaic
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


class ObjectMasker(Protocol):
    """A callable that finds the objects of a mosaic."""

    def __call__(self, mosaic: Mosaic, /) -> ObjectMask:
        """Return the mask of the objects."""
