"""From the detector to the mosaic: one resampling."""

from .grid import *
from .protocol import *
