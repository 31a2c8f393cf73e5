"""Exposures and calibrations: FITS files to CCDData and back."""

from __future__ import annotations

import io
import re
from pathlib import Path

import astropy.units as u
import numpy as np
from astropy.io import fits
from astropy.nddata import CCDData
from astropy.wcs import WCS
from numpy.typing import NDArray

from .._parallel import parallel_map
from ..calibration.calibrations import Calibrations
from ..exceptions import FrameError
from ..instrument import Detector, clean_wcs_header, frame_wcs, read_metadata
from ._fits import NOT_OF_THE_IMAGE, for_writing, open_fits, read_bytes, wcs_header
from .atomic import replacing
from .results import sha256

__all__ = [
    "expected_shape",
    "read_calibrations",
    "read_frame",
    "read_header",
    "read_image",
    "write_frame",
]

_EXPOSURE = "a raw EMIR exposure (FITS)"
_CALIBRATION = "a calibration image (FITS)"
_HEADER_BYTES = 2880 * 100


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
    data, mask, header = _read(path, _EXPOSURE)
    if detector is not None:
        header["INSCONF"] = detector.uuid
    metadata = read_metadata(header, source=str(path))
    expected = expected_shape(header, metadata.detector)
    if data.shape != expected:
        msg = (
            f"{path} has the shape {data.shape}, but an exposure of the detector"
            f" {metadata.detector.name} has the shape {expected} (ny, nx)"
        )
        raise FrameError(msg)
    return CCDData(data, unit=u.adu, mask=mask, meta=header, wcs=_celestial_wcs(path, header))


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
    data, mask, header = _read(Path(path), _CALIBRATION)
    return CCDData(data, unit=unit, mask=mask, meta=header)


def read_header(path: str | Path) -> fits.Header:
    """Read the header of an exposure, not its pixels.

    Parameters
    ----------
    path : str or `~pathlib.Path`
        FITS file, as for `read_frame`.

    Returns
    -------
    `~astropy.io.fits.Header`
        Header of the first HDU with an image, filled up with the keywords of
        the primary one.

    Raises
    ------
    FrameError
        If the file does not exist or does not start with a FITS header.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from emirimg.io import read_header
    >>> from emirimg.simulation import Scene, write_tutorial
    >>> scene = Scene(shape=(32, 32), n_exposures=1, n_stars=1, n_galaxies=0)
    >>> with TemporaryDirectory() as directory:
    ...     tree = write_tutorial(directory, scene)
    ...     print(read_header(tree.exposures[0])["DATE-OBS"])
    2018-12-17T23:57:24.72
    """
    path = Path(path)
    content = read_bytes(path, _EXPOSURE, at_most=_HEADER_BYTES)
    if not content.startswith(b"SIMPLE  ="):
        msg = f"{path} is not a FITS file; {_EXPOSURE} was expected"
        raise FrameError(msg)
    try:
        header = fits.Header.fromfile(io.BytesIO(content), padding=False)
        if header["NAXIS"] > 0:
            return header
    except (OSError, ValueError, TypeError, KeyError, fits.VerifyError) as error:
        msg = f"{path} has a damaged header ({error}); {_EXPOSURE} was expected"
        raise FrameError(msg) from None
    with open_fits(path, _EXPOSURE) as hdus:
        return _image_header(hdus, _first_image(hdus))


def read_calibrations(
    *,
    bad_pixels: str | Path | None = None,
    dark: str | Path | None = None,
    flat: str | Path | None = None,
) -> Calibrations:
    """Read master calibrations.

    Parameters
    ----------
    bad_pixels : str or `~pathlib.Path`, optional
        Mask; pixels other than 0 are bad.
    dark : str or `~pathlib.Path`, optional
        Dark signal, in adu per second.
    flat : str or `~pathlib.Path`, optional
        Response of the pixels, around 1.

    Returns
    -------
    Calibrations

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from emirimg.io import read_calibrations
    >>> from emirimg.simulation import Scene, write_tutorial
    >>> scene = Scene(shape=(32, 32), n_exposures=1, n_stars=1, n_galaxies=0)
    >>> with TemporaryDirectory() as directory:
    ...     tree = write_tutorial(directory, scene)
    ...     calibrations = read_calibrations(bad_pixels=tree.bad_pixel_mask, flat=tree.flat)
    >>> int(calibrations.bad_pixels.sum()), calibrations.dark is None
    (14, True)
    >>> kind, name, checksum = calibrations.inputs[0]
    >>> kind, name
    ('bad_pixels', 'master_bpm.fits')
    """
    units = {
        "bad_pixels": u.dimensionless_unscaled,
        "dark": u.adu / u.s,
        "flat": u.dimensionless_unscaled,
    }
    paths = {"bad_pixels": bad_pixels, "dark": dark, "flat": flat}
    named = {kind: Path(path) for kind, path in paths.items() if path}

    def read(kind: str, path: Path) -> tuple[CCDData, str]:
        return read_image(path, unit=units[kind]), sha256(path)

    done = parallel_map(read, named, named.values())
    images = {kind: image for kind, (image, _) in zip(named, done, strict=True)}
    mask = images.get("bad_pixels")
    return Calibrations(
        bad_pixels=None if mask is None else _is_bad(mask),
        dark=images.get("dark"),
        flat=images.get("flat"),
        inputs=tuple(
            (kind, path.name, digest)
            for (kind, path), (_, digest) in zip(named.items(), done, strict=True)
        ),
    )


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
    for key in NOT_OF_THE_IMAGE:
        header.remove(key, ignore_missing=True, remove_all=True)
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


def _read(
    path: Path, expected: str
) -> tuple[NDArray[np.float32], NDArray[np.bool_] | None, fits.Header]:
    with open_fits(path, expected) as hdus:
        number = _first_image(hdus)
        if number is None:
            msg = f"{path} contains no image; {expected} was expected"
            raise FrameError(msg)
        header = _image_header(hdus, number)
        raw = hdus[number].data
        if raw.ndim != 2:
            msg = f"{path} has an image of {raw.ndim} axes, shape {raw.shape}; 2 were expected"
            raise FrameError(msg)
        with np.errstate(over="ignore"):  # an overflow is masked below
            data = raw.astype(np.float32)
    for key in NOT_OF_THE_IMAGE:
        header.remove(key, ignore_missing=True, remove_all=True)
    good = np.isfinite(data)
    if good.all():
        return data, None, header
    data[~good] = 0.0
    return data, ~good, header


def _first_image(hdus: fits.HDUList) -> int | None:
    for number, hdu in enumerate(hdus):
        if hdu.is_image and hdu.header["NAXIS"] > 0 and hdu.size > 0:
            return number
    return None


def _image_header(hdus: fits.HDUList, number: int | None) -> fits.Header:
    header = hdus[number or 0].header.copy()
    if number:
        header.extend(hdus[0].header, unique=True)
    return header


def expected_shape(header: fits.Header, detector: Detector) -> tuple[int, int]:
    """Return the shape (ny, nx) of an exposure: that of the detector, or of DETSEC in it.

    Examples
    --------
    >>> from astropy.io.fits import Header
    >>> from emirimg.instrument import HAWAII2
    >>> from emirimg.io import expected_shape
    >>> expected_shape(Header(), HAWAII2)
    (2048, 2048)
    >>> expected_shape(Header({"DETSEC": "[1:512,1:256]"}), HAWAII2)
    (256, 512)
    """
    section = re.fullmatch(
        r"\[(\d+):(\d+),(\d+):(\d+)\]", str(header.get("DETSEC", "")).replace(" ", "")
    )
    if section is None:
        return detector.shape
    x1, x2, y1, y2 = map(int, section.groups())
    ny, nx = detector.shape
    if not (1 <= x1 <= x2 <= nx and 1 <= y1 <= y2 <= ny):
        return detector.shape
    return (y2 - y1 + 1, x2 - x1 + 1)


def _celestial_wcs(path: Path, header: fits.Header) -> WCS:
    try:
        wcs = frame_wcs(header)
    except (ValueError, TypeError, KeyError, ArithmeticError) as error:
        msg = f"{path} has an unusable WCS ({error}); a celestial WCS was expected"
        raise FrameError(msg) from error
    if not wcs.has_celestial:
        found = [header.get(f"CTYPE{axis}", "") for axis in (1, 2)]
        msg = f"{path} has no celestial WCS: CTYPE1 and CTYPE2 are {found}"
        raise FrameError(msg)
    return wcs


def _is_bad(mask: CCDData) -> NDArray[np.bool_]:
    bad = mask.data != 0
    return bad if mask.mask is None else bad | mask.mask
