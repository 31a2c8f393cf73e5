from .back import blot as blot, project_mask as project_mask
from .grid import MosaicGrid as MosaicGrid
from .integer_shift import (
    IntegerShiftResampler as IntegerShiftResampler,
    shift_grid as shift_grid,
    whole_pixel_shifts as whole_pixel_shifts,
)
from .lanczos import LanczosResampler as LanczosResampler
from .pixel_map import PixelMap as PixelMap
from .protocol import ProjectedFrame as ProjectedFrame, Resampler as Resampler
from .reprojected import (
    AdaptiveResampler as AdaptiveResampler,
    ExactResampler as ExactResampler,
    InterpResampler as InterpResampler,
)
from .undistort import Undistortion as Undistortion, undistort_labels as undistort_labels
