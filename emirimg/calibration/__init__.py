"""From raw counts to calibrated exposures: bad pixels, dark, flat, noise."""

from .afterglow import *
from .calibrate import *
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
