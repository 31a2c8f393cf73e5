"""The order of things: from exposures to a mosaic."""

from .exposure import *
from .reducer import *
from .result import *
