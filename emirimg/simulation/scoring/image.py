"""The image that is scored."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

import numpy as np
from astropy.wcs import WCS
from numpy.typing import NDArray

from ...combine.mosaic import Mosaic
from ...io.images import read_image_planes
from ...projection.grid import MosaicGrid

__all__ = ["ScoredImage"]


@dataclass(frozen=True)
class ScoredImage:
    """A mosaic from any program, as far as a score needs it.

    Parameters
    ----------
    data : `~numpy.ndarray`
        Image, axis order (y, x), in any unit.
    wcs : `~astropy.wcs.WCS`
        Celestial WCS of the image.
    variance : `~numpy.ndarray`, optional
        Variance that the image claims.
    mask : `~numpy.ndarray` of bool, optional
        True where there is no value. Default: where ``data`` is 0 or not finite.
    correlated_noise : float, optional
        Factor by which the noise in an aperture of 2 FWHM exceeds the one that
        the variance alone predicts, as the image claims. Default: 1.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> import numpy as np
    >>> from astropy.io import fits
    >>> from emirimg.projection import MosaicGrid
    >>> from emirimg.simulation import Scene, ScoredImage
    >>> grid = MosaicGrid.covering([Scene(shape=(32, 32)).truth.wcs(0)], [(32, 32)])
    >>> with TemporaryDirectory() as directory:
    ...     path = f"{directory}/other_program.fits"
    ...     fits.writeto(path, np.ones(grid.shape, "f4"), grid.to_header())
    ...     image = ScoredImage.read(path)
    >>> int(image.cleaned().mask.sum())
    0
    >>> shifted = image.moved(np.array([1.0, 0.0]))
    >>> (shifted.wcs.wcs.crpix - image.wcs.wcs.crpix).round(3)
    array([1., 0.])
    """

    data: NDArray[np.floating]
    wcs: WCS
    variance: NDArray[np.floating] | None = None
    mask: NDArray[np.bool_] | None = None
    correlated_noise: float = 1.0

    def __post_init__(self) -> None:
        for name in ("variance", "mask"):
            plane = getattr(self, name)
            if plane is not None and plane.shape != self.data.shape:
                msg = f"{name} must have the shape of data {self.data.shape}, got {plane.shape}"
                raise ValueError(msg)

    @classmethod
    def from_mosaic(cls, mosaic: Mosaic) -> Self:
        """Take what is needed from a mosaic and its keyword CORRNOIS.

        Examples
        --------
        >>> from emirimg import DitherReducer
        >>> from emirimg.simulation import Scene
        >>> scene = Scene(n_exposures=3, shape=(256, 256), n_stars=60, dither_scale=0.2)
        >>> exposures = [scene.exposure(index) for index in range(3)]
        >>> result = DitherReducer(passes=1).reduce(exposures)  # doctest: +IGNORE_WARNINGS
        >>> from emirimg.simulation import ScoredImage
        >>> image = ScoredImage.from_mosaic(result.mosaic)
        >>> image.data.shape == result.mosaic.data.shape
        True
        """
        return cls(
            mosaic.data,
            mosaic.grid.wcs,
            mosaic.variance,
            mosaic.mask,
            float(mosaic.header.get("CORRNOIS", 1.0)),
        )

    @classmethod
    def read(cls, path: Path | str, *, weights: Path | str | None = None) -> Self:
        """Read a mosaic of emirimg, PyEmir, SWarp or another program.

        Parameters
        ----------
        path : path-like
            FITS file, see `emirimg.io.read_image_planes`.
        weights : path-like, optional
            Its weight map, where that is another file. Default: the file
            beside it whose name ends in ``.weight.fits``, where there is one.

        Raises
        ------
        FrameError
            If the file cannot be used.
        """
        image = read_image_planes(path, weights=weights)
        factor = float(image.header.get("CORRNOIS", 1.0))
        return cls(image.data, image.wcs, image.variance, image.mask, factor)

    @property
    def grid(self) -> MosaicGrid:
        """Where the pixels lie on the sky."""
        return MosaicGrid(self.wcs, self.data.shape)

    def cleaned(self) -> Self:
        """Return the image with a mask, and with 0 where it is masked."""
        bad = ~np.isfinite(self.data)
        bad |= (self.data == 0) if self.mask is None else self.mask
        data = np.where(bad, 0, self.data).astype(np.float32)
        return replace(self, data=data, mask=bad)

    def moved(self, shift: NDArray[np.floating]) -> Self:
        """Return the image whose WCS places everything ``shift`` (x, y) pixels further."""
        wcs = self.wcs.deepcopy()
        wcs.wcs.crpix = wcs.wcs.crpix + shift
        wcs.wcs.set()
        return replace(self, wcs=wcs)
