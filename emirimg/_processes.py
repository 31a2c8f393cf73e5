"""Worker processes that are replaced when they die."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from multiprocessing.connection import Connection, wait
from types import TracebackType
from typing import Any

from .exceptions import WorkerError

__all__ = ["WorkerProcesses"]

_ATTEMPTS = 3
"""How often a task is begun at most."""
_PATIENCE = 30
"""Seconds that a worker may take to tidy up when its parent is gone."""


class WorkerProcesses(Executor):
    """Processes that do tasks; those of a process that dies are done again by another one.

    When one of them is killed, all are replaced, and whatever was not done is begun
    anew. Ctrl-C is left to the parent; a worker whose parent is gone, for whatever
    reason, leaves its task as if it had been interrupted, and ends.

    Parameters
    ----------
    n_processes : int
        How many there are.
    """

    def __init__(self, n_processes: int) -> None:
        self._n_processes = n_processes
        self._lock = threading.Lock()
        self._ends = False
        # Spawned processes: a fork of a process with threads may hang for ever.
        self._context = multiprocessing.get_context("spawn")
        # The end of this process closes it, too, however that comes about.
        self._heard, self._life_line = self._context.Pipe(duplex=False)
        self._pool = self._fresh()

    def submit(self, function: Callable[..., Any], /, *args: Any, **options: Any) -> Future[Any]:
        """Have a function called, up to three times if processes die meanwhile.

        The result fails with a `~emirimg.exceptions.WorkerError` after that.
        """
        task = _Task(partial(function, *args, **options))
        self._begin(task)
        return task

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:  # noqa: FBT001, FBT002 (that of every executor)
        """Let the processes end."""
        self._pool.shutdown(wait=wait, cancel_futures=cancel_futures)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._ends = True
        if error is not None:  # nobody wants what the workers are still doing
            self._life_line.close()
        self.shutdown(cancel_futures=error is not None)
        self._life_line.close()
        self._heard.close()

    def _fresh(self) -> ProcessPoolExecutor:
        return ProcessPoolExecutor(
            self._n_processes, self._context, initializer=_prepare, initargs=(self._heard,)
        )

    def _begin(self, task: _Task) -> None:
        # Nothing is locked while a pool is asked: a broken one calls back from under its own lock.
        while True:
            pool = self._pool
            try:
                task.inner = pool.submit(_do, task.work)
                break
            except BrokenProcessPool:
                self._replace(pool)
        task.inner.add_done_callback(partial(self._ended, task, pool))

    def _replace(self, broken: ProcessPoolExecutor) -> None:
        with self._lock:
            if self._pool is broken:
                self._pool = self._fresh()

    def _ended(self, task: _Task, pool: ProcessPoolExecutor, inner: Future[Any]) -> None:
        if inner.cancelled():
            task.give_up()
            return
        error = inner.exception()
        if isinstance(error, BrokenProcessPool) and self._ends:
            task.give_up()
            return
        if isinstance(error, BrokenProcessPool):
            task.deaths += 1
            if task.deaths < _ATTEMPTS:
                self._replace(pool)
                self._begin(task)
                return
            msg = (
                f"worker processes died {_ATTEMPTS} times over the same work: is there enough"
                " memory? Fewer --processes need less"
            )
            error = WorkerError(msg)
        if error is None:
            task.set_result(inner.result())
        else:
            task.set_exception(error)


class _Task(Future):
    """What is to be done, and what will come of it."""

    inner: Future[Any]

    def __init__(self, work: Callable[[], Any]) -> None:
        super().__init__()
        self.work = work
        self.deaths = 0

    def cancel(self) -> bool:
        return self.inner.cancel()

    def give_up(self) -> None:
        super().cancel()
        self.set_running_or_notify_cancel()


_AT_WORK = threading.Lock()


def _do(work: Callable[[], Any]) -> Any:
    with _AT_WORK:
        return work()


def _prepare(life_line: Connection) -> None:
    """Prepare a worker: see that it does not survive its parent, nor leave files behind."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _interrupt)
    threading.Thread(target=_end_with, args=(life_line,), daemon=True).start()


def _interrupt(*_: object) -> None:
    """Leave the task, so that it tidies up; the signal may have come to all processes at once."""
    if _AT_WORK.locked():
        raise KeyboardInterrupt
    os._exit(1)


def _end_with(life_line: Connection) -> None:
    """Wait until the other end is closed, by an error or by the end of the parent."""
    wait([life_line])
    if _AT_WORK.locked():
        os.kill(os.getpid(), signal.SIGTERM)
        _AT_WORK.acquire(timeout=_PATIENCE)
    os._exit(1)
