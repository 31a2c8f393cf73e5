"""What a machine, or several, may give to a reduction."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .._processes import WorkerProcesses
from ..exceptions import InputError

__all__ = ["Machine"]


@dataclass(frozen=True)
class Machine:
    """Bytes of memory, a place for scratch files, and who does the work.

    That is a number of processes, or the cluster of a scheduler of dask at an
    address; threads where neither is given.
    """

    max_memory: int | None = None
    scratch: Path | None = None
    scheduler: str | None = None
    processes: int | None = None

    @property
    def limits(self) -> dict[str, Any]:
        """The arguments of `~emirimg.dither.DitherReducer` that say how much it may use."""
        given = {"max_memory": self.max_memory, "scratch": self.scratch}
        return {name: value for name, value in given.items() if value is not None}

    @contextmanager
    def arguments(self) -> Iterator[dict[str, Any]]:
        """Lend the arguments of `~emirimg.dither.DitherReducer` that say all of it."""
        with self.workers() as workers:
            yield self.limits if workers is None else self.limits | {"executor": workers}

    @contextmanager
    def workers(self) -> Iterator[Executor | None]:
        """Lend the executor of the processes or the cluster; `None` where there are threads."""
        if self.processes is not None:
            with WorkerProcesses(self.processes) as workers:
                yield workers
        elif self.scheduler is not None:
            with self._client(self.scheduler) as client:
                yield client.get_executor()
        else:
            yield None

    def _client(self, address: str) -> Any:
        try:
            from distributed import Client  # noqa: PLC0415 (heavy, and needed by few)
        except ImportError:
            msg = "--scheduler needs the package distributed: install emirimg[distributed]"
            raise InputError(msg) from None
        try:
            return Client(address)
        except (OSError, ValueError) as error:
            msg = f"no scheduler of dask answers at {address}: {error}"
            raise InputError(msg) from None
