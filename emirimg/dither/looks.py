"""What each exposure looks like before and after, and why its pixels are masked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from astropy.nddata import CCDData
from numpy.typing import NDArray

from .._lazy import count_masked
from ..objects.background import block_mean
from ..stack import DitherStack
from .loading import Loaded
from .result import FrameRecord
from .steps import Steps

__all__ = ["FirstLook", "LastLook", "first_looks", "last_looks", "with_looks"]

_SIDE = 128
"""Pixels along the longer side of a small image."""


@dataclass(frozen=True)
class FirstLook:
    """A calibrated exposure before its sky is subtracted.

    Parameters
    ----------
    image : `~numpy.ndarray` of float32
        The exposure in ADU, averaged in blocks.
    bad, saturated, hidden : int
        Number of pixels masked by the master, by their own values, and by the
        comparison of all exposures.
    """

    image: NDArray[np.float32]
    bad: int
    saturated: int
    hidden: int


def first_looks(
    loaded: Loaded, stack: DitherStack, master: NDArray[np.bool_] | None, steps: Steps
) -> list[FirstLook]:
    """Look at the calibrated exposures of the target.

    Parameters
    ----------
    loaded : Loaded
        The exposures as they were calibrated.
    stack : DitherStack
        Those of the target, with the hidden bad pixels masked.
    master : `~numpy.ndarray` of bool or None
        The master mask.
    steps : Steps
        How to work on all of them.
    """
    bad = 0 if master is None else int(np.count_nonzero(master))

    def look(before: CCDData, frame: CCDData) -> FirstLook:
        first, (image, now) = count_masked(before.mask), _seen(frame)
        return FirstLook(image, bad, max(0, first - bad), now - first)

    return steps.each("Looking at the exposures", look, loaded.split(loaded.stack)[0], stack)


LastLook = tuple[NDArray[np.float32], int]
"""A frame less its sky, averaged in blocks, and how many of its pixels are masked."""


def last_looks(clean: DitherStack, steps: Steps) -> list[LastLook]:
    """Look at the frames that were combined."""
    return steps.each("Looking at the results", _seen, clean)


def with_looks(
    records: Sequence[FrameRecord], looks: Sequence[FirstLook], seen: Sequence[LastLook]
) -> tuple[FrameRecord, ...]:
    """Add to the records what the exposures looked like before and after."""
    return tuple(
        replace(
            record,
            bad_pixels=look.bad,
            saturated_pixels=look.saturated,
            hidden_pixels=look.hidden,
            flagged_pixels=masked - look.bad - look.saturated - look.hidden,
            before=look.image,
            after=after,
        )
        for record, look, (after, masked) in zip(records, looks, seen, strict=True)
    )


def _seen(frame: CCDData) -> LastLook:
    small = block_mean(frame.data, frame.mask, max(1, -(-max(frame.shape) // _SIDE)))
    return small, count_masked(frame.mask)
