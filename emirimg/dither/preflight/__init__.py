"""A look at exposures before they are reduced: what is there, and what is wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..._exports import exported

if TYPE_CHECKING:
    from .calibrations import *
    from .findings import *
    from .inspection import *
    from .judgement import *
    from .pixels import *
    from .places import *

__getattr__, __dir__, __all__ = exported(
    __name__,
    {
        "calibrations": ["check_calibrations", "find_calibrations"],
        "findings": [
            "CalibrationUse",
            "ExposureLook",
            "Finding",
            "GroupCheck",
            "Preflight",
            "Severity",
        ],
        "inspection": ["check_exposures"],
        "judgement": ["check_looks"],
        "pixels": ["PixelLook", "look_at_pixels", "quick_seeing"],
        "places": ["Placed", "check_places", "pointing_offsets"],
    },
)
