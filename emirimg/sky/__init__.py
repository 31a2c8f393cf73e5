"""The sky, in the detector plane."""

from .constant import *
from .model import *
from .neighbours import *
from .operations import *
from .pattern import *
from .residuals import *
from .solution import *
