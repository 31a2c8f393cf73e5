"""What a look at exposures before their reduction has found, for a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import astropy.units as u
import numpy as np
from rich import box
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from .._wording import counted
from ..dither import ExposureLook, Finding, GroupCheck, Preflight, Severity

__all__ = ["preflight_text"]

_STYLES = {Severity.ERROR: "bold red", Severity.WARNING: "yellow", Severity.NOTE: "dim"}
_MOST_NAMES = 3


def preflight_text(preflight: Preflight) -> RenderableType:
    """Return what was found, to be printed by a rich console.

    Parameters
    ----------
    preflight : Preflight
        As from `emirimg.dither.check_exposures`.

    Returns
    -------
    renderable
        A heading and a table of the exposures for each group, its calibrations
        and findings, and the verdict; 80 columns wide.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from emirimg.dither import check_exposures
    >>> from emirimg.simulation import Scene, write_tutorial
    >>> scene = Scene(shape=(256, 256), n_exposures=2, n_stars=40, n_galaxies=0)
    >>> with TemporaryDirectory() as directory:
    ...     _ = write_tutorial(directory, scene)
    ...     check = check_exposures(directory)
    >>> from rich.console import Console
    >>> from emirimg.report import preflight_text
    >>> console = Console(width=80)
    >>> with console.capture() as captured:
    ...     console.print(preflight_text(check))
    >>> captured.get().splitlines()[-1]
    'A reduction would work: 1 warning'
    """
    parts: list[RenderableType] = []
    for number, group in enumerate(preflight.groups, start=1):
        parts += [_heading(number, group), _exposure_table(group.exposures)]
        parts += _calibration_lines(group)
        parts += _finding_lines(group.findings)
        parts.append(Text())
    if preflight.passed_over:
        other = "; ".join(f"{n} x {what}" for what, n in preflight.passed_over.items())
        parts.append(Text(f"Passed over: {other}"))
    parts += _finding_lines(preflight.findings)
    parts.append(_verdict(preflight))
    return Group(*parts)


def _heading(number: int, group: GroupCheck) -> Text:
    words = [
        group.object_name or "(no object)",
        group.filter_name or "(no filter)",
        f"{group.exposure_time.to_value(u.s):.4g} s {group.read_mode}".strip(),
        group.detector,
        counted(len(group.exposures), "exposure"),
    ]
    role = "" if group.role == "target" else " (sky beside the target)"
    return Text(f"Group {number}: {', '.join(words)}{role}", style="bold")


def _exposure_table(exposures: Sequence[ExposureLook]) -> Table:
    table = Table(box=box.SIMPLE, padding=0)
    table.add_column("exposure", no_wrap=True, overflow="ellipsis", min_width=10)
    for heading in (
        "block", "place", "start", "east, north\n(arcsec)", "sky\n(ADU)", "sat.\n(%)",
        "seeing\n(arcsec)", "stars",
    ):  # fmt: skip
        table.add_column(heading, justify="right", no_wrap=True)
    for look in exposures:
        place = "-" if look.position is None else str(look.position)
        if look.repeat not in (None, 1):
            place += f"({look.repeat})"
        east, north = (angle + 0.0 for angle in np.round(look.offset))
        table.add_row(
            look.name.partition("-")[0],
            "-" if look.block is None else str(look.block),
            place,
            look.start.isot[11:19],
            f"{east:+.0f} {north:+.0f}",
            _number(look.sky, ".0f"),
            _number(100 * look.saturated, ".2f"),
            _number(look.seeing, ".2f"),
            str(look.n_stars),
        )
    return table


def _calibration_lines(group: GroupCheck) -> Iterator[RenderableType]:
    for use in group.calibrations:
        word = use.kind.replace("_", " ")
        yield Text(f"  {word + ':':<12}{use.path or 'none'}")
        yield Padding(Text(f"({use.reason})", style="dim"), (0, 0, 0, 14))


def _finding_lines(findings: Iterable[Finding]) -> Iterator[Text]:
    for finding in findings:
        line = Text(f"  {finding.severity}: ", style=_STYLES[finding.severity])
        names = ", ".join(finding.files[:_MOST_NAMES])
        if len(finding.files) > _MOST_NAMES:
            names += f" and {len(finding.files) - _MOST_NAMES} more"
        line.append(f"{names}: {finding.text}" if names else finding.text, style="default")
        yield line


def _verdict(preflight: Preflight) -> Text:
    counts = {
        severity: sum(item.severity == severity for item in preflight.all_findings)
        for severity in (Severity.ERROR, Severity.WARNING)
    }
    said = ", ".join(counted(n, severity) for severity, n in counts.items() if n)
    works = preflight.works
    text = "A reduction would work" if works else "A reduction would not work"
    return Text(
        f"{text}{': ' + said if said else ''}", style="bold green" if works else "bold red"
    )


def _number(value: float, form: str) -> str:
    return format(value, form) if np.isfinite(value) else "-"
