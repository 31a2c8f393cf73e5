"""The objects: their masks, their catalogue and the quality of the mosaic."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._exports import exported

if TYPE_CHECKING:
    from .catalogue import *
    from .mask import *
    from .masker import *
    from .quality import *
    from .regions import *
    from .threshold import *

__getattr__, __dir__, __all__ = exported(
    __name__,
    {
        "catalogue": ["make_catalogue"],
        "mask": ["ObjectMask", "ObjectMasker"],
        "masker": ["SegmentationMasker"],
        "quality": ["MosaicQuality", "measure_quality"],
        "regions": ["MaskWithRegions", "filled_outline"],
        "threshold": ["ThresholdMasker", "find_brightest"],
    },
)
