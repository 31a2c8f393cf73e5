"""Observation blocks and control files as the command ``numina`` reads them."""

from .blocks import *
from .control import *
from .dump import *
from .generate import *
from .offsets import *
from .products import *
from .records import *
from .write import *
