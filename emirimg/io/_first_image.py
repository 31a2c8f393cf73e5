"""The first image of a FITS file: its pixels, and its header without them."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from astropy.io import fits
from numpy.typing import NDArray

from ..exceptions import FrameError
from ._fits import BLOCK, forget_storage, open_fits, read_bytes

__all__ = ["read_first_header", "read_first_image"]

_HEADER_BYTES = 100 * BLOCK
"""A header that is longer is read with the pixels."""


def read_first_image(
    path: Path, expected: str
) -> tuple[NDArray[np.float32], NDArray[np.bool_] | None, fits.Header]:
    """Return data, mask (`None` if nothing is masked) and header of the first image of a file.

    Pixels that are not finite are 0 and masked. ``expected`` says in errors what the file
    should have been.
    """
    with open_fits(path, expected) as hdus:
        number = _number(hdus)
        if number is None:
            msg = f"{path} contains no image; {expected} was expected"
            raise FrameError(msg)
        header = _filled_header(hdus, number)
        raw = hdus[number].data
        if raw.ndim != 2:
            msg = f"{path} has an image of {raw.ndim} axes, shape {raw.shape}; 2 were expected"
            raise FrameError(msg)
        with np.errstate(over="ignore"):  # an overflow is masked below
            data = raw.astype(np.float32)
    forget_storage(header)
    good = np.isfinite(data)
    if good.all():
        return data, None, header
    data[~good] = 0.0
    return data, ~good, header


def read_first_header(path: Path, expected: str) -> fits.Header:
    """Return the header of the first image of a file, filled up with that of the primary HDU."""
    content = read_bytes(path, expected, at_most=_HEADER_BYTES)
    if not content.startswith(b"SIMPLE  ="):
        msg = f"{path} is not a FITS file; {expected} was expected"
        raise FrameError(msg)
    try:
        header = fits.Header.fromfile(io.BytesIO(content), padding=False)
        if header["NAXIS"] > 0:
            return header
    except (OSError, ValueError, TypeError, KeyError, fits.VerifyError) as error:
        msg = f"{path} has a damaged header ({error}); {expected} was expected"
        raise FrameError(msg) from None
    with open_fits(path, expected) as hdus:
        return _filled_header(hdus, _number(hdus))


def _number(hdus: fits.HDUList) -> int | None:
    """Return which HDU has an image; `None` if none has."""
    for number, hdu in enumerate(hdus):
        if hdu.is_image and hdu.header["NAXIS"] > 0 and hdu.size > 0:
            return number
    return None


def _filled_header(hdus: fits.HDUList, number: int | None) -> fits.Header:
    header = hdus[number or 0].header.copy()
    if number:
        header.extend(hdus[0].header, unique=True)
    return header
