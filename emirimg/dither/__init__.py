"""The order of things: from exposures to a mosaic."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._exports import exported

if TYPE_CHECKING:
    from .exposure import *
    from .legacy import *
    from .legacy_stare import *
    from .plan import *
    from .planned import *
    from .preflight import *
    from .reducer import *
    from .result import *
    from .run_all import *
    from .upgrade import *
    from .watching import *

__getattr__, __dir__, __all__ = exported(
    __name__,
    {
        "exposure": ["ExposureReducer"],
        "legacy": ["DitheredImage", "full_dithered_image"],
        "legacy_stare": ["StareResult", "stare_image"],
        "plan": ["plan_run"],
        "planned": ["PlannedBlock", "RunOptions"],
        "preflight": [
            "check_calibrations",
            "find_calibrations",
            "CalibrationUse",
            "ExposureLook",
            "Finding",
            "GroupCheck",
            "Preflight",
            "Severity",
            "check_exposures",
            "check_looks",
            "PixelLook",
            "look_at_pixels",
            "quick_seeing",
            "Placed",
            "check_places",
            "pointing_offsets",
        ],
        "reducer": ["DitherReducer"],
        "result": ["DitherResult", "FrameRecord"],
        "run_all": ["run_blocks"],
        "upgrade": ["DitherStrategies", "upgrade_dither", "upgrade_stare"],
        "watching": ["QuickLook", "foreseen_exposures", "watch"],
    },
)
