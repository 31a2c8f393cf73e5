"""The objects: their masks, their catalogue and the quality of the mosaic."""

from .catalogue import *
from .mask import *
from .masker import *
from .quality import *
from .regions import *
from .threshold import *
