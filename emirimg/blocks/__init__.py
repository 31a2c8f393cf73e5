"""What the observer asked for: observation blocks, requirements, calibrations."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._exports import exported

if TYPE_CHECKING:
    from .block import *
    from .control import *
    from .modern import *
    from .names import *
    from .requirements import *

__getattr__, __dir__, __all__ = exported(
    __name__,
    {
        "block": ["MODES", "ObservationBlock"],
        "control": [
            "CALIBRATION_TYPES",
            "CalibrationChoice",
            "CalibrationType",
            "ControlFile",
            "RequirementChoice",
        ],
        "modern": ["StrategyRequirements"],
        "names": ["BlockId", "FileName", "RelativePath"],
        "requirements": ["DitherRequirements", "RejectionLimits", "StareRequirements"],
    },
)
