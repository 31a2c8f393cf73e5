"""Images with checksums, written a band of rows at a time."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

import numpy as np
from astropy.io import fits

from .._parallel import row_bands
from ._fits import BLOCK

__all__ = ["write_checked"]

_BAND = 64
"""Rows that are turned into bytes together, so that they stay in the cache; a multiple of 4,
so that all bands but the last are whole words."""
_NO_SUM = "0" * 16
"""Stands for the checksum while that is worked out."""
_OTHERS = {*range(0x3A, 0x41), *range(0x5B, 0x61)}
"""Characters between the digits and the letters."""


def write_checked(path: Path, hdus: fits.HDUList) -> None:
    """Write images, with the keywords CHECKSUM and DATASUM.

    The file is the one that ``hdus.writeto(path, checksum=True)`` writes, which passes
    over whole planes for each step.

    Parameters
    ----------
    path : `~pathlib.Path`
        New file.
    hdus : `~astropy.io.fits.HDUList`
        HDUs of images, of types that FITS stores as they are; their headers get the
        checksums.
    """
    hdus.update_extend()
    with path.open("xb") as stream:
        for hdu in hdus:
            _write(stream, hdu.header, hdu.data)


def _write(stream: BinaryIO, header: fits.Header, data: np.ndarray) -> None:
    now = datetime.now(tz=UTC).isoformat(timespec="seconds").removesuffix("+00:00")
    header["CHECKSUM"] = (_NO_SUM, f"HDU checksum updated {now}")
    header["DATASUM"] = ("0", f"data unit checksum updated {now}")
    start = stream.tell()
    stream.write(_text(header))
    total = _write_data(stream, data)
    end = stream.tell()
    header["DATASUM"] = str(total)
    total = _folded(total + _sum_of_words(_text(header)))
    header["CHECKSUM"] = _encoded(total ^ 0xFFFFFFFF)
    stream.seek(start)
    stream.write(_text(header))
    stream.seek(end)


def _write_data(stream: BinaryIO, data: np.ndarray) -> int:
    """Write an image in the byte order of FITS, and return the sum of its words."""
    stored, total = data.dtype.newbyteorder(">"), 0
    for rows in row_bands(len(data), _BAND):
        band = np.ascontiguousarray(data[rows], dtype=stored)
        stream.write(band.data)
        total += _sum_of_words(band)
    stream.write(bytes(-data.nbytes % BLOCK))
    return _folded(total)


def _text(header: fits.Header) -> bytes:
    return header.tostring().encode("ascii")


def _sum_of_words(content: bytes | np.ndarray) -> int:
    """Return the sum of the words of four bytes."""
    octets = np.frombuffer(content, np.uint8)
    padded = np.pad(octets, (0, -octets.size % 4)) if octets.size % 4 else octets
    return int(padded.view(">u4").sum(dtype=np.uint64))


def _folded(total: int) -> int:
    """Return a sum whose carry bits were added at the other end (ones' complement)."""
    while total >> 32:
        total = (total & 0xFFFFFFFF) + (total >> 32)
    return total


def _encoded(number: int) -> str:
    """Return 32 bits as 16 letters and digits, as the FITS standard (appendix J) has it."""
    columns = []
    for octet in number.to_bytes(4, "big"):
        quarter, rest = divmod(octet, 4)
        four = [quarter + rest + 0x30, *[quarter + 0x30] * 3]
        # A pair keeps its sum while it moves apart.
        while any(one in _OTHERS for one in four):
            for first in (0, 2):
                if _OTHERS & {*four[first : first + 2]}:
                    four[first] += 1
                    four[first + 1] -= 1
        columns.append(four)
    text = "".join(chr(columns[k][row]) for row in range(4) for k in range(4))
    return text[-1] + text[:-1]
