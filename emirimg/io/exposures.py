"""Find raw exposures, and sort them by what may be combined."""

from __future__ import annotations

import math
import re
import warnings
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import astropy.units as u
from astropy.io.fits import Header
from astropy.table import MaskedColumn, Table

from ..exceptions import FrameError, InputError, MixedExposuresError, QualityWarning
from ..instrument import Detector, ExposureMetadata, read_metadata
from .frames import read_header

__all__ = [
    "ExposureGroup",
    "examine_files",
    "find_control",
    "find_exposures",
    "group_exposures",
    "header_table",
    "require_one_group",
]

_SUFFIXES = (".fits", ".fit", ".fts", ".fits.gz", ".fit.gz", ".fts.gz")
_KEYWORDS = (
    "NOBSBLCK", "OBSBLOCK", "NIMGOBBL", "IMGOBBL", "NEXP", "EXP", "OBJECT", "EXPTIME",
    "READMODE", "FILTER", "GRISM", "DATE-OBS", "RA", "DEC",
)  # fmt: skip
_MARKS_OF_A_PRODUCT = ("EMIRIMG", "NUMTYPE", "NUMRNAM", "NUM-NCOM", "NUM-BPM", "NUM-DK", "NUM-FF")
_CALIBRATION = re.compile(r"(^|_)(ARCS?|BIAS|DARK|FLAT)(_|$)", re.IGNORECASE)
"""What the observing mode of a raw calibration contains."""
_SAME_TIME = 1e-3
"""Relative difference of exposure times that are meant to be the same."""

Paths = str | Path | Iterable[str | Path]


@dataclass(frozen=True)
class ExposureGroup:
    """Exposures that may be combined.

    Attributes
    ----------
    object_name, filter_name, read_mode : str
        What they have in common.
    exposure_time : `~astropy.units.Quantity`
        Time on the sky of the first of them.
    detector : Detector
        The detector that took them.
    paths : tuple of `~pathlib.Path`
        Their files, in order of time.
    metadata : tuple of ExposureMetadata
        Their headers, in the same order.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from emirimg.io import group_exposures
    >>> from emirimg.simulation import Scene, write_tutorial
    >>> scene = Scene(shape=(32, 32), n_exposures=2, n_stars=1, n_galaxies=0)
    >>> with TemporaryDirectory() as directory:
    ...     _ = write_tutorial(directory, scene)
    ...     [group] = group_exposures(directory)
    >>> group.object_name, group.filter_name, group.detector.name, len(group.paths)
    ('TEST', 'F1230', 'HAWAII-2', 2)
    >>> group.goes_with(group)
    True
    """

    object_name: str
    filter_name: str
    read_mode: str
    exposure_time: u.Quantity
    detector: Detector
    paths: tuple[Path, ...]
    metadata: tuple[ExposureMetadata, ...]

    def goes_with(self, other: ExposureGroup) -> bool:
        """Tell whether two groups differ in nothing but their object."""
        one = replace(self.metadata[0], object_name=other.object_name)
        return _belong_together(one, other.metadata[0])


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
    named = _as_paths(paths)
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
    for path in _as_paths(paths):
        for file in fits_files(path) if path.is_dir() else [path]:
            try:
                reasons[file] = _why_not_raw(read_header(file))
            except FrameError as error:
                reasons[file] = error
    return reasons


def group_exposures(paths: Paths) -> list[ExposureGroup]:
    """Sort exposures by object, filter, exposure time, read mode and detector.

    Parameters
    ----------
    paths : path or iterable of path
        As for `find_exposures`.

    Returns
    -------
    list of ExposureGroup
        In order of their first exposures.

    Raises
    ------
    InputError
        As from `find_exposures`.
    MetadataError
        If a keyword that the reduction needs is missing or impossible.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from emirimg.io import group_exposures
    >>> from emirimg.simulation import Scene, write_tutorial
    >>> scene = Scene(shape=(32, 32), n_exposures=2, n_stars=1, n_galaxies=0)
    >>> with TemporaryDirectory() as directory:
    ...     _ = write_tutorial(f"{directory}/j", scene)
    ...     _ = write_tutorial(f"{directory}/h", scene.replace(filter_name="H"))
    ...     groups = group_exposures([f"{directory}/j", f"{directory}/h"])
    >>> [(group.filter_name, len(group.paths)) for group in groups]
    [('H', 2), ('F1230', 2)]
    """
    files = find_exposures(paths)
    read = [(path, read_metadata(read_header(path), source=str(path))) for path in files]
    read.sort(key=lambda item: (item[1].start.mjd, item[0]))
    groups: list[list[tuple[Path, ExposureMetadata]]] = []
    for item in read:
        for group in groups:
            if _belong_together(item[1], group[0][1]):
                group.append(item)
                break
        else:
            groups.append([item])
    return [_group(group) for group in groups]


def require_one_group(groups: Sequence[ExposureGroup]) -> ExposureGroup:
    """Return the only group.

    Raises
    ------
    MixedExposuresError
        If there are several, with a table of them, or none.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from emirimg.io import group_exposures, require_one_group
    >>> from emirimg.simulation import Scene, write_tutorial
    >>> scene = Scene(shape=(32, 32), n_exposures=2, n_stars=1, n_galaxies=0)
    >>> with TemporaryDirectory() as directory:
    ...     _ = write_tutorial(directory, scene)
    ...     group = require_one_group(group_exposures(directory))
    >>> group.filter_name
    'F1230'
    """
    if len(groups) == 1:
        return groups[0]
    if not groups:
        msg = "no exposures were given; at least one was expected"
        raise MixedExposuresError(msg)
    table = Table(
        {
            "exposures": [len(group.paths) for group in groups],
            "object": [group.object_name for group in groups],
            "filter": [group.filter_name for group in groups],
            "exptime": [f"{group.exposure_time.to_value(u.s):g} s" for group in groups],
            "readmode": [group.read_mode for group in groups],
            "detector": [group.detector.name for group in groups],
            "first file": [group.paths[0].name for group in groups],
        }
    )
    lines = table.pformat(max_lines=-1, max_width=-1, align="<")
    msg = "the exposures must not be combined, choose one of these:\n" + "\n".join(
        line.rstrip() for line in lines
    )
    raise MixedExposuresError(msg)


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
        path.absolute() if path.is_dir() else path.absolute().parent for path in _as_paths(paths)
    }
    for _ in range(3):
        for place in sorted(near):
            if (place / "control.yaml").is_file():
                return place / "control.yaml"
        near = {place.parent for place in near}
    return None


def header_table(paths: Paths) -> Table:
    """Make a table of the keywords that observers look at.

    Parameters
    ----------
    paths : path or iterable of path
        FITS files of any kind; of directories, the raw exposures in them.

    Returns
    -------
    `~astropy.table.Table`
        One row for each file, with its name and the keywords that describe
        its place in the observation. What a header does not say is masked.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from emirimg.io import header_table
    >>> from emirimg.simulation import Scene, write_tutorial
    >>> scene = Scene(shape=(32, 32), n_exposures=2, n_stars=1, n_galaxies=0)
    >>> with TemporaryDirectory() as directory:
    ...     _ = write_tutorial(directory, scene)
    ...     table = header_table(directory)
    >>> print(table["OBJECT", "FILTER", "IMGOBBL"])
    OBJECT FILTER IMGOBBL
    ------ ------ -------
      TEST  F1230       1
      TEST  F1230       2
    """
    files: dict[Path, None] = {}
    for path in _as_paths(paths):
        files.update(dict.fromkeys(find_exposures(path) if path.is_dir() else [path]))
    headers = [read_header(path) for path in files]
    table = Table({"filename": [str(path) for path in files]})
    for key in _KEYWORDS:
        table[key] = _column([header.get(key) for header in headers])
    return table


def _as_paths(paths: Paths) -> list[Path]:
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


def _belong_together(one: ExposureMetadata, other: ExposureMetadata) -> bool:
    times = one.exposure_time.to_value(u.s), other.exposure_time.to_value(u.s)
    return (
        one.object_name == other.object_name
        and one.filter_name == other.filter_name
        and one.read_mode == other.read_mode
        and one.detector == other.detector
        and math.isclose(*times, rel_tol=_SAME_TIME)
    )


def _group(items: Sequence[tuple[Path, ExposureMetadata]]) -> ExposureGroup:
    paths, metadata = zip(*items, strict=True)
    first = metadata[0]
    return ExposureGroup(
        object_name=first.object_name,
        filter_name=first.filter_name,
        read_mode=first.read_mode,
        exposure_time=first.exposure_time,
        detector=first.detector,
        paths=paths,
        metadata=metadata,
    )


def _column(values: Sequence[Any]) -> MaskedColumn:
    missing = [value is None for value in values]
    kinds = {type(value) for value in values if value is not None}
    if not kinds <= {int, float}:
        values = [None if value is None else str(value) for value in values]
        kinds = {str}
    empty = "" if kinds == {str} else 0
    return MaskedColumn([empty if value is None else value for value in values], mask=missing)
