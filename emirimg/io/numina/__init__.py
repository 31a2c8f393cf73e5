"""Observation blocks and control files as the command ``numina`` reads them."""

from .blocks import *
from .control import *
from .dithered_image import *
from .dump import *
from .generate import *
from .offsets import *
from .position_image import *
from .records import *
from .write import *
