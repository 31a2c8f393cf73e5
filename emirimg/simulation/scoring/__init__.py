"""The score of a mosaic against the truth of its simulation."""

from .figures import *
from .ideal import *
from .image import *
from .report import *
