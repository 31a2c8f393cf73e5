"""Planes that stay in their file until somebody wants their rows."""

from __future__ import annotations

from io import FileIO
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from astropy.io import fits
from numpy.typing import NDArray

from .._lazy import LazyPlane
from .._parallel import row_bands
from ..exceptions import FrameError
from ._fits import BLOCK, GZIP, walk_hdus

__all__ = ["StoredPlane", "stored_planes", "write_plane"]

_BAND = 64
_ROWS = 256
"""Rows of a file that are read together for the sake of some of them."""
_FAR = 16
"""Rows so far apart are read one by one."""
_TYPES = {8: "u1", -32: ">f4", -64: ">f8"}
_SCALING = ("BSCALE", "BZERO", "BLANK")


class StoredPlane(LazyPlane):
    """An image of a file, which is open only while rows are read.

    Parameters
    ----------
    path : `~pathlib.Path`
        The file.
    offset : int
        Where its first pixel is, in bytes.
    shape : tuple of int
        Shape (ny, nx).
    stored : str
        Type of its pixels; floating-point numbers become float32.
    """

    def __init__(self, path: Path, offset: int, shape: tuple[int, int], stored: str) -> None:
        kind = np.dtype(stored)
        dtype = np.dtype(np.float32) if kind.kind == "f" else kind.newbyteorder("=")
        super().__init__(self._read_rows, shape, dtype)
        self.place = (path, offset, self.shape, stored)
        self._kind = kind

    def _read_rows(self, wanted: slice) -> NDArray[Any]:
        path = self.place[0]
        chosen = range(*wanted.indices(self.shape[0]))
        try:
            with FileIO(path) as stream:
                if chosen.step == 1:
                    return self._read(stream, chosen.start, len(chosen))
                return self._pick(stream, chosen)
        except OSError as error:
            msg = f"{path} can no longer be read: {error.strerror or error}"
            raise FrameError(msg) from None

    def _read(self, stream: FileIO, first: int, number: int) -> NDArray[Any]:
        return self._as_stored(stream, first, number).astype(self.dtype, copy=False)

    def _pick(self, stream: FileIO, chosen: range) -> NDArray[Any]:
        """Return rows that lie apart, by few reads: at each, threads wait for each other."""
        apart = abs(chosen.step)
        together = 1 if apart >= _FAR else _ROWS // apart
        picked = np.empty((len(chosen), self.shape[1]), self.dtype)
        for start in range(0, len(chosen), together):
            part = chosen[start : start + together]
            low, high = min(part), max(part)
            rows = self._as_stored(stream, low, high - low + 1)
            picked[start : start + together] = rows[:: chosen.step]
        return picked

    def _as_stored(self, stream: FileIO, first: int, number: int) -> NDArray[Any]:
        path, offset, (_, nx), _ = self.place
        stream.seek(offset + first * nx * self._kind.itemsize)
        pixels = np.empty((number, nx), self._kind)
        if stream.readinto(pixels.view(np.uint8)) < pixels.nbytes:
            msg = f"{path} became shorter while it was in use"
            raise FrameError(msg)
        return pixels


def stored_planes(path: Path, expected: str) -> tuple[fits.Header, dict[str, LazyPlane]] | None:
    """Return the primary header and the images of a file, by their names.

    Returns `None` for a file that must be read as a whole: compressed, or
    with pixels that are scaled or of another type.
    """
    headers: list[fits.Header] = []
    planes: dict[str, LazyPlane] = {}
    try:
        with path.open("rb") as stream:
            if stream.read(2) == GZIP:
                return None
            stream.seek(0)
            for header, start in walk_hdus(path, stream, path.stat().st_size, expected):
                plain = header.get("XTENSION", "IMAGE") == "IMAGE" and header["NAXIS"] == 2
                stored = _TYPES.get(header["BITPIX"])
                if not plain or stored is None or any(key in header for key in _SCALING):
                    return None
                shape = (header["NAXIS2"], header["NAXIS1"])
                name = header.get("EXTNAME", "") if headers else "PRIMARY"
                planes[name] = StoredPlane(path, start, shape, stored)
                headers.append(header)
    except OSError:
        return None  # reading it as a whole says what is wrong
    return (headers[0], planes) if planes["PRIMARY"].dtype == np.float32 else None


def write_plane(
    stream: BinaryIO, path: Path, plane: Any, hdu: type[fits.PrimaryHDU], **options: Any
) -> LazyPlane:
    """Write an image some rows at a time, and return it as it is stored.

    Parameters
    ----------
    stream : file
        Where to write.
    path : `~pathlib.Path`
        Name that the file will have.
    plane : array_like or LazyPlane
        Shape (ny, nx); booleans become 0 and 1.
    hdu : type
        Class of the HDU.
    **options
        As for the HDU.
    """
    stored = {"b": "u1", "f": ">f4", "i": ">i2"}.get(plane.dtype.kind, "u1")
    # Astropy makes the header; the pixels need not exist for that.
    pattern = np.broadcast_to(np.zeros((), stored), plane.shape)
    stream.write(hdu(pattern, **options).header.tostring().encode("ascii"))
    start = stream.tell()
    stream.writelines(
        np.ascontiguousarray(plane[rows], dtype=stored).data
        for rows in row_bands(plane.shape[0], _BAND)
    )
    stream.write(bytes(-stream.tell() % BLOCK))
    return StoredPlane(path, start, plane.shape, stored)
