"""Artificial stars in real exposures: what is found again, and how bright."""

from .recovery import *
from .reduction import *
from .stars import *
