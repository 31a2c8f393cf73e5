"""How much memory there is, and how freed arrays are given back at once."""

from __future__ import annotations

import ctypes
import gc
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ._parallel import shares

__all__ = ["default_memory", "loading", "return_freed_arrays", "return_kept_memory"]

_M_MMAP_THRESHOLD, _M_TRIM_THRESHOLD, _M_ARENA_MAX = -3, -1, -8
_LARGE = 2**26
"""More than a plane of a frame: such planes are made over and over."""
_SPARE = 2**26
_SELDOM = 50
"""How many searches among young objects come before one among all; Python's default is 10."""
_LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")
_ENOUGH = 1_400_000_000
"""More memory makes a reduction hardly faster: the system keeps what was read from files."""


def default_memory() -> int:
    """Return how many bytes a reduction may use: 1.4 GB, or its share of half of what is free."""
    return min(_ENOUGH, _available() // 2 // shares())


def _available() -> int:
    """Return the bytes of memory that are not in use, as far as the system tells."""
    found = []
    try:
        found.append(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    except (AttributeError, OSError, ValueError):  # not every system can tell
        found.append(2 * _ENOUGH)
    meminfo = Path("/proc/meminfo")
    if meminfo.exists():
        lines = (line.split() for line in meminfo.read_text().splitlines())
        found += [int(line[1]) * 1024 for line in lines if line[0] == "MemAvailable:"]
    # Containers are given less than the machine has.
    limits = [path.read_text().strip() for path in map(Path, _LIMITS) if path.exists()]
    found += [int(limit) for limit in limits if limit.isdigit()]
    return min(found)


def return_freed_arrays(larger_than: int = _LARGE) -> None:
    """Tell the C library to keep the memory of freed arrays for all threads together.

    The library of GNU keeps blocks of up to 32 MiB, the size of a frame, for
    later use, apart for each thread. A reduction then holds half as much
    memory again as it uses. From now on what one thread has freed serves the others:
    hardly two ask for some at once. Larger blocks are given back to the system.

    For programs whose process is theirs alone; does nothing with other C libraries.

    Parameters
    ----------
    larger_than : int, optional
        Size of arrays that are given back, in bytes. The system clears their memory before
        it is used anew, which takes as long as many a step on a plane of a frame. Default:
        64 MiB.
    """
    if not sys.platform.startswith("linux"):
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_MMAP_THRESHOLD, larger_than)
        # By default this grows together with the other limit; once that is set, it does not.
        mallopt(_M_TRIM_THRESHOLD, _SPARE)
        mallopt(_M_ARENA_MAX, 1)


def return_kept_memory() -> None:
    """Give back to the system what the C library of GNU keeps of freed arrays.

    For the moment before a step that wants much memory of its own; does nothing with
    other C libraries.
    """
    if sys.platform.startswith("linux"):
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
        if trim is not None:
            trim(0)


@contextmanager
def loading() -> Iterator[None]:
    """Let modules be loaded without the search for garbage, which finds none among them.

    It takes a seventh of the time of loading the large ones. Later searches leave out what
    was there when they were loaded: walking over that takes them a tenth of a second each.
    """
    was_on, before = gc.isenabled(), len(sys.modules)
    gc.disable()
    try:
        yield
    finally:
        if len(sys.modules) > before:
            gc.freeze()
            gc.set_threshold(*gc.get_threshold()[:2], _SELDOM)
        if was_on:
            gc.enable()
