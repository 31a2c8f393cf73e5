"""The WCS of a file, read and written."""

from __future__ import annotations

from pathlib import Path

from astropy.io import fits
from astropy.wcs import WCS

from ..exceptions import FrameError
from ..instrument import frame_wcs

__all__ = ["celestial_wcs", "wcs_header"]


def celestial_wcs(path: Path, header: fits.Header) -> WCS:
    """Return the WCS of a frame, or an error that names the file."""
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
