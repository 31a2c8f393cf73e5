"""From the detector to the mosaic: one resampling."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._exports import exported

if TYPE_CHECKING:
    from .back import *
    from .grid import *
    from .integer_shift import *
    from .lanczos import *
    from .pixel_map import *
    from .protocol import *
    from .reprojected import *
    from .undistort import *

__getattr__, __dir__, __all__ = exported(
    __name__,
    {
        "back": ["blot", "project_mask"],
        "grid": ["MosaicGrid"],
        "integer_shift": ["IntegerShiftResampler", "shift_grid", "whole_pixel_shifts"],
        "lanczos": ["LanczosResampler"],
        "pixel_map": ["PixelMap"],
        "protocol": ["ProjectedFrame", "Resampler"],
        "reprojected": ["AdaptiveResampler", "ExactResampler", "InterpResampler"],
        "undistort": ["Undistortion", "undistort_labels"],
    },
)
