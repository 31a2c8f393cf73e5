"""The sky, in the detector plane."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._exports import exported

if TYPE_CHECKING:
    from .auto import *
    from .cells import *
    from .channel_residual import *
    from .constant import *
    from .model import *
    from .neighbours import *
    from .off_source import *
    from .operations import *
    from .pattern import *
    from .quadrants import *
    from .residuals import *
    from .scaled_neighbours import *
    from .solution import *
    from .striping import *

__getattr__, __dir__, __all__ = exported(
    __name__,
    {
        "auto": ["AutoSky"],
        "cells": ["QuadrantCells"],
        "channel_residual": ["channel_medians"],
        "constant": ["ConstantSky"],
        "model": ["SkyEstimator", "SkyModel", "SkyResidual"],
        "neighbours": ["NeighbourSky"],
        "off_source": ["OffSourceSky"],
        "operations": ["subtract_sky"],
        "pattern": ["PatternSky", "PatternSkySolution"],
        "quadrants": ["quadrant_steps"],
        "residuals": ["ChannelMedian", "DetectorResidual", "QuadrantSurface", "SmoothResidual"],
        "scaled_neighbours": ["ScaledNeighbourSky"],
        "solution": ["SkySolution"],
        "striping": ["RowColumnStriping"],
    },
)
