from .calibrations import CalibrationFrames as CalibrationFrames
from .injection import (
    Recovery as Recovery,
    add_stars as add_stars,
    draw_stars as draw_stars,
    injection_test as injection_test,
    measure_recovery as measure_recovery,
)
from .profiles import MoffatPSF as MoffatPSF
from .scene import Scene as Scene
from .scenes import SCENES as SCENES
from .scoring import (
    FIGURES as FIGURES,
    Figure as Figure,
    IdealStack as IdealStack,
    Score as Score,
    ScoredImage as ScoredImage,
    ideal_stack as ideal_stack,
    perfect_mosaic as perfect_mosaic,
    score as score,
)
from .truth import Truth as Truth
from .tutorial import TutorialPaths as TutorialPaths, write_tutorial as write_tutorial
