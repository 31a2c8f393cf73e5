"""Observation blocks and control files as the command ``numina`` reads them."""

from .blocks import *
from .control import *
from .generate import *
from .write import *
