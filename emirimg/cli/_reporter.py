"""What a command tells while it works: progress, notes and a log."""

from __future__ import annotations

import time
import warnings
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Self

from rich.console import Console, RenderableType
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from ..exceptions import EmirimgWarning

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
        self._out = Console(highlight=False, markup=False, quiet=quiet)
        self._err = Console(highlight=False, markup=False, quiet=quiet, stderr=True)
        self._bars = Progress(
            TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(),
            TimeElapsedColumn(), TimeRemainingColumn(), console=self._err, transient=True,
            disable=quiet or not self._err.is_terminal,
        )  # fmt: skip
        self._catcher = warnings.catch_warnings()

    def __enter__(self) -> Self:
        self._catcher.__enter__()
        warnings.simplefilter("default")
        # In a context manager of warnings, this is where they all arrive.
        warnings.showwarning = self._show_warning  # type: ignore[assignment]
        if not self._bars.disable:
            self._bars.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if not self._bars.disable:
            self._bars.stop()
        self._catcher.__exit__(kind, error, traceback)

    def progress(self, items: Iterable[Any], description: str, total: int) -> Iterator[Any]:
        """Yield the items, showing how many are done; a `~emirimg._parallel.Progress`."""
        start = time.monotonic()
        task = self._bars.add_task(description, total=total)
        try:
            for item in items:
                yield item
                self._bars.advance(task)
        finally:
            self._bars.remove_task(task)
        self.step(f"{description} ({total}): {time.monotonic() - start:.1f} s")

    def say(self, what: RenderableType) -> None:
        """Print a result on standard output."""
        self._out.print(what, soft_wrap=isinstance(what, str))

    def step(self, text: str) -> None:
        """Log what was done; print it if asked to be verbose."""
        self._remember(text)
        if self._verbose:
            self._err.print(text, soft_wrap=True)

    def note(self, text: str) -> None:
        """Print and log, once, what went less well than it should."""
        text = " ".join(text.split())
        if text not in self._noted:
            self._noted.add(text)
            self._remember(f"note: {text}")
            self._err.print(f"emirimg: note: {text}", soft_wrap=True)

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
