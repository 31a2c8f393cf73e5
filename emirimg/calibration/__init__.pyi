from .afterglow import (
    Afterglow as Afterglow,
    Footprint as Footprint,
    decay_time as decay_time,
    visible_pixels as visible_pixels,
)
from .calibrate import calibrate as calibrate, calibrate_values as calibrate_values
from .calibrations import Calibrations as Calibrations
from .cosmic_rays import LaplacianCosmicRays as LaplacianCosmicRays
from .exposure_noise import ExposureNoise as ExposureNoise, VariancePlane as VariancePlane
from .hidden_pixels import HiddenPixelDetector as HiddenPixelDetector
from .interpolation import interpolate_bad_pixels as interpolate_bad_pixels
from .measured_noise import (
    assign_measured_noise as assign_measured_noise,
    at_least_scatter as at_least_scatter,
)
from .operations import (
    assign_noise as assign_noise,
    divide_flat as divide_flat,
    mask_bad_pixels as mask_bad_pixels,
    mask_not_finite as mask_not_finite,
    mask_saturated as mask_saturated,
    subtract_dark as subtract_dark,
)
from .outliers import ReferenceOutliers as ReferenceOutliers, flag_outliers as flag_outliers
from .persistence import PersistenceDetector as PersistenceDetector
from .trails import Trail as Trail, TrailDetector as TrailDetector
