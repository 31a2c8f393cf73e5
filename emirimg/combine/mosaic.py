"""The mosaic and its planes."""

from __future__ import annotations

from dataclasses import dataclass

import astropy.units as u
import numpy as np
from astropy.io.fits import Header
from astropy.nddata import CCDData, VarianceUncertainty
from numpy.typing import NDArray

from .._html import html_table, png_uri
from .._lazy import LazyPlane
from .._words import counted
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
    exposure : `~numpy.ndarray` of float32, or LazyPlane
        Time on the sky, in seconds; of a reduction that is done, an array.
    header : `~astropy.io.fits.Header`
        Keywords, without those of the WCS.

    Examples
    --------
    >>> from emirimg import DitherReducer
    >>> from emirimg.simulation import Scene
    >>> scene = Scene(shape=(200, 200), dither_scale=0.2, n_exposures=3, brightest=1e5)
    >>> exposures = [scene.exposure(index) for index in range(3)]
    >>> reducer = DitherReducer(passes=1, starflat=None)
    >>> mosaic = reducer.reduce(exposures).mosaic  # doctest: +IGNORE_WARNINGS
    >>> mosaic.data.shape == mosaic.variance.shape == mosaic.coverage.shape
    True
    >>> mosaic
    <Mosaic: TEST, F1230, 254 x 252 pixels of 0.1943 arcsec, 3 exposures, 90 s>
    >>> image = mosaic.to_ccddata()  # for photutils, ccdproc, ...
    >>> image.unit, image.uncertainty.uncertainty_type
    (Unit("adu"), 'var')
    >>> mosaic.preview()[:22]
    'data:image/png;base64,'
    """

    grid: MosaicGrid
    data: NDArray[np.float32]
    variance: NDArray[np.float32]
    mask: NDArray[np.bool_]
    coverage: NDArray[np.int16]
    exposure: NDArray[np.float32] | LazyPlane
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

    def preview(self, side: int = 256) -> str:
        """Return a small picture as a data URI, dark objects on a light sky.

        Parameters
        ----------
        side : int, optional
            Pixels along the longer side, at most. Default: 256.

        Notes
        -----
        Every n-th pixel is shown: the noise of the picture is that of the pixels.
        """
        step = max(1, -(-max(self.grid.shape) // side))
        data, mask = self.data[::step, ::step], self.mask[::step, ::step]
        grey = np.zeros(data.shape, dtype=np.uint8)
        if not mask.all():
            low, high = np.percentile(data[~mask], [5, 99])
            part = np.clip((data - low) / max(high - low, 1e-12), 0, 1)
            grey = np.where(mask, 0, 255 - 254 * part).astype(np.uint8)
        return png_uri(grey, absent=True)

    def __repr__(self) -> str:
        facts = self._facts()
        many = counted(int(self.coverage.max()), "exposure")
        texts = (facts["field"], facts["size"], many, facts["exposure time"])
        return f"<Mosaic: {', '.join(str(text) for text in texts if text)}>"

    def _repr_html_(self) -> str:
        return html_table("Mosaic", self._facts(), image=self.preview())

    def _facts(self) -> dict[str, object]:
        """Return what one wants to see first."""
        ny, nx = self.grid.shape
        return {
            "field": ", ".join(
                str(self.header[key]) for key in ("OBJECT", "FILTER") if self.header.get(key)
            ),
            "size": f"{nx} x {ny} pixels of {self.grid.scale.to_value(u.arcsec):.4f} arcsec",
            "exposures": int(self.coverage.max()),
            "exposure time": f"{float(self.exposure.max()):.0f} s",
            "not covered": f"{100 * float(self.mask.mean()):.1f} %",
        }
