"""Where the frames lie on the sky."""

from .solution import *
