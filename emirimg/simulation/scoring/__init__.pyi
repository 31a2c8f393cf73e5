from .figures import measure_figures as measure_figures, score as score
from .ideal import (
    IdealStack as IdealStack,
    ideal_stack as ideal_stack,
    perfect_mosaic as perfect_mosaic,
)
from .image import ScoredImage as ScoredImage
from .report import FIGURES as FIGURES, Figure as Figure, Score as Score
