"""Do jobs of which one failing does not lose the others, here or on an executor."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from dataclasses import dataclass
from typing import Any

from ._parallel import Progress, no_progress, share_machine

__all__ = ["Job", "JobOutcome", "run_jobs"]


@dataclass(frozen=True)
class Job:
    """Something to be done.

    Parameters
    ----------
    name : str
        What it is called; no other job has the same name.
    work : callable
        Does it, without arguments. It can be pickled, unless it is done here.
    after : tuple of str, optional
        Names of the jobs that must be done before. Those that are none of
        the jobs count as done.
    """

    name: str
    work: Callable[[], Any]
    after: tuple[str, ...] = ()


@dataclass(frozen=True)
class JobOutcome:
    """What came of a job.

    Parameters
    ----------
    name : str
        That of the job.
    result : object, optional
        What it returned.
    error : Exception, optional
        Why it failed.
    seconds : float, optional
        How long it took.
    blocked_by : str, optional
        Name of the job that failed before, for want of which it was not begun.
    """

    name: str
    result: Any = None
    error: Exception | None = None
    seconds: float = 0.0
    blocked_by: str = ""

    @property
    def state(self) -> str:
        """``done``, ``failed`` or ``not begun``."""
        if self.blocked_by:
            return "not begun"
        return "done" if self.error is None else "failed"


def run_jobs(
    jobs: Iterable[Job],
    executor: Executor | None = None,
    *,
    shares: int | None = None,
    progress: Progress = no_progress,
    description: str = "",
) -> list[JobOutcome]:
    """Do all jobs, each after those that it needs.

    Parameters
    ----------
    jobs : iterable of Job
        No job comes before one that it needs.
    executor : `concurrent.futures.Executor`, optional
        Whose workers each do a whole job; they are processes, or other machines.
        Default: the jobs are done here, one after the other.
    shares : int, optional
        How many jobs share a machine of the executor, its processors and its memory.
        Default: one for each processor.
    progress : callable, optional
        See `Progress`.
    description : str, optional
        Passed to ``progress``.

    Returns
    -------
    list of JobOutcome
        In the order of the jobs. Warnings of workers are given anew.
    """
    jobs = list(jobs)
    done = _here(jobs) if executor is None else _spread(jobs, executor, shares)
    outcomes = {outcome.name: outcome for outcome in progress(done, description, len(jobs))}
    return [outcomes[job.name] for job in jobs]


def _here(jobs: Sequence[Job]) -> Iterable[JobOutcome]:
    bad: set[str] = set()
    for job in jobs:
        outcome = _blocked(job, bad)
        if outcome is None:
            outcome = JobOutcome(job.name, *_attempted(job.work))
        if outcome.state != "done":
            bad.add(job.name)
        yield outcome


def _spread(jobs: Sequence[Job], executor: Executor, shares: int | None) -> Iterable[JobOutcome]:
    waiting = list(jobs)
    running: dict[Future[Any], Job] = {}
    bad: set[str] = set()
    try:
        while waiting or running:
            pending = {job.name for job in waiting} | {job.name for job in running.values()}
            for job in list(waiting):
                outcome = _blocked(job, bad)
                if outcome is not None:
                    waiting.remove(job)
                    pending.discard(job.name)
                    bad.add(job.name)
                    yield outcome
                elif not pending.intersection(job.after):
                    waiting.remove(job)
                    running[executor.submit(_told, job.work, shares)] = job
            ended, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in ended:
                outcome = _outcome(running.pop(future), future)
                if outcome.state != "done":
                    bad.add(outcome.name)
                yield outcome
    finally:
        for future in running:
            future.cancel()


def _blocked(job: Job, bad: set[str]) -> JobOutcome | None:
    name = next((name for name in job.after if name in bad), None)
    return None if name is None else JobOutcome(job.name, blocked_by=name)


def _outcome(job: Job, future: Future[Any]) -> JobOutcome:
    try:
        result, error, seconds, said = future.result()
    except Exception as failure:  # noqa: BLE001 (the worker died, or what it said cannot be sent)
        return JobOutcome(job.name, error=failure)
    for warning in said:
        warnings.warn(warning, stacklevel=2)
    return JobOutcome(job.name, result, error, seconds)


def _told(
    work: Callable[[], Any], shares: int | None
) -> tuple[Any, Exception | None, float, list[Warning | str]]:
    """Do a job in a worker, and tell all about it."""
    share_machine(shares)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        result, error, seconds = _attempted(work)
    return result, error, seconds, [item.message for item in said]


def _attempted(work: Callable[[], Any]) -> tuple[Any, Exception | None, float]:
    start = time.monotonic()
    result, error = None, None
    try:
        result = work()
    except Exception as failure:  # noqa: BLE001 (whoever asked for the jobs is told)
        error = failure
    return result, error, time.monotonic() - start
