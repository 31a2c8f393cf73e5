from .auto import AutoSky as AutoSky
from .cells import QuadrantCells as QuadrantCells
from .channel_medians import channel_medians as channel_medians
from .constant import ConstantSky as ConstantSky
from .model import SkyEstimator as SkyEstimator, SkyModel as SkyModel, SkyResidual as SkyResidual
from .neighbours import NeighbourSky as NeighbourSky
from .off_source import OffSourceSky as OffSourceSky
from .operations import subtract_sky as subtract_sky
from .pattern import PatternSky as PatternSky, PatternSkySolution as PatternSkySolution
from .quadrant_steps import quadrant_steps as quadrant_steps
from .residuals import (
    ChannelMedian as ChannelMedian,
    DetectorResidual as DetectorResidual,
    QuadrantSurface as QuadrantSurface,
    SmoothResidual as SmoothResidual,
)
from .scaled_neighbours import ScaledNeighbourSky as ScaledNeighbourSky
from .solution import SkySolution as SkySolution
from .striping import RowColumnStriping as RowColumnStriping
