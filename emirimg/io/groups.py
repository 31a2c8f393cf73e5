"""Sort raw exposures by what may be combined."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import astropy.units as u
from astropy.table import MaskedColumn, Table

from ..exceptions import MixedExposuresError
from ..instrument import Detector, ExposureMetadata, read_metadata
from .exposures import Paths, as_paths, find_exposures
from .headers import read_header

__all__ = ["ExposureGroup", "group_exposures", "header_table", "require_one_group"]

_KEYWORDS = (
    "NOBSBLCK", "OBSBLOCK", "NIMGOBBL", "IMGOBBL", "NEXP", "EXP", "OBJECT", "EXPTIME",
    "READMODE", "FILTER", "GRISM", "DATE-OBS", "RA", "DEC",
)  # fmt: skip
_SAME_TIME = 1e-3
"""Relative difference of exposure times that are meant to be the same."""


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
    for path in as_paths(paths):
        files.update(dict.fromkeys(find_exposures(path) if path.is_dir() else [path]))
    headers = [read_header(path) for path in files]
    table = Table({"filename": [str(path) for path in files]})
    for key in _KEYWORDS:
        table[key] = _column([header.get(key) for header in headers])
    return table


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
