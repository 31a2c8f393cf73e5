"""Flat fields: the illumination that the stars see, and the one that the sky shows."""

from .doughnut import *
from .photometry import *
from .starflat import *
from .superflat import *
