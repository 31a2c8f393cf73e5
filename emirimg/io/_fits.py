"""FITS files, opened once, checked before anything is believed, and closed."""

from __future__ import annotations

import gzip
import io
import re
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from astropy.io import fits
from astropy.wcs import WCS
from numpy.typing import ArrayLike, DTypeLike, NDArray

from ..exceptions import FrameError, MetadataError
from ..instrument import frame_wcs

__all__ = [
    "BLOCK",
    "GZIP",
    "celestial_wcs",
    "for_writing",
    "forget_storage",
    "open_fits",
    "read_bytes",
    "walk_hdus",
    "wcs_header",
]

_NUMBER = re.compile(r"(CRPIX|CRVAL|CDELT)[12]|(CD|PC)[12]_[12]")
"""Keywords that make a WCS, and are numbers."""

BLOCK = 2880
"""Bytes of which headers and data of FITS are multiples."""
GZIP = b"\x1f\x8b"

_OF_STORAGE = (
    "SIMPLE", "XTENSION", "BITPIX", "NAXIS", "NAXIS1", "NAXIS2", "NAXIS3", "EXTEND",
    "PCOUNT", "GCOUNT", "BSCALE", "BZERO", "BLANK", "CHECKSUM", "DATASUM", "EXTNAME",
)  # fmt: skip
"""Keywords that describe how pixels are stored."""


def read_bytes(path: Path, expected: str, *, at_most: int = -1) -> bytes:
    """Return the (uncompressed) content of a file, or an error that names it."""
    if not path.exists():
        msg = f"{path}: no such file; {expected} was expected"
        raise FrameError(msg)
    if not path.is_file():
        msg = f"{path} is not a file; {expected} was expected"
        raise FrameError(msg)
    try:
        with path.open("rb", buffering=0) as stream:  # all of it: a buffer is but another copy
            zipped = stream.read(2) == GZIP
            stream.seek(0)
            if not zipped:
                return stream.read(at_most)
            with gzip.GzipFile(fileobj=stream) as unzipped:
                return unzipped.read(at_most)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        msg = f"{path} is a damaged gzip file ({error}); {expected} was expected"
        raise FrameError(msg) from None
    except OSError as error:
        msg = f"{path} cannot be read ({error.strerror or error}); {expected} was expected"
        raise FrameError(msg) from None


@contextmanager
def open_fits(path: Path, expected: str) -> Iterator[fits.HDUList]:
    """Open a FITS file of which everything is there; the pixels are in memory."""
    content = read_bytes(path, expected)
    number = sum(1 for _ in walk_hdus(path, io.BytesIO(content), len(content), expected))
    content += bytes(-len(content) % BLOCK)  # some programs do not pad the last block
    if number == 1:
        # Its pixels stay where they are. Of several HDUs, each would copy all those after it.
        opened = fits.HDUList.fromstring(content)
    else:
        opened = fits.open(io.BytesIO(content), memmap=False)
    with opened as hdus:
        yield hdus


def forget_storage(header: fits.Header) -> None:
    """Remove what describes how pixels are stored, which is over once they are read."""
    for key in _OF_STORAGE:
        header.remove(key, ignore_missing=True, remove_all=True)


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


def for_writing(plane: ArrayLike, dtype: DTypeLike) -> NDArray[Any]:
    """Return a plane for an HDU, without a copy when it has that native type already.

    It is read-only: of others, astropy swaps the bytes in place for as long as it
    writes them, and another thread that uses the plane meanwhile sees that.
    """
    result = np.ascontiguousarray(plane, dtype=dtype).view()
    result.flags.writeable = False
    return result


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


def walk_hdus(
    path: Path, stream: BinaryIO, length: int, expected: str
) -> Iterator[tuple[fits.Header, int]]:
    """Walk from header to header: a file may end only where an HDU ends.

    Yields the header of each HDU, and where its data start.
    """
    mark = stream.read(9)
    if mark != b"SIMPLE  =":
        found = f"starts with {mark!r}" if mark else "is empty"
        msg = f"{path} is not a FITS file (it {found}); {expected} was expected"
        raise FrameError(msg)
    number = start = 0
    while start < length:
        stream.seek(start)
        if number > 0 and stream.read(8) != b"XTENSION":
            return  # the standard allows special records after the last HDU
        stream.seek(start)
        try:
            header = fits.Header.fromfile(stream, padding=False)
            size = _data_size(header)
        except (OSError, ValueError, TypeError, KeyError, fits.VerifyError) as error:
            msg = f"{path} has a damaged header in HDU {number} ({error}); {expected} was expected"
            raise FrameError(msg) from None
        data = start + -(-(stream.tell() - start) // BLOCK) * BLOCK
        if data + size > length:
            msg = (
                f"{path} is truncated: HDU {number} should end at byte {data + size}, but the"
                f" file has {length} bytes; copy it again"
            )
            raise FrameError(msg)
        yield header, data
        start = data + -(-size // BLOCK) * BLOCK
        number += 1


def _data_size(header: fits.Header) -> int:
    """Return the number of bytes of the data that follow a header."""
    axes = [int(header[f"NAXIS{axis}"]) for axis in range(1, int(header["NAXIS"]) + 1)]
    if not axes:
        return 0
    if axes[0] == 0 and header.get("GROUPS", False):  # random groups
        axes = axes[1:]
    pixels = int(np.prod(axes, dtype=object))
    if min(axes) < 0 or header["BITPIX"] not in (8, 16, 32, 64, -32, -64):
        msg = f"BITPIX {header['BITPIX']}, axes {axes}"
        raise ValueError(msg)
    size = abs(header["BITPIX"]) // 8 * header.get("GCOUNT", 1)
    return int(size * (header.get("PCOUNT", 0) + pixels))
