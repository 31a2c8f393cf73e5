"""Frames: FITS files to CCDData and back."""

from __future__ import annotations

from pathlib import Path

import astropy.units as u
from astropy.io import fits
from astropy.nddata import CCDData

from ..instrument import Detector, clean_wcs_header, read_metadata
from ._first_image import read_first_image
from ._fits import for_writing, forget_storage
from ._wcs import celestial_wcs, wcs_header
from .atomic import replacing
from .headers import EXPOSURE, require_exposure_shape

__all__ = ["read_frame", "read_image", "write_frame"]

_CALIBRATION = "a calibration image (FITS)"


def read_frame(path: str | Path, *, detector: Detector | None = None) -> CCDData:
    """Read a raw EMIR exposure.

    Parameters
    ----------
    path : str or `~pathlib.Path`
        FITS file with an image of any pixel type, in the primary HDU or, when
        that has none, in the first extension that has. It may be gzipped.
    detector : Detector, optional
        The detector that took it. Default: what the header says.

    Returns
    -------
    `~astropy.nddata.CCDData`
        Exposure in adu, float32, axis order (y, x), with its full header and
        its WCS, distortion included. Pixels that are not finite are 0 and
        masked; without such pixels the mask is `None`.

    Raises
    ------
    FrameError
        If the file does not exist, is not FITS, is damaged or truncated, has
        no image of two axes, not the shape of the detector, or no celestial
        WCS.
    MetadataError
        If a keyword that the reduction needs is missing or impossible.

    Notes
    -----
    A window of the detector is accepted when the keyword DETSEC says so, as
    in ``[1:256,1:256]`` (first and last column, first and last row).

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from emirimg.io import read_frame
    >>> from emirimg.simulation import Scene, write_tutorial
    >>> scene = Scene(shape=(32, 32), n_exposures=1, n_stars=1, n_galaxies=0)
    >>> with TemporaryDirectory() as directory:
    ...     tree = write_tutorial(directory, scene)
    ...     raw = read_frame(tree.exposures[0])
    >>> raw.shape, raw.unit, raw.data.dtype.name, raw.header["FILTER"]
    ((32, 32), Unit("adu"), 'float32', 'F1230')
    """
    path = Path(path)
    data, mask, header = read_first_image(path, EXPOSURE)
    if detector is not None:
        header["INSCONF"] = detector.uuid
    metadata = read_metadata(header, source=str(path))
    require_exposure_shape(data.shape, path, header, metadata.detector)
    return CCDData(data, unit=u.adu, mask=mask, meta=header, wcs=celestial_wcs(path, header))


def read_image(path: str | Path, *, unit: u.UnitBase = u.adu) -> CCDData:
    """Read an image that need not have a WCS, such as a calibration.

    Parameters
    ----------
    path : str or `~pathlib.Path`
        FITS file, as for `read_frame`.
    unit : `~astropy.units.UnitBase`, optional
        Unit of the pixels. Default: adu.

    Returns
    -------
    `~astropy.nddata.CCDData`
        As from `read_frame`, but without WCS.

    Raises
    ------
    FrameError
        If the file does not exist, is not FITS, is damaged or truncated, or
        has no image of two axes.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from emirimg.io import read_image
    >>> from emirimg.simulation import Scene, write_tutorial
    >>> scene = Scene(shape=(32, 32), n_exposures=1, n_stars=1, n_galaxies=0)
    >>> with TemporaryDirectory() as directory:
    ...     tree = write_tutorial(directory, scene)
    ...     flat = read_image(tree.flat, unit="")
    >>> print(f"{flat.data.mean():.2f}")
    1.00
    """
    data, mask, header = read_first_image(Path(path), _CALIBRATION)
    return CCDData(data, unit=unit, mask=mask, meta=header)


def write_frame(path: str | Path, frame: CCDData, *, overwrite: bool = False) -> Path:
    """Write a frame that `read_frame` and `~astropy.nddata.CCDData.read` can read.

    Parameters
    ----------
    path : str or `~pathlib.Path`
        FITS file to write.
    frame : `~astropy.nddata.CCDData`
        Any frame. Mask and uncertainty become the extensions MASK and UNCERT.
    overwrite : bool, optional
        Whether a file of that name may be replaced. Default: no.

    Returns
    -------
    `~pathlib.Path`
        The file.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> import numpy as np
    >>> from astropy.nddata import CCDData
    >>> from emirimg.io import write_frame
    >>> frame = CCDData(np.ones((4, 4)), unit="adu", mask=np.eye(4, dtype=bool))
    >>> with TemporaryDirectory() as directory:
    ...     path = write_frame(f"{directory}/frame.fits", frame)
    ...     again = CCDData.read(path)
    >>> int(again.mask.sum())
    4
    """
    path = Path(path)
    header = fits.Header(frame.meta)
    forget_storage(header)
    if frame.wcs is not None:
        header = clean_wcs_header(header)
        header.update(wcs_header(frame.wcs))
    plain = CCDData(
        frame.data, unit=frame.unit, mask=frame.mask, uncertainty=frame.uncertainty, meta=header
    )
    hdus = plain.to_hdu(as_image_hdu=False)
    for hdu in hdus:
        hdu.data = for_writing(hdu.data, hdu.data.dtype)
    with replacing(path, overwrite=overwrite) as temporary:
        hdus.writeto(temporary, checksum=True)
    return path
