"""Which files of a directory may be exposures."""

from __future__ import annotations

from pathlib import Path

__all__ = ["fits_files"]

_SUFFIXES = (".fits", ".fit", ".fts", ".fits.gz", ".fit.gz", ".fts.gz")


def fits_files(directory: Path) -> list[Path]:
    """Return what may be exposures by its name, in a directory and its subdirectory ``data``."""
    places = [place for place in (directory, directory / "data") if place.is_dir()]
    return [
        path
        for place in places
        for path in sorted(place.iterdir())
        if path.name.lower().endswith(_SUFFIXES)
        and not path.name.startswith(".")
        and path.is_file()
    ]
