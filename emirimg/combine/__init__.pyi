from .assemble import assemble_mosaic as assemble_mosaic
from .combiners import (
    MeanCombiner as MeanCombiner,
    MedianCombiner as MedianCombiner,
    NoiseClipCombiner as NoiseClipCombiner,
    SigmaClipCombiner as SigmaClipCombiner,
    median_variance_factor as median_variance_factor,
)
from .mosaic import Mosaic as Mosaic
from .planes import CombinedPlanes as CombinedPlanes, Combiner as Combiner
