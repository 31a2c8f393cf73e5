"""What the observer asked for: observation blocks, requirements, calibrations."""

from .block import *
from .control import *
from .modern import *
from .names import *
from .requirements import *
