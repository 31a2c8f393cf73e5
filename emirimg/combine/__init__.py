"""Statistics along a stack of pixels, and the mosaic they make."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._exports import exported

if TYPE_CHECKING:
    from .assemble import *
    from .combiners import *
    from .mosaic import *
    from .planes import *

__getattr__, __dir__, __all__ = exported(
    __name__,
    {
        "assemble": ["assemble_mosaic"],
        "combiners": [
            "MeanCombiner",
            "MedianCombiner",
            "NoiseClipCombiner",
            "SigmaClipCombiner",
            "median_variance_factor",
        ],
        "mosaic": ["Mosaic"],
        "planes": ["CombinedPlanes", "Combiner"],
    },
)
