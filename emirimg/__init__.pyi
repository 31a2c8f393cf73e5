from . import (
    alignment as alignment,
    blocks as blocks,
    calibration as calibration,
    combine as combine,
    dither as dither,
    exceptions as exceptions,
    flat as flat,
    instrument as instrument,
    io as io,
    objects as objects,
    projection as projection,
    report as report,
    simulation as simulation,
    sky as sky,
    stack as stack,
)
from ._strategy import Strategy as Strategy
from ._version import __version__ as __version__
from .combine import Mosaic as Mosaic
from .dither import (
    DitherReducer as DitherReducer,
    DitherResult as DitherResult,
    FrameRecord as FrameRecord,
)
from .exceptions import EmirimgError as EmirimgError, EmirimgWarning as EmirimgWarning
