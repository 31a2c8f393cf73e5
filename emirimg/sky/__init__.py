"""The sky, in the detector plane."""

from .auto import *
from .cells import *
from .channel_medians import *
from .constant import *
from .model import *
from .neighbours import *
from .off_source import *
from .operations import *
from .pattern import *
from .quadrant_steps import *
from .residuals import *
from .scaled_neighbours import *
from .solution import *
from .striping import *
