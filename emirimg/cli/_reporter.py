"""What a command tells while it works: progress, notes and a log."""

from __future__ import annotations

import sys
import time
import warnings
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import click

from ..exceptions import EmirimgWarning

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.progress import Progress

__all__ = ["Reporter"]


class Reporter:
    """Shows progress and warnings on standard error, and keeps a log.

    Used as a context manager, in which Python's warnings become one-line
    notes.

    Parameters
    ----------
    quiet : bool, optional
        Print nothing.
    verbose : bool, optional
        Print every step and the warnings of other libraries too; otherwise
        those are only logged.
    """

    def __init__(self, *, quiet: bool = False, verbose: bool = False) -> None:
        self.log: list[str] = []
        self._quiet = quiet
        self._verbose = verbose
        self._noted: set[str] = set()
        self._bars = None if quiet or not sys.stderr.isatty() else _bars()
        self._catcher = warnings.catch_warnings()

    def __enter__(self) -> Self:
        self._catcher.__enter__()
        warnings.simplefilter("default")
        # In a context manager of warnings, this is where they all arrive.
        warnings.showwarning = self._show_warning  # type: ignore[assignment]
        if self._bars is not None:
            self._bars.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._bars is not None:
            self._bars.stop()
        self._catcher.__exit__(kind, error, traceback)

    def progress(self, items: Iterable[Any], description: str, total: int) -> Iterator[Any]:
        """Yield the items, showing how many are done; a `~emirimg._parallel.Progress`."""
        start = time.monotonic()
        yield from items if self._bars is None else _shown(items, description, total, self._bars)
        self.step(f"{description} ({total}): {time.monotonic() - start:.1f} s")

    def say(self, what: RenderableType) -> None:
        """Print a result, text or something of the package rich, on standard output."""
        if self._quiet:
            return
        if isinstance(what, str):
            click.echo(what)
            return
        from rich.console import Console  # noqa: PLC0415 (many commands print nothing but text)

        Console(highlight=False, markup=False).print(what)

    def step(self, text: str) -> None:
        """Log what was done; print it if asked to be verbose."""
        self._remember(text)
        if self._verbose:
            self._print(text)

    def note(self, text: str) -> None:
        """Print and log, once, what went less well than it should."""
        text = " ".join(text.split())
        if text not in self._noted:
            self._noted.add(text)
            self._remember(f"note: {text}")
            self._print(f"emirimg: note: {text}")

    def _print(self, text: str) -> None:
        """Print on standard error, above a bar."""
        if self._bars is not None:
            self._bars.console.print(text, soft_wrap=True)
        elif not self._quiet:
            click.echo(text, err=True)

    def _remember(self, text: str) -> None:
        self.log.append(f"{datetime.now(tz=UTC):%Y-%m-%dT%H:%M:%S} {text}")

    def _show_warning(
        self, message: Warning | str, category: type[Warning], *_: object, **__: object
    ) -> None:
        if issubclass(category, EmirimgWarning) or self._verbose:
            self.note(str(message))
        elif (text := f"{category.__name__}: {message}") not in self._noted:
            self._noted.add(text)
            self._remember(" ".join(text.split()))


def _bars() -> Progress:
    """Return what shows bars on a terminal."""
    from rich import progress  # noqa: PLC0415 (nobody waits for it where there is no terminal)
    from rich.console import Console  # noqa: PLC0415

    return progress.Progress(
        progress.TextColumn("{task.description}"),
        progress.BarColumn(),
        progress.MofNCompleteColumn(),
        progress.TimeElapsedColumn(),
        progress.TimeRemainingColumn(),
        console=Console(highlight=False, markup=False, stderr=True),
        transient=True,
    )


def _shown(items: Iterable[Any], description: str, total: int, bars: Progress) -> Iterator[Any]:
    """Yield the items, with a bar that grows with each."""
    task = bars.add_task(description, total=total)
    try:
        for item in items:
            yield item
            bars.advance(task)
    finally:
        bars.remove_task(task)
