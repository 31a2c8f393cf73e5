"""Flat fields: the illumination that the stars see."""

from .photometry import *
from .starflat import *
