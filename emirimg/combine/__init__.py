"""Statistics along a stack of pixels, and the mosaic they make."""

from .mosaic import *
from .planes import *
