"""Flat fields: the illumination that the stars see, and the one that the sky shows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._exports import exported

if TYPE_CHECKING:
    from .doughnut import *
    from .photometry import *
    from .starflat import *
    from .superflat import *

__getattr__, __dir__, __all__ = exported(
    __name__,
    {
        "doughnut": ["DoughnutFit"],
        "photometry": ["star_fluxes"],
        "starflat": ["Illumination", "StarFlat", "StarMeasurements"],
        "superflat": ["SkyFlat", "Superflat", "SuperflatEstimator", "divide_superflat"],
    },
)
