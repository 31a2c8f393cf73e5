"""Find raw exposures among everything else."""

from __future__ import annotations

import re
import warnings
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from astropy.io.fits import Header

from ..exceptions import FrameError, InputError, QualityWarning
from .frames import read_header

__all__ = ["examine_files", "find_control", "find_exposures"]

_SUFFIXES = (".fits", ".fit", ".fts", ".fits.gz", ".fit.gz", ".fts.gz")
_MARKS_OF_A_PRODUCT = ("EMIRIMG", "NUMTYPE", "NUMRNAM", "NUM-NCOM", "NUM-BPM", "NUM-DK", "NUM-FF")
_CALIBRATION = re.compile(r"(^|_)(ARCS?|BIAS|DARK|FLAT)(_|$)", re.IGNORECASE)
"""What the observing mode of a raw calibration contains."""
Paths = str | Path | Iterable[str | Path]


def find_exposures(paths: Paths) -> list[Path]:
    """Find raw imaging exposures of EMIR by their headers.

    Parameters
    ----------
    paths : path or iterable of path
        Files, and directories in which (and in whose subdirectory ``data``)
        FITS files are looked at. Calibrations, products, spectra and files of
        other instruments in a directory are passed over.

    Returns
    -------
    list of `~pathlib.Path`
        Each file once, sorted by name within a directory.

    Raises
    ------
    InputError
        If a path does not exist, a file that was named is not such an
        exposure, or there are none.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from emirimg.io import find_exposures
    >>> from emirimg.simulation import Scene, write_tutorial
    >>> scene = Scene(shape=(32, 32), n_exposures=2, n_stars=1, n_galaxies=0)
    >>> with TemporaryDirectory() as directory:
    ...     tree = write_tutorial(directory, scene)  # exposures and calibrations
    ...     print([path.name for path in find_exposures(directory)])
    ['0001877553-20181217-EMIR-STARE_IMAGE.fits', ...
    """
    found: dict[Path, None] = {}
    problems: list[str] = []
    passed: Counter[str] = Counter()
    named = as_paths(paths)
    for path in named:
        if path.is_dir():
            for candidate in fits_files(path):
                reason = _why_not_raw(_header_or_none(candidate))
                if reason:
                    passed[reason] += 1
                else:
                    found[candidate] = None
            continue
        try:
            reason = _why_not_raw(read_header(path))
        except FrameError as error:
            problems.append(str(error))
            continue
        if reason:
            problems.append(f"{path} is not a raw imaging exposure of EMIR: {reason}")
        else:
            found[path] = None
    if problems:
        raise InputError("\n".join(problems))
    if not found:
        places = ", ".join(map(str, named)) or "an empty list"
        looked = "; ".join(f"{n} x {reason}" for reason, n in passed.items()) or "no FITS files"
        msg = f"no raw imaging exposures of EMIR in {places}; found were: {looked}"
        raise InputError(msg)
    return list(found)


def examine_files(paths: Paths) -> dict[Path, str | FrameError]:
    """Say of files why they are no raw imaging exposures of EMIR.

    Parameters
    ----------
    paths : path or iterable of path
        As for `find_exposures`.

    Returns
    -------
    dict of `~pathlib.Path` to str or FrameError
        The reason for each file; empty where it is such an exposure, and the
        error where its header cannot be read.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from emirimg.io import examine_files
    >>> from emirimg.simulation import Scene, write_tutorial
    >>> scene = Scene(shape=(32, 32), n_exposures=1, n_stars=1, n_galaxies=0)
    >>> with TemporaryDirectory() as directory:
    ...     tree = write_tutorial(directory, scene)
    ...     for path, reason in examine_files([tree.exposures[0], tree.flat]).items():
    ...         print(repr(reason))
    ''
    'a calibration or a product (it has the keyword NUMTYPE)'
    """
    reasons: dict[Path, str | FrameError] = {}
    for path in as_paths(paths):
        for file in fits_files(path) if path.is_dir() else [path]:
            try:
                reasons[file] = _why_not_raw(read_header(file))
            except FrameError as error:
                reasons[file] = error
    return reasons


def find_control(paths: Paths) -> Path | None:
    """Look for ``control.yaml`` beside exposures or up to two directories above.

    Parameters
    ----------
    paths : path or iterable of path
        Files or directories.

    Returns
    -------
    `~pathlib.Path` or None
        The nearest one; `None` if there is none.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from emirimg.io import find_control
    >>> from emirimg.simulation import Scene, write_tutorial
    >>> scene = Scene(shape=(32, 32), n_exposures=1, n_stars=1, n_galaxies=0)
    >>> with TemporaryDirectory() as directory:
    ...     tree = write_tutorial(directory, scene)
    ...     print(find_control(tree.exposures).name)
    control.yaml
    """
    near = {
        path.absolute() if path.is_dir() else path.absolute().parent for path in as_paths(paths)
    }
    for _ in range(3):
        for place in sorted(near):
            if (place / "control.yaml").is_file():
                return place / "control.yaml"
        near = {place.parent for place in near}
    return None


def as_paths(paths: Paths) -> list[Path]:
    """Return one path, or several, as a list."""
    return [Path(paths)] if isinstance(paths, str | Path) else [Path(path) for path in paths]


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


def _header_or_none(path: Path) -> Header | None:
    try:
        return read_header(path)
    except FrameError as error:
        warnings.warn(f"{error}; the file is left out", QualityWarning, stacklevel=4)
        return None


def _why_not_raw(header: Header | None) -> str:
    """Say why a header is not that of a raw imaging exposure, or nothing."""
    if header is None:
        return "damaged file"
    instrument = str(header.get("INSTRUME", "")).strip()
    if instrument.upper() != "EMIR":
        return f"INSTRUME is {instrument!r}, not 'EMIR'"
    for key in _MARKS_OF_A_PRODUCT:
        if key in header:
            return f"a calibration or a product (it has the keyword {key})"
    mode = str(header.get("OBSMODE", "")).strip()
    if _CALIBRATION.search(mode):
        return f"a calibration (OBSMODE is {mode!r})"
    grism = str(header.get("GRISM", "")).strip()
    if grism.upper() not in {"", "OPEN"}:
        return f"a spectrum (GRISM is {grism!r})"
    axes = ("CTYPE1", "RA--"), ("CTYPE2", "DEC-")
    on_sky = all(str(header.get(axis, "")).startswith(start) for axis, start in axes)
    return "" if on_sky else "no celestial WCS"
