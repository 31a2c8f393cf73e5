"""Images of observation blocks, in the layout that ``numina`` gives them."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import astropy.units as u
import numpy as np
from astropy.io import fits
from astropy.nddata import CCDData
from astropy.wcs import WCS
from numpy.typing import NDArray

from ..._version import version
from ...exceptions import FrameError
from ...instrument import frame_wcs
from .._fits import NOT_OF_THE_IMAGE, open_fits, wcs_header
from ..atomic import replacing
from ..frames import read_header

__all__ = [
    "PositionImage",
    "identifier",
    "read_position_image",
    "write_dithered_image",
    "write_intermediate_image",
    "write_position_image",
]

_POSITION = "the image of one position (FITS)"
_OF_DISTORTION = ("PV2_2", "PV2_3", "PV2_4", "PV2_5")
_KEYWORDS = {"bad_pixels": "NUM-BPM", "bias": "NUM-BS", "dark": "NUM-DK", "flat": "NUM-FF"}
_NAMES = {"bad_pixels": "BPM", "bias": "Bias", "dark": "Dark", "flat": "Flat-field"}


@dataclass(frozen=True)
class PositionImage:
    """The result of the mode STARE_IMAGE.

    Parameters
    ----------
    frame : `~astropy.nddata.CCDData`
        Image with its mask and WCS.
    channels : `~numpy.ndarray` of uint8 or None
        Readout channel (1 to 32) of each pixel, where it is known.
    """

    frame: CCDData
    channels: NDArray[np.uint8] | None = None


def identifier(path: str | Path) -> str:
    """Return what a file is called in the headers of what is made of it.

    Parameters
    ----------
    path : path
        FITS file.

    Returns
    -------
    str
        ``uuid:`` and its UUID; ``file:`` and its name if it has none.
    """
    value = str(read_header(path).get("UUID", "")).strip()
    return f"uuid:{value}" if value else f"file:{Path(path).name}"


def write_position_image(
    path: str | Path,
    image: PositionImage,
    *,
    exposures: Iterable[str],
    calibrations: Mapping[str, str],
    method: str,
    pipeline: str = "default",
) -> str:
    """Write the result of the mode STARE_IMAGE.

    Parameters
    ----------
    path : path
        FITS file to write.
    image : PositionImage
        Image whose header is that of the first exposure.
    exposures : iterable of str
        Identifiers of the exposures.
    calibrations : mapping
        Kind (bad_pixels, bias, dark, flat) to identifier.
    method : str
        How it was resampled, or ``none``.
    pipeline : str, optional
        Name of a set of recipes.

    Returns
    -------
    str
        UUID of the image.

    Notes
    -----
    The extension BPM is 1 where a pixel must not be used; ICHANNEL, where the
    channels are known, holds their numbers.
    """
    exposures = list(exposures)
    header = _plain_header(image.frame.meta)
    if method != "none":
        for key in _OF_DISTORTION:
            header.remove(key, ignore_missing=True)
    header["EXP"] = (0, "the exposures at this place were averaged")
    name = _sign(header, "stare_image", len(exposures), pipeline)
    now = _now()
    header.add_history(f"Combined {len(exposures)} images using 'mean'")
    header.add_history(f"Combination time {now}")
    for exposure in exposures:
        header.add_history(f"Image {exposure}")
    for kind, calibration in calibrations.items():
        header[_KEYWORDS[kind]] = calibration
        header.add_history(f"{_NAMES[kind]} correction with {calibration}")
    if method != "none":
        header.add_history(f"Reprojection using {method}")
        header.add_history(f"Reprojection time {now}")
    frame = image.frame
    mask = np.zeros(frame.shape, np.uint8) if frame.mask is None else frame.mask.astype(np.uint8)
    hdus = fits.HDUList(
        [
            fits.PrimaryHDU(np.asarray(frame.data, dtype=np.float32), header=header),
            fits.ImageHDU(mask, name="BPM"),
        ]
    )
    if image.channels is not None:
        hdus.append(fits.ImageHDU(image.channels.astype(np.uint8), name="ICHANNEL"))
    _write(path, hdus)
    return name


def read_position_image(path: str | Path) -> PositionImage:
    """Read the result of the mode STARE_IMAGE, whoever wrote it.

    Parameters
    ----------
    path : path
        FITS file.

    Returns
    -------
    PositionImage
        Image in adu, float32. The mask is `None` if the file has no extension
        BPM.

    Raises
    ------
    FrameError
        If the file is damaged, or its planes have different shapes.
    """
    path = Path(path)
    with open_fits(path, _POSITION) as hdus:
        if hdus[0].header["NAXIS"] != 2:
            msg = f"{path} has no image of two axes; {_POSITION} was expected"
            raise FrameError(msg)
        data = np.ascontiguousarray(hdus[0].data, dtype=np.float32)
        header = hdus[0].header.copy()
        planes = {name: hdus[name].data for name in ("BPM", "ICHANNEL") if name in hdus}
        for name, plane in planes.items():
            if plane is None or plane.shape != data.shape:
                found = None if plane is None else plane.shape
                msg = f"{path} has an image of the shape {data.shape}, but {name} has {found}"
                raise FrameError(msg)
    mask = planes["BPM"] != 0 if "BPM" in planes else None
    unusable = ~np.isfinite(data)
    if unusable.any():
        data[unusable] = 0.0
        mask = unusable if mask is None else mask | unusable
    for key in NOT_OF_THE_IMAGE:
        header.remove(key, ignore_missing=True, remove_all=True)
    frame = CCDData(data, unit=u.adu, mask=mask, meta=header, wcs=_wcs(path, header))
    return PositionImage(frame, planes.get("ICHANNEL"))


def write_dithered_image(
    path: str | Path,
    data: NDArray[np.float32],
    variance: NDArray[np.float32],
    coverage: NDArray[np.int16],
    *,
    wcs: WCS,
    children: Iterable[fits.Header],
    shape: tuple[int, int],
    method: str,
    history: Iterable[str] = (),
    pipeline: str = "default",
) -> str:
    """Write the result of the mode FULL_DITHERED_IMAGE.

    Parameters
    ----------
    path : path
        FITS file to write.
    data, variance, coverage : `~numpy.ndarray`
        Image, its variance and the number of exposures, shape (ny, nx).
    wcs : `~astropy.wcs.WCS`
        WCS of the image.
    children : iterable of `~astropy.io.fits.Header`
        Headers of the images that were combined, in order of time.
    shape : tuple of int
        Shape (ny, nx) of the images that were combined.
    method : str
        How they were combined.
    history : iterable of str, optional
        Further remarks.
    pipeline : str, optional
        Name of a set of recipes.

    Returns
    -------
    str
        UUID of the image.

    Notes
    -----
    The extensions are VARIANCE and MAP (int16). NVALREGI says which part of
    the image, ``[y0:y1,x0:x1]`` (0-based, ends excluded), the first exposure
    covers.
    """
    children = list(children)
    first = children[0]
    header = _plain_header(first)
    for key in ("HISTORY", "COMMENT"):
        header.remove(key, ignore_missing=True, remove_all=True)
    dx, dy = np.rint(wcs.wcs.crpix - [first["CRPIX1"], first["CRPIX2"]]).astype(int)
    header["CRPIX1"], header["CRPIX2"] = map(float, wcs.wcs.crpix)
    header["OBSMODE"] = "FULL_DITHERED_IMAGE"
    if "TSUTC2" in children[-1]:
        header["TSUTC2"] = children[-1]["TSUTC2"]
    name = _sign(header, "full_dithered_image", len(children), pipeline)
    ny, nx = shape
    header["NVALREGI"] = (f"[{dy}:{dy + ny},{dx}:{dx + nx}]", "place of the first exposure (y, x)")
    header.add_history(f"Combined {len(children)} images using '{method}'")
    header.add_history(f"Combination time {_now()}")
    for child in children:
        header.add_history(f"Image {child.get('UUID', '')}")
    for text in history:
        header.add_history(text)
    hdus = fits.HDUList(
        [
            fits.PrimaryHDU(np.asarray(data, dtype=np.float32), header=header),
            fits.ImageHDU(np.asarray(variance, dtype=np.float32), name="VARIANCE"),
            fits.ImageHDU(np.asarray(coverage, dtype=np.int16), name="MAP"),
        ]
    )
    _write(path, hdus)
    return name


def write_intermediate_image(directory: str | Path, name: str, image: CCDData) -> Path:
    """Write an intermediate image for the eyes of the observer.

    Parameters
    ----------
    directory : path
        Where to write.
    name : str
        Name of the file, without ``.fits``.
    image : `~astropy.nddata.CCDData`
        Image, of which the data are written with their WCS; booleans become 0
        and 1.

    Returns
    -------
    `~pathlib.Path`
        The file.
    """
    path = Path(directory) / f"{name}.fits"
    data = image.data.astype(np.uint8) if image.data.dtype == bool else image.data
    header = None if image.wcs is None else wcs_header(image.wcs)
    with replacing(path, overwrite=True) as temporary:
        fits.PrimaryHDU(data, header=header).writeto(temporary)
    return path


def _plain_header(meta: Any) -> fits.Header:
    header = fits.Header(meta, copy=True)
    for key in NOT_OF_THE_IMAGE:
        header.remove(key, ignore_missing=True, remove_all=True)
    return header


def _sign(header: fits.Header, recipe: str, number: int, pipeline: str) -> str:
    """Say what was made by whom, and return the new UUID."""
    name = str(uuid.uuid4())
    header["UUID"] = name
    header["NUM-NCOM"] = (number, "images combined")
    header["NUMXVER"] = (version, "version of emirimg")
    header["NUMRNAM"] = (recipe, "recipe")
    header["NUMRVER"] = (1, "version of the recipe")
    header["NUMDRP"] = "EMIR"
    header["NUMDRPV"] = (version, "version of emirimg")
    header["NUMPIPE"] = (pipeline, "set of recipes")
    header["EMIRIMG"] = (version, "version of emirimg")
    return name


def _now() -> str:
    return datetime.now(tz=UTC).isoformat()


def _wcs(path: Path, header: fits.Header) -> WCS:
    try:
        wcs = frame_wcs(header)
    except (ValueError, TypeError, KeyError, ArithmeticError) as error:
        msg = f"{path} has an unusable WCS ({error}); a celestial WCS was expected"
        raise FrameError(msg) from error
    if not wcs.has_celestial:
        msg = f"{path} has no celestial WCS; {_POSITION} was expected"
        raise FrameError(msg)
    return wcs


def _write(path: str | Path, hdus: fits.HDUList) -> None:
    with replacing(path, overwrite=True) as temporary:
        hdus.writeto(temporary, checksum=True)
