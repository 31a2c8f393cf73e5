"""Where the frames lie on the sky."""

from .cross_correlation import *
from .distortion import *
from .header import *
from .psf import *
from .reference_catalogue import *
from .reference_object import *
from .solution import *
from .star_alignment import *
from .star_list import *
from .stars import *
