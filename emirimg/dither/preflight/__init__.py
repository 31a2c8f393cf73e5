"""A look at exposures before they are reduced: what is there, and what is wrong."""

from .calibrations import *
from .findings import *
from .inspection import *
from .judgement import *
from .pixels import *
from .places import *
