"""FITS files, opened once, checked before anything is believed, and closed."""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from astropy.io import fits
from numpy.typing import ArrayLike, DTypeLike, NDArray

from ..exceptions import FrameError

__all__ = [
    "BLOCK",
    "GZIP",
    "for_writing",
    "forget_storage",
    "open_fits",
    "read_bytes",
    "walk_hdus",
]

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


def for_writing(plane: ArrayLike, dtype: DTypeLike) -> NDArray[Any]:
    """Return a plane for an HDU, without a copy when it has that native type already.

    It is read-only: of others, astropy swaps the bytes in place for as long as it
    writes them, and another thread that uses the plane meanwhile sees that.
    """
    result = np.ascontiguousarray(plane, dtype=dtype).view()
    result.flags.writeable = False
    return result


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
