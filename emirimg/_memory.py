"""Give freed arrays back to the system at once."""

from __future__ import annotations

import ctypes
import sys

__all__ = ["return_freed_arrays"]

_M_MMAP_THRESHOLD, _M_TRIM_THRESHOLD = -3, -1
_LARGE = 2**20
_SPARE = 2**26


def return_freed_arrays(larger_than: int = _LARGE) -> None:
    """Tell the C library not to keep the memory of freed arrays.

    The library of GNU keeps blocks of up to 32 MiB, the size of a frame, for
    later use, apart for each thread. A reduction then holds half as much
    memory again as it uses. For programs whose process is theirs alone; does
    nothing with other C libraries.

    Parameters
    ----------
    larger_than : int, optional
        Size of the arrays, in bytes. Memory that is given back must be cleared
        by the system before it is used anew, so it should be that of arrays
        that are not made over and over again. Default: 1 MiB.
    """
    if not sys.platform.startswith("linux"):
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_MMAP_THRESHOLD, larger_than)
        # The first call switches off that this grows with the other one.
        mallopt(_M_TRIM_THRESHOLD, _SPARE)
