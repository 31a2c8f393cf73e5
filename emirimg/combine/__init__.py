"""Statistics along a stack of pixels, and the mosaic they make."""

from .assemble import *
from .combiners import *
from .mosaic import *
from .planes import *
