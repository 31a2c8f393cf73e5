"""What a look at exposures before their reduction has found."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, is_dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import astropy.units as u
from astropy.time import Time

__all__ = [
    "CalibrationUse",
    "ExposureLook",
    "Finding",
    "GroupCheck",
    "Preflight",
    "Severity",
]


class Severity(StrEnum):
    """How much a finding matters.

    Examples
    --------
    >>> from emirimg.dither import Severity
    >>> sorted(severity.name for severity in Severity)
    ['ERROR', 'NOTE', 'WARNING']
    """

    NOTE = "note"
    """Something to know; nothing is wrong."""
    WARNING = "warning"
    """The reduction works, but its result is worse than it could be."""
    ERROR = "error"
    """The reduction fails, or its result would be wrong."""


@dataclass(frozen=True)
class Finding:
    """One thing that was found.

    Attributes
    ----------
    severity : Severity
        How much it matters.
    topic : str
        What it is about, one word for scripts: ``files``, ``groups``,
        ``pattern``, ``wcs``, ``pointing``, ``detector``, ``readout``,
        ``calibrations``, ``saturation``, ``sky``, ``pixels``, ``channels``,
        ``duplicates`` or ``seeing``.
    text : str
        What was found, in words.
    files : tuple of str
        Names of the files it is about; empty: all of the group.

    Examples
    --------
    >>> from emirimg.dither import Finding, Severity
    >>> finding = Finding(Severity.WARNING, "saturation", "2 % are saturated", ("e3.fits",))
    >>> finding.topic, finding.files
    ('saturation', ('e3.fits',))
    """

    severity: Severity
    topic: str
    text: str
    files: tuple[str, ...] = ()


@dataclass(frozen=True)
class ExposureLook:
    """What a quick look at one exposure shows; NaN where it shows nothing.

    Attributes
    ----------
    name : str
        Name of the file.
    block, position, repeat : int or None
        Its place in the dither pattern.
    start : `~astropy.time.Time`
        Start of the exposure (UTC).
    offset : tuple of float
        Way (east, north) from the typical pointing of the group, arcsec.
    sky : float
        Median of the pixels, in ADU.
    saturated : float
        Part of the pixels at or above saturation.
    not_finite : float
        Part of the pixels without a finite value.
    seeing : float
        FWHM of a few stars, in arcsec.
    n_stars : int
        How many stars these were.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from emirimg.dither import check_exposures
    >>> from emirimg.simulation import Scene, write_tutorial
    >>> scene = Scene(shape=(256, 256), n_exposures=2, n_stars=40, n_galaxies=0)
    >>> with TemporaryDirectory() as directory:
    ...     _ = write_tutorial(directory, scene)
    ...     check = check_exposures(directory)
    >>> look = check.groups[0].exposures[1]
    >>> look.position, look.saturated, bool(2000 < look.sky < 4000)
    (2, 0.0, True)
    """

    name: str
    block: int | None
    position: int | None
    repeat: int | None
    start: Time
    offset: tuple[float, float]
    sky: float
    saturated: float
    not_finite: float
    seeing: float
    n_stars: int


@dataclass(frozen=True)
class CalibrationUse:
    """A calibration that would be used.

    Attributes
    ----------
    kind : str
        ``bad_pixels``, ``dark`` or ``flat``.
    path : `~pathlib.Path` or None
        The file; `None` if there is none.
    reason : str
        Why this one.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from emirimg.dither import check_exposures
    >>> from emirimg.simulation import Scene, write_tutorial
    >>> scene = Scene(shape=(256, 256), n_exposures=2, n_stars=40, n_galaxies=0)
    >>> with TemporaryDirectory() as directory:
    ...     _ = write_tutorial(directory, scene)
    ...     check = check_exposures(directory)
    >>> use = check.groups[0].calibrations[0]
    >>> use.kind, use.path.name
    ('bad_pixels', 'master_bpm.fits')
    """

    kind: str
    path: Path | None
    reason: str


@dataclass(frozen=True)
class GroupCheck:
    """What was found about exposures that may be combined.

    Attributes
    ----------
    object_name, filter_name, read_mode, detector : str
        What they have in common.
    exposure_time : `~astropy.units.Quantity`
        Time on the sky of one of them.
    role : {"target", "sky"}
        Whether they make the mosaic, or show the sky beside it.
    exposures : tuple of ExposureLook
        The exposures, in order of time.
    calibrations : tuple of CalibrationUse
        What they would be calibrated with.
    findings : tuple of Finding
        What else there is to say, the worst first.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from emirimg.dither import check_exposures
    >>> from emirimg.simulation import Scene, write_tutorial
    >>> scene = Scene(shape=(256, 256), n_exposures=2, n_stars=40, n_galaxies=0)
    >>> with TemporaryDirectory() as directory:
    ...     _ = write_tutorial(directory, scene)
    ...     check = check_exposures(directory)
    >>> [group] = check.groups
    >>> group.filter_name, group.role, group.works
    ('F1230', 'target', True)
    """

    object_name: str
    filter_name: str
    read_mode: str
    detector: str
    exposure_time: u.Quantity
    role: str
    exposures: tuple[ExposureLook, ...]
    calibrations: tuple[CalibrationUse, ...]
    findings: tuple[Finding, ...]

    @property
    def works(self) -> bool:
        """Whether a reduction of this group alone would work."""
        return all(finding.severity != Severity.ERROR for finding in self.findings)


@dataclass(frozen=True)
class Preflight:
    """What was found in some files and directories.

    Attributes
    ----------
    groups : tuple of GroupCheck
        The exposures, sorted by what may be combined.
    findings : tuple of Finding
        What concerns no group, or all of them; the worst first.
    passed_over : dict of str to int
        Other files: what they are, and how many.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from emirimg.dither import check_exposures
    >>> from emirimg.simulation import Scene, write_tutorial
    >>> scene = Scene(shape=(256, 256), n_exposures=2, n_stars=40, n_galaxies=0)
    >>> with TemporaryDirectory() as directory:
    ...     _ = write_tutorial(directory, scene)
    ...     check = check_exposures(directory)
    >>> check.works
    True
    >>> [finding.topic for finding in check.all_findings]
    ['pattern']
    >>> sorted(check.to_dict())
    ['findings', 'groups', 'passed_over', 'works']
    """

    groups: tuple[GroupCheck, ...]
    findings: tuple[Finding, ...]
    passed_over: Mapping[str, int]

    @property
    def works(self) -> bool:
        """Whether a reduction would work."""
        errors = any(finding.severity == Severity.ERROR for finding in self.findings)
        return bool(self.groups) and not errors and all(group.works for group in self.groups)

    @property
    def all_findings(self) -> list[Finding]:
        """The findings of all groups, too."""
        return [*self.findings, *(item for group in self.groups for item in group.findings)]

    def to_dict(self) -> dict[str, Any]:
        """Return plain numbers, texts and lists; `None` for NaN, seconds for times."""
        groups = [{**_plain(group), "works": group.works} for group in self.groups]
        return {"works": self.works, **_plain(self), "groups": groups}


def _plain(value: Any) -> Any:
    if is_dataclass(value):
        return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    texts: dict[type, Callable[[Any], object]] = {
        u.Quantity: lambda time: float(time.to_value(u.s)),
        Time: lambda time: time.isot,
        Path: str,
    }
    return next((to(value) for kind, to in texts.items() if isinstance(value, kind)), value)
