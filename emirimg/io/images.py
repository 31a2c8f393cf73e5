"""Mosaics from any program, with what they say of their noise."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from astropy.io import fits
from astropy.wcs import WCS
from numpy.typing import NDArray

from ..exceptions import FrameError
from ..instrument import frame_wcs
from ._fits import open_fits
from ._wcs import celestial_wcs
from .planes import read_plane

__all__ = ["ImagePlanes", "read_image_planes"]

_EXPECTED = "a mosaic (FITS)"
_VARIANCES = ("UNCERT", "VARIANCE", "VAR")
_DEVIATIONS = ("ERR", "ERROR", "STDDEV", "SIGMA", "RMS")
_WEIGHTS = ("WEIGHT", "WHT", "IVAR")
_MASKS = ("MASK", "BPM")
_COVERAGES = ("MAP", "COVERAGE", "NPIX")
_SUFFIX = re.compile(r"\.fits?(\.gz)?$", re.IGNORECASE)


@dataclass(frozen=True)
class ImagePlanes:
    """An image and the planes that belong to it.

    Parameters
    ----------
    data : `~numpy.ndarray` of float32
        Image, axis order (y, x), in the unit of the file.
    wcs : `~astropy.wcs.WCS`
        Its celestial WCS.
    header : `~astropy.io.fits.Header`
        Its header.
    variance : `~numpy.ndarray` of float32 or None
        Variance, in the square of that unit; infinite where a weight is 0.
    mask : `~numpy.ndarray` of bool
        True where there is no value.
    coverage : `~numpy.ndarray` or None
        Number of exposures, where the file says it.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> import numpy as np
    >>> from astropy.io import fits
    >>> from emirimg.io import read_image_planes
    >>> from emirimg.projection import MosaicGrid
    >>> from emirimg.simulation import Scene
    >>> grid = MosaicGrid.covering([Scene(shape=(32, 32)).truth.wcs(0)], [(32, 32)])
    >>> with TemporaryDirectory() as directory:
    ...     path = f"{directory}/other_program.fits"
    ...     fits.writeto(path, np.ones(grid.shape, "f4"), grid.to_header())
    ...     image = read_image_planes(path)
    >>> image.data.shape == grid.shape, image.variance, image.wcs.wcs.ctype[0]
    (True, None, 'RA---TAN')
    """

    data: NDArray[np.float32]
    wcs: WCS
    header: fits.Header
    variance: NDArray[np.float32] | None
    mask: NDArray[np.bool_]
    coverage: NDArray[np.int16] | None = None


def read_image_planes(path: str | Path, *, weights: str | Path | None = None) -> ImagePlanes:
    """Read a mosaic of emirimg, PyEmir, SWarp or another program.

    Parameters
    ----------
    path : path
        FITS file. The first HDU with two axes is the image.
    weights : path, optional
        Weight map of the image (SWarp), the inverse of its variance.
        Default: the file with ``.weight`` before its suffix, where
        there is one.

    Returns
    -------
    ImagePlanes

    Raises
    ------
    FrameError
        If a file is damaged, has no image or no celestial WCS, or if planes
        have different shapes.

    Notes
    -----
    Of the extensions, those named UNCERT (by its UTYPE), VARIANCE or VAR are
    taken as the variance; ERR, ERROR, STDDEV, SIGMA or RMS as its root; WEIGHT, WHT
    or IVAR as its inverse. There is no value where the image is 0 or not
    finite, where MASK or BPM is not 0, where MAP, COVERAGE or NPIX is 0, and
    where a weight is not above 0.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> import numpy as np
    >>> from astropy.io import fits
    >>> from emirimg.io import read_image_planes
    >>> from emirimg.projection import MosaicGrid
    >>> from emirimg.simulation import Scene
    >>> grid = MosaicGrid.covering([Scene(shape=(32, 32)).truth.wcs(0)], [(32, 32)])
    >>> with TemporaryDirectory() as directory:
    ...     name = f"{directory}/coadd"  # as SWarp names an image and its weights
    ...     fits.writeto(f"{name}.fits", np.ones(grid.shape, "f4"), grid.to_header())
    ...     fits.writeto(f"{name}.weight.fits", np.full(grid.shape, 0.25, "f4"))
    ...     image = read_image_planes(f"{name}.fits")
    >>> float(image.variance.max())
    4.0
    """
    path = Path(path)
    data, header = read_plane(path)
    wcs = celestial_wcs(path, header, _any_wcs)
    with open_fits(path, _EXPECTED) as hdus:
        planes = {hdu.name: hdu for hdu in hdus[1:] if hdu.is_image and hdu.data is not None}
        variance = _variance(planes)
        mask = ~np.isfinite(data) | (data == 0)
        coverage = None
        for name, plane in planes.items():
            if name in (*_VARIANCES, *_DEVIATIONS, *_WEIGHTS, *_MASKS, *_COVERAGES):
                _check_shape(path, name, plane.data, data)
            if name in _MASKS:
                mask |= plane.data != 0
            elif name in _COVERAGES:
                mask |= plane.data == 0
                coverage = np.asarray(plane.data, dtype=np.int16)
    weights = _beside(path) if weights is None else Path(weights)
    if weights is not None:
        weight, _ = read_plane(weights)
        _check_shape(weights, "weight map", weight, data)
        variance = _inverse(weight)
    if variance is not None:
        mask |= ~np.isfinite(variance)
    return ImagePlanes(np.asarray(data, dtype=np.float32), wcs, header, variance, mask, coverage)


def _any_wcs(header: fits.Header) -> WCS:
    """Return the WCS of an image of any program."""
    # Only the general class knows the SIP convention.
    is_sip = str(header.get("CTYPE1", "")).endswith("-SIP")
    return WCS(header, naxis=2) if is_sip else frame_wcs(header)


def _variance(planes: dict[str, Any]) -> NDArray[np.float32] | None:
    for name, hdu in planes.items():
        kind = str(hdu.header.get("UTYPE", "")) if name == "UNCERT" else ""
        if name in _DEVIATIONS or kind == "StdDevUncertainty":
            return np.asarray(hdu.data, dtype=np.float32) ** 2
        if name in _WEIGHTS or kind == "InverseVariance":
            return _inverse(hdu.data)
        if name in _VARIANCES:
            return np.asarray(hdu.data, dtype=np.float32)
    return None


def _inverse(weight: NDArray[Any]) -> NDArray[np.float32]:
    weight = np.asarray(weight, dtype=np.float32)
    variance = np.full_like(weight, np.inf)
    return np.divide(1, weight, out=variance, where=weight > 0)


def _check_shape(path: Path, name: str, plane: NDArray[Any], data: NDArray[Any]) -> None:
    if plane.shape != data.shape:
        msg = f"{path}: {name} has the shape {plane.shape}, but the image has {data.shape}"
        raise FrameError(msg)


def _beside(path: Path) -> Path | None:
    """Return the weight map that SWarp has written beside an image, where there is one."""
    weights = path.with_name(_SUFFIX.sub("", path.name) + ".weight.fits")
    return weights if weights != path and weights.is_file() else None
