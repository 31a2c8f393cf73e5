"""Give freed arrays back to the system at once."""

from __future__ import annotations

import ctypes
import sys

__all__ = ["return_freed_arrays"]

_M_MMAP_THRESHOLD = -3
_LARGE = 2**20


def return_freed_arrays() -> None:
    """Tell the C library not to keep the memory of freed arrays.

    The library of GNU keeps blocks of up to 32 MiB, the size of a frame, for
    later use, apart for each thread. A reduction then holds half as much
    memory again as it uses. For programs whose process is theirs alone; does
    nothing with other C libraries.
    """
    if not sys.platform.startswith("linux"):
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_MMAP_THRESHOLD, _LARGE)
