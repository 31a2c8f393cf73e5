"""What EMIR is: its detectors, its header keywords, its optics."""

from .detectors import *
from .geometry import *
from .metadata import *
