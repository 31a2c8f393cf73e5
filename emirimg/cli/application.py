"""The command itself: its subcommands and what it says when one fails."""

from __future__ import annotations

import atexit
import errno
import gc
import os
import re
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click

from .._version import version
from ._options import is_debugging
from .check import check_command
from .compare import compare_command
from .demo import demo_command
from .generate_yaml import generate_yaml_command
from .info import info_command
from .inject import inject_command
from .reduce import reduce_command
from .run import run_command
from .score import score_command
from .show import show_command
from .simulate import simulate_command

__all__ = ["main"]

_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_HALF_WRITTEN = re.compile(r"\d+ requested and \d+ written|Not enough space on disk")
"""What numpy and astropy say, without an error number, when a file could not grow."""

_SHORT = 0.0005
"""Seconds after which a thread lets another one run. Those that work on numbers ask for a moment
of Python's time again and again, and Python's 5 ms is long to wait for one that loads modules."""

_INTERRUPTED, _TERMINATED = 130, 143
"""Exit status that a shell expects of a program that Ctrl-C, or SIGTERM, stopped."""


class _Termination(KeyboardInterrupt):
    """SIGTERM came: batch systems send it before they kill."""


class _Application(click.Group):
    """A group that answers every failure with one clear message."""

    def main(self, *args: Any, **extra: Any) -> Any:
        interval = sys.getswitchinterval()
        sys.setswitchinterval(_SHORT)
        try:
            with _sigterm_heard():
                return super().main(*args, **extra)
        except SystemExit as stop:
            if stop.code in (_INTERRUPTED, _TERMINATED) and _is_at_work():
                _leave_at_once(stop.code)
            raise
        finally:
            sys.setswitchinterval(interval)
            # At its end the interpreter searches all that was ever loaded for garbage, which
            # takes longer than drawing a page; the system takes the memory back all the same.
            atexit.register(gc.freeze)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except _Termination:
            click.echo("\nemirimg: terminated", err=True)
            ctx.exit(_TERMINATED)
        except KeyboardInterrupt:
            click.echo("\nemirimg: interrupted", err=True)
            ctx.exit(_INTERRUPTED)
        except Exception as error:
            if is_debugging(ctx) or getattr(error, "errno", None) == errno.EPIPE:
                raise
            click.echo(f"emirimg: error: {_describe(error)}", err=True)
            ctx.exit(1)


@click.group(cls=_Application, name="emirimg", context_settings={"max_content_width": 100})
@click.version_option(version, "-V", "--version", prog_name="emirimg")
@click.help_option("-h", "--help")
def main() -> None:
    """Turn dithered near-infrared exposures of EMIR into a mosaic.

    \b
    Examples:
      emirimg demo                       see it work on simulated exposures
      emirimg info data/*.fits           look at the headers
      emirimg reduce data/ -o results    make the mosaic
    """  # noqa: D301 (the \b is a mark for click)


for _command in (
    check_command, reduce_command, info_command, demo_command, simulate_command, score_command,
    compare_command, inject_command, run_command, generate_yaml_command, show_command,
):  # fmt: skip
    main.add_command(_command)


@contextmanager
def _sigterm_heard() -> Iterator[None]:
    """Have SIGTERM end a command as Ctrl-C does, so that nothing is left behind."""

    def stop(*_: object) -> None:
        raise _Termination

    if threading.current_thread() is not threading.main_thread():  # others hear no signals
        yield
        return
    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _is_at_work() -> bool:
    """Tell whether threads or processes still work on what nobody wants any more."""
    from .._parallel import THREADS  # noqa: PLC0415 (not wanted by --help)

    processes = sys.modules.get("multiprocessing")
    return any(thread.name.startswith(THREADS) for thread in threading.enumerate()) or bool(
        processes and processes.active_children()
    )


def _leave_at_once(status: int) -> None:
    """End the process without waiting for threads, but not without tidying up."""
    sys.stdout.flush()
    sys.stderr.flush()
    atexit._run_exitfuncs()  # noqa: SLF001 (temporary directories; there is no public way)
    os._exit(status)


def _describe(error: Exception) -> str:
    from ..exceptions import EmirimgError  # noqa: PLC0415 (heavy)

    if isinstance(error, OSError) and (
        error.errno in _NO_ROOM or _HALF_WRITTEN.search(str(error))
    ):
        return f"{error}: the disk is full, or your share of it; nothing was kept"
    if isinstance(error, EmirimgError | OSError):
        return str(error)
    if isinstance(error, MemoryError):
        return "not enough memory"
    return (
        f"unexpected {type(error).__name__}: {error}\n"
        "This is a defect of emirimg; the same command with --debug shows where it is."
    )
