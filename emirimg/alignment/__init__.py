"""Where the frames lie on the sky."""

from .header import *
from .psf import *
from .solution import *
from .star_alignment import *
from .stars import *
