from .calibrations import (
    check_calibrations as check_calibrations,
    find_calibrations as find_calibrations,
)
from .findings import (
    CalibrationUse as CalibrationUse,
    ExposureLook as ExposureLook,
    Finding as Finding,
    GroupCheck as GroupCheck,
    Preflight as Preflight,
    Severity as Severity,
)
from .inspection import check_exposures as check_exposures
from .judgement import check_looks as check_looks
from .pixels import (
    PixelLook as PixelLook,
    look_at_pixels as look_at_pixels,
    quick_seeing as quick_seeing,
)
from .places import (
    Placed as Placed,
    check_places as check_places,
    pointing_offsets as pointing_offsets,
)
