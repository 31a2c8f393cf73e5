"""The WCS of a file, read and written."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from astropy.io import fits
from astropy.wcs import WCS

from ..exceptions import FrameError, MetadataError
from ..instrument import frame_wcs

__all__ = ["celestial_wcs", "wcs_header"]

_NUMBER = re.compile(r"(CRPIX|CRVAL|CDELT)[12]|(CD|PC)[12]_[12]")
"""Keywords that make a WCS, and are numbers."""


def celestial_wcs(
    path: Path, header: fits.Header, make: Callable[[fits.Header], WCS] = frame_wcs
) -> WCS:
    """Return what ``make`` makes of a header, or an error that names the file."""
    for key in filter(_NUMBER.fullmatch, header):
        if not isinstance(header[key], int | float):  # it would be taken as 0
            msg = f"{path}: keyword {key} is {header[key]!r}; a number was expected"
            raise MetadataError(msg)
    try:
        wcs = make(header)
    except (ValueError, TypeError, KeyError, ArithmeticError) as error:
        msg = f"{path} has an unusable WCS ({error}); a celestial WCS was expected"
        raise FrameError(msg) from error
    if not wcs.has_celestial:
        found = [header.get(f"CTYPE{axis}", "") for axis in (1, 2)]
        msg = f"{path} has no celestial WCS: CTYPE1 and CTYPE2 are {found}"
        raise FrameError(msg)
    missing = [key for key in ("CRPIX1", "CRPIX2", "CRVAL1", "CRVAL2") if key not in header]
    if missing:
        msg = f"{path}: keyword {', '.join(missing)} is missing; a number was expected"
        raise MetadataError(msg)
    return wcs


def wcs_header(wcs: WCS) -> fits.Header:
    """Return the keywords of a celestial WCS, its matrix as CDi_j when it was one."""
    header = wcs.to_header(relax=True)
    if wcs.wcs.has_cd():
        for key in list(header["PC*_*"]):
            del header[key]
        for axis in ("1", "2"):
            header.remove(f"CDELT{axis}", ignore_missing=True)
        for i, row in enumerate(wcs.wcs.cd, start=1):
            for j, value in enumerate(row, start=1):
                header[f"CD{i}_{j}"] = (float(value), "[deg/pixel] WCS matrix")
    # The times of the exposures are said by the header itself.
    for key in ("DATE-OBS", "MJD-OBS", "DATE-AVG", "MJD-AVG", "DATE-END", "MJDREF", "MJD-END"):
        header.remove(key, ignore_missing=True)
    return header
