"""Runs of points that need pixels side by side.

Neighbours on one image mostly are neighbours on another one. What a run of such points needs
lies side by side in memory, so that a processor works on many of them at once.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

__all__ = ["EXACT_ENOUGH", "LANES", "rounded_up", "run_end"]

EXACT_ENOUGH = {"contract", "nsz"}
"""Of fast mathematics only what does not depend on how many points are worked on at once."""

LANES = 16
"""Points that a processor works on at once."""


@njit(nogil=True, cache=True, inline="always")
def run_end(start: NDArray[np.int64], j: int) -> int:
    """Return where the run from point ``j`` on ends.

    ``start`` tells which pixel each point needs first, -1 for a point that has none and is
    a run of its own.
    """
    end = j + 1
    if start[j] >= 0:
        while end < start.size and start[end] - start[j] == end - j:
            end += 1
    return end


@njit(nogil=True, cache=True, inline="always")
def rounded_up(length: int) -> int:
    """Return how many points are worked on: those beyond the end are worked out anew later."""
    return (length + LANES - 1) // LANES * LANES
