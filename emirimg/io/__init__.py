"""Read and write files; the only part of the package that does."""

from .atomic import *
from .exposures import *
from .frames import *
from .numina.blocks import *
from .numina.control import *
from .numina.generate import *
from .numina.write import *
from .results import *
