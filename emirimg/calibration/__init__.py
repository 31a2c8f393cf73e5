"""From raw counts to calibrated exposures: bad pixels, dark, flat, noise."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._exports import exported

if TYPE_CHECKING:
    from .afterglow import *
    from .calibrated import *
    from .calibrations import *
    from .cosmic_rays import *
    from .exposure_noise import *
    from .hidden_pixels import *
    from .interpolation import *
    from .measured_noise import *
    from .operations import *
    from .outliers import *
    from .persistence import *
    from .trails import *

__getattr__, __dir__, __all__ = exported(
    __name__,
    {
        "afterglow": ["Afterglow", "Footprint", "decay_time", "visible_pixels"],
        "calibrated": ["calibrate", "calibrate_values"],
        "calibrations": ["Calibrations"],
        "cosmic_rays": ["LaplacianCosmicRays"],
        "exposure_noise": ["ExposureNoise", "VariancePlane"],
        "hidden_pixels": ["HiddenPixelDetector"],
        "interpolation": ["interpolate_bad_pixels"],
        "measured_noise": ["assign_measured_noise"],
        "operations": [
            "assign_noise",
            "divide_flat",
            "mask_bad_pixels",
            "mask_not_finite",
            "mask_saturated",
            "subtract_dark",
        ],
        "outliers": ["ReferenceOutliers", "flag_outliers"],
        "persistence": ["PersistenceDetector"],
        "trails": ["Trail", "TrailDetector"],
    },
)
