"""From the detector to the mosaic: one resampling."""

from .back import *
from .grid import *
from .integer_shift import *
from .lanczos import *
from .pixel_map import *
from .protocol import *
from .reprojected import *
from .undistort import *
