"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

__all__ = [
    "debug_option",
    "is_debugging",
    "overwrite_option",
    "reporting_options",
    "scene_options",
]

Command = TypeVar("Command", bound=Callable[..., Any])

_DEBUGGING = "emirimg.debug"


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


def overwrite_option(command: Command) -> Command:
    """Add ``--overwrite``."""
    return click.option(
        "--overwrite", is_flag=True, help="Replace what an earlier run has written."
    )(command)


def scene_options(command: Command) -> Command:
    """Add the options that define simulated exposures."""
    for option in (
        click.option("--repeats", type=click.IntRange(1, 20), default=1, show_default=True,
                     help="Exposures at each position (NEXP)."),
        click.option("--detector", type=click.Choice(["HAWAII-2", "H2RG"], case_sensitive=False),
                     default="HAWAII-2", show_default=True, help="Detector to simulate."),
        click.option("-n", "--exposures", type=click.IntRange(1, 200), default=14,
                     show_default=True, help="Number of exposures."),
        click.option("--seed", type=click.IntRange(min=0), default=1, show_default=True,
                     help="Number that determines everything that is random."),
    ):  # fmt: skip
        command = option(command)
    return command


def _remember_debugging(ctx: click.Context, _: click.Parameter, value: bool) -> None:  # noqa: FBT001
    ctx.meta[_DEBUGGING] = ctx.meta.get(_DEBUGGING, False) or value
