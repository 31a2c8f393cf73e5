"""Map a function over frames or bands of rows on an executor."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, TypeVar

__all__ = [
    "THREADS",
    "Progress",
    "default_executor",
    "no_progress",
    "parallel_map",
    "parallel_results",
    "row_bands",
    "share_machine",
    "shares",
]

Item = TypeVar("Item")
Result = TypeVar("Result")

_BYTES_OF_BANDS = 2**28
"""Memory that the bands of all processors may take together."""

THREADS = "emirimg"
"""How the names of the threads begin."""

Progress = Callable[[Iterable[Any], str, int], Iterable[Any]]
"""``progress(iterable, description, total)`` returns the same items, and shows
somebody how far the work has got."""


def no_progress(
    items: Iterable[Item],
    description: str,  # noqa: ARG001 - part of the signature
    total: int,  # noqa: ARG001
) -> Iterable[Item]:
    """The progress callable that shows nothing."""
    return items


@contextmanager
def default_executor(executor: Executor | None) -> Iterator[Executor]:
    """Lend the executor that was given, or threads, one for each processor.

    After Ctrl-C nobody waits for what the threads are just doing.
    """
    if executor is not None:
        yield executor
        return
    threads = ThreadPoolExecutor(max_workers=_processors(), thread_name_prefix=THREADS)
    wait = True
    try:
        yield threads
    except KeyboardInterrupt:
        wait = False
        raise
    finally:
        threads.shutdown(wait=wait, cancel_futures=not wait)


def parallel_map(
    function: Callable[..., Result],
    *items: Iterable[Any],
    executor: Executor | None = None,
    progress: Progress = no_progress,
    description: str = "",
) -> list[Result]:
    """Apply ``function`` to the items, in parallel, and keep their order.

    Parameters
    ----------
    function : callable
        Called with one element of each iterable. It should release the GIL
        for most of its time.
    *items : iterable
        As for `map`.
    executor : `concurrent.futures.Executor`, optional
        Where the work is done. Default: threads.
    progress : callable, optional
        See `Progress`.
    description : str, optional
        Passed to ``progress``.

    Returns
    -------
    list
        The results in the order of the items, whatever the executor.
    """
    return list(
        parallel_results(
            function, *items, executor=executor, progress=progress, description=description
        )
    )


def parallel_results(
    function: Callable[..., Result],
    *items: Iterable[Any],
    executor: Executor | None = None,
    progress: Progress = no_progress,
    description: str = "",
) -> Iterator[Result]:
    """Yield the results of `parallel_map` one by one, and keep none of them."""
    arguments = list(zip(*items, strict=True))
    if not arguments:
        return
    with default_executor(executor) as pool:
        futures = deque(pool.submit(function, *args) for args in arguments)
        waiting = (futures.popleft() for _ in arguments)
        try:
            for future in progress(waiting, description, len(arguments)):
                yield future.result()
        except BaseException:
            for future in futures:
                future.cancel()
            raise


def row_bands(n_rows: int, height: int, row_bytes: int = 0) -> list[slice]:
    """Cut ``n_rows`` rows into slices of at most ``height`` rows.

    Parameters
    ----------
    n_rows : int
        How many rows there are.
    height : int
        Most rows of a slice.
    row_bytes : int, optional
        Memory that the work on one row takes; slices are less high where one for each
        processor would take more than 256 MiB. Default: it does not matter.
    """
    height = max(1, min(height, _BYTES_OF_BANDS // _processors() // max(row_bytes, 1)))
    return [slice(start, min(start + height, n_rows)) for start in range(0, n_rows, height)]


_SHARES = [1]


def share_machine(n: int | None) -> None:
    """Say that as many processes like this one share the machine; `None`: one each processor."""
    _SHARES[0] = _all_processors() if n is None else n


def shares() -> int:
    """Return how many processes share the processors and the memory of the machine."""
    return _SHARES[0]


def _processors() -> int:
    return max(_all_processors() // shares(), 1)


def _all_processors() -> int:
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not every system can tell
        return os.cpu_count() or 1
