"""What files are called in the headers of what is made of them."""

from __future__ import annotations

from pathlib import Path

from ..headers import read_header

__all__ = ["identifier"]


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

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from emirimg.io import identifier
    >>> from emirimg.simulation import Scene, write_tutorial
    >>> scene = Scene(shape=(32, 32), n_exposures=1, n_stars=1, n_galaxies=0)
    >>> with TemporaryDirectory() as directory:
    ...     print(identifier(write_tutorial(directory, scene).exposures[0]))
    uuid:2b2bdaf6-b1c0-4ba4-918d-308d00e8becb
    """
    value = str(read_header(path).get("UUID", "")).strip()
    return f"uuid:{value}" if value else f"file:{Path(path).name}"
