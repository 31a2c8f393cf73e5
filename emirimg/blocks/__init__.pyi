from .block import MODES as MODES, ObservationBlock as ObservationBlock
from .control import (
    CALIBRATION_TYPES as CALIBRATION_TYPES,
    CalibrationChoice as CalibrationChoice,
    CalibrationType as CalibrationType,
    ControlFile as ControlFile,
    RequirementChoice as RequirementChoice,
)
from .modern import StrategyRequirements as StrategyRequirements
from .names import BlockId as BlockId, FileName as FileName, RelativePath as RelativePath
from .requirements import (
    DitherRequirements as DitherRequirements,
    RejectionLimits as RejectionLimits,
    StareRequirements as StareRequirements,
)
