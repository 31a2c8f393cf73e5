from ._strategy import Strategy as Strategy
from ._version import __version__ as __version__
from .combine import Mosaic as Mosaic
from .dither import (
    DitherReducer as DitherReducer,
    DitherResult as DitherResult,
    FrameRecord as FrameRecord,
)
from .exceptions import EmirimgError as EmirimgError, EmirimgWarning as EmirimgWarning
