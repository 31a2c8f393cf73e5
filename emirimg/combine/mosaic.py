"""The mosaic and its planes."""

from __future__ import annotations

from dataclasses import dataclass

import astropy.units as u
import numpy as np
from astropy.io.fits import Header
from astropy.nddata import CCDData, VarianceUncertainty
from numpy.typing import NDArray

from ..projection.grid import MosaicGrid

__all__ = ["Mosaic"]


@dataclass(frozen=True)
class Mosaic:
    """A combined image with everything that is known about its pixels.

    Parameters
    ----------
    grid : MosaicGrid
        Where the pixels lie on the sky.
    data : `~numpy.ndarray` of float32
        ADU in the scale of one exposure, shape (ny, nx); 0 where masked.
    variance : `~numpy.ndarray` of float32
        Variance of ``data``, in ADU squared.
    mask : `~numpy.ndarray` of bool
        True where no exposure gave a value.
    coverage : `~numpy.ndarray` of int16
        Number of exposures used.
    exposure : `~numpy.ndarray` of float32
        Time on the sky, in seconds.
    header : `~astropy.io.fits.Header`
        Keywords, without those of the WCS.
    """

    grid: MosaicGrid
    data: NDArray[np.float32]
    variance: NDArray[np.float32]
    mask: NDArray[np.bool_]
    coverage: NDArray[np.int16]
    exposure: NDArray[np.float32]
    header: Header

    def __post_init__(self) -> None:
        for name in ("data", "variance", "mask", "coverage", "exposure"):
            plane = getattr(self, name)
            if plane.shape != self.grid.shape:
                msg = (
                    f"{name} must have the shape of the grid {self.grid.shape}, got {plane.shape}"
                )
                raise ValueError(msg)

    def to_ccddata(self) -> CCDData:
        """Return image, variance, mask and WCS as one `~astropy.nddata.CCDData`.

        The arrays are shared with the mosaic, the header is a copy. Coverage
        and exposure have no place in it.
        """
        return CCDData(
            self.data,
            unit=u.adu,
            uncertainty=VarianceUncertainty(self.variance),
            mask=self.mask,
            wcs=self.grid.wcs,
            meta=self.header.copy(),
        )
