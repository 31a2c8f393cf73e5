"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

__all__ = [
    "FILE",
    "SCENE_NAMES",
    "calibration_options",
    "control_option",
    "debug_option",
    "dry_run_option",
    "is_debugging",
    "json_option",
    "machine_options",
    "overwrite_option",
    "reporting_options",
    "require_one_place",
    "require_one_source",
    "scene_options",
]

Command = TypeVar("Command", bound=Callable[..., Any])

_DEBUGGING = "emirimg.debug"
FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
"""The type of a file that exists."""

SCENE_NAMES = (
    "tutorial", "sparse", "crowded", "galaxy", "galaxy_sky", "clouds", "saturated", "five",
    "nexp2", "h2rg", "trail", "persistence", "striping", "distortion",
)  # fmt: skip
"""Names of the scenes, so that ``--help`` need not load them; a test compares."""


def is_debugging(ctx: click.Context) -> bool:
    """Tell whether ``--debug`` was given."""
    return bool(ctx.meta.get(_DEBUGGING, False))


def debug_option(command: Command) -> Command:
    """Add ``--debug`` (and ``-h``), which every command has."""
    option = click.option(
        "--debug",
        is_flag=True,
        expose_value=False,
        callback=_remember_debugging,
        help="On a failure, show the traceback.",
    )
    return option(click.help_option("-h", "--help")(command))


def reporting_options(command: Command) -> Command:
    """Add ``--quiet``, ``--verbose`` and ``--debug``."""
    command = debug_option(command)
    for option in (
        click.option("-v", "--verbose", is_flag=True,
                     help="Tell every step and every warning of the libraries."),
        click.option("-q", "--quiet", is_flag=True, help="Print nothing but errors."),
    ):  # fmt: skip
        command = option(command)
    return command


def dry_run_option(command: Command) -> Command:
    """Add ``--dry-run``."""
    return click.option("--dry-run", is_flag=True, help="Say what would be done; write nothing.")(
        command
    )


def json_option(command: Command) -> Command:
    """Add ``--json``, for scripts."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON on standard output.")(
        command
    )


def control_option(command: Command) -> Command:
    """Add ``-r``, the control file."""
    return click.option(
        "-r", "--requirements", "control", metavar="CONTROL", type=FILE,
        help="Control file that names the calibrations.",
    )(command)  # fmt: skip


def calibration_options(command: Command) -> Command:
    """Add the control file, and the calibrations one by one; see `require_one_source`."""
    for name, text in (
        ("--flat", "Master flat."),
        ("--dark", "Master dark."),
        ("--bpm", "Bad-pixel mask; not 0 is bad."),
    ):
        command = click.option(name, metavar="FITS", type=FILE, help=text)(command)
    return control_option(command)


def require_one_source(control: Path | None, *named: Path | None) -> None:
    """Refuse a control file together with calibrations that are named one by one."""
    if control and any(named):
        msg = "-r/--requirements cannot be combined with --bpm, --dark or --flat"
        raise click.UsageError(msg)


def machine_options(command: Command) -> Command:
    """Add who does the work: processes, or a cluster; see `require_one_place`."""
    for option in (
        click.option(
            "--scheduler", metavar="ADDRESS",
            help="Work on the cluster of this scheduler of dask (tcp://...); its workers must see"
            " all files by the same names.",
        ),
        click.option(
            "--processes", metavar="N", type=click.IntRange(min=1),
            help="Work in N processes; if one dies, its work is done again.  [default: threads]",
        ),
    ):  # fmt: skip
        command = option(command)
    return command


def require_one_place(processes: int | None, scheduler: str | None) -> None:
    """Refuse processes together with a cluster."""
    if processes is not None and scheduler is not None:
        msg = "--processes cannot be combined with --scheduler"
        raise click.UsageError(msg)


def overwrite_option(command: Command) -> Command:
    """Add ``--overwrite``."""
    return click.option(
        "--overwrite", is_flag=True, help="Replace what an earlier run has written."
    )(command)


def scene_options(command: Command) -> Command:
    """Add the options that define simulated exposures."""
    for option in (
        click.option("--repeats", type=click.IntRange(1, 20),
                     help="Exposures at each position (NEXP), if not those of the scene."),
        click.option("--detector", type=click.Choice(["HAWAII-2", "H2RG"], case_sensitive=False),
                     help="Detector to simulate, if not that of the scene."),
        click.option("-n", "--exposures", type=click.IntRange(1, 200),
                     help="Number of exposures, if not that of the scene."),
        click.option("--scene", type=click.Choice(SCENE_NAMES), default=SCENE_NAMES[0],
                     show_default=True, metavar="NAME",
                     help=f"What is observed, and how: {', '.join(SCENE_NAMES)}."),
        click.option("--seed", type=click.IntRange(min=0), default=1, show_default=True,
                     help="Number that determines everything that is random."),
    ):  # fmt: skip
        command = option(command)
    return command


def _remember_debugging(ctx: click.Context, _: click.Parameter, value: bool) -> None:  # noqa: FBT001
    ctx.meta[_DEBUGGING] = ctx.meta.get(_DEBUGGING, False) or value
