from .exposure import ExposureReducer as ExposureReducer
from .legacy import DitheredImage as DitheredImage, full_dithered_image as full_dithered_image
from .legacy_stare import StareResult as StareResult, stare_image as stare_image
from .plan import plan_run as plan_run
from .planned import PlannedBlock as PlannedBlock, RunOptions as RunOptions
from .preflight import (
    CalibrationUse as CalibrationUse,
    ExposureLook as ExposureLook,
    Finding as Finding,
    GroupCheck as GroupCheck,
    PixelLook as PixelLook,
    Placed as Placed,
    Preflight as Preflight,
    Severity as Severity,
    check_calibrations as check_calibrations,
    check_exposures as check_exposures,
    check_looks as check_looks,
    check_places as check_places,
    find_calibrations as find_calibrations,
    look_at_pixels as look_at_pixels,
    pointing_offsets as pointing_offsets,
    quick_seeing as quick_seeing,
)
from .reducer import DitherReducer as DitherReducer
from .result import DitherResult as DitherResult, FrameRecord as FrameRecord
from .run_all import run_blocks as run_blocks
from .upgrade import (
    DitherStrategies as DitherStrategies,
    upgrade_dither as upgrade_dither,
    upgrade_stare as upgrade_stare,
)
from .watch import QuickLook as QuickLook, foreseen_exposures as foreseen_exposures, watch as watch
