"""Pictures as PNG, of the kinds that noise compresses best in.

General writers try five filters on every line and search for repeats, of which noise has none:
that takes three times as long, and the files are larger.
"""

from __future__ import annotations

import zlib

import numpy as np
from numpy.typing import NDArray

__all__ = ["encode_png"]

_GREY, _COLOURS, _PALETTE = 0, 2, 3


def encode_png(
    pixels: NDArray[np.uint8 | np.bool_],
    *,
    palette: NDArray[np.uint8] | None = None,
    absent: bool = False,
    effort: int = 0,
) -> bytes:
    """Return a picture as the content of a PNG file.

    Parameters
    ----------
    pixels : `~numpy.ndarray` of uint8 or bool
        Shape (ny, nx), or (ny, nx, 3) for red, green and blue; the first row is the uppermost.
    palette : `~numpy.ndarray` of uint8, optional
        Shape (n, 4): red, green, blue and opacity of each value. Default: values are grey.
    absent : bool, optional
        Whether grey pixels of the value 0 are transparent. Default: no.
    effort : int, optional
        How hard repeats are looked for, from 1 to 9. Default: 0, only equal neighbours
        are, which is best for noise.
    """
    kind = _PALETTE if palette is not None else _COLOURS if pixels.ndim == 3 else _GREY
    depth = 1 if pixels.dtype == bool else 8
    values = np.packbits(pixels, axis=1) if depth == 1 else pixels.reshape(len(pixels), -1)
    lines = np.zeros((len(values), values.shape[1] + 1), np.uint8)  # each starts with its filter
    lines[:, 1:] = values
    ny, nx = pixels.shape[:2]
    parts = [_chunk(b"IHDR", b"%b%b%c%c\0\0\0" % (_number(nx), _number(ny), depth, kind))]
    if palette is not None:
        parts += [_chunk(b"PLTE", palette[:, :3].tobytes())]
        parts += [_chunk(b"tRNS", palette[:, 3].tobytes())]
    elif absent:
        parts += [_chunk(b"tRNS", b"\0\0")]
    strategy = zlib.Z_DEFAULT_STRATEGY if effort else zlib.Z_RLE
    packing = zlib.compressobj(effort or 1, zlib.DEFLATED, zlib.MAX_WBITS, 9, strategy)
    parts += [_chunk(b"IDAT", packing.compress(lines) + packing.flush()), _chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def _chunk(name: bytes, content: bytes) -> bytes:
    check = zlib.crc32(content, zlib.crc32(name))
    return b"".join([_number(len(content)), name, content, _number(check)])


def _number(value: int) -> bytes:
    return value.to_bytes(4, "big")
