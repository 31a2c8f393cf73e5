"""Headers that say what was made by whom, and the files that get them."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from astropy.io import fits

from ..._version import version
from .._checked import write_checked
from .._fits import forget_storage
from ..atomic import replacing

__all__ = ["now", "plain_header", "sign", "write_hdus"]


def plain_header(meta: Any) -> fits.Header:
    """Return a copy of a header without what describes how pixels were stored."""
    header = fits.Header(meta, copy=True)
    forget_storage(header)
    return header


def sign(header: fits.Header, recipe: str, number: int, pipeline: str) -> str:
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


def now() -> str:
    """Return the time, in UTC, as ISO 8601 wants it."""
    return datetime.now(tz=UTC).isoformat()


def write_hdus(path: str | Path, hdus: fits.HDUList) -> None:
    """Write a file, or leave the old one as it is."""
    with replacing(path, overwrite=True) as temporary:
        write_checked(temporary, hdus)
