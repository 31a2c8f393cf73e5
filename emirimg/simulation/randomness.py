"""Independent random numbers for every purpose and every exposure."""

from __future__ import annotations

from enum import IntEnum

import numpy as np

__all__ = ["Purpose", "generator"]


class Purpose(IntEnum):
    """What random numbers are for; not from 0, because seeds are padded with zeros."""

    SOURCES = 1
    CONDITIONS = 2
    FLAT = 3
    ILLUMINATION = 4
    BAD_PIXELS = 5
    PEDESTALS = 6
    COSMIC_RAYS = 7
    NOISE = 8
    IDENTIFIER = 9
    PERFECT = 10
    APERTURES = 11
    TRAILS = 12
    STRIPES = 13


def generator(
    seed: int, purpose: Purpose, exposure: int | None = None, realisation: int = 0
) -> np.random.Generator:
    """Return the random numbers of one purpose, of the scene or of one exposure."""
    # Numbers at the end that are 0 change nothing.
    return np.random.default_rng(
        [seed, 0 if exposure is None else exposure + 1, purpose, realisation]
    )
