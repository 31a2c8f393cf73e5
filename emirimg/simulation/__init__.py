"""Simulated exposures with known truth, and the score of a mosaic against it."""

from .calibrations import CalibrationFrames
from .injection import Recovery, add_stars, draw_stars, injection_test, measure_recovery
from .profiles import MoffatPSF
from .scene import Scene
from .scenes import SCENES
from .scoring import (
    FIGURES,
    Figure,
    IdealStack,
    Score,
    ScoredImage,
    ideal_stack,
    perfect_mosaic,
    score,
)
from .truth import Truth
from .tutorial import TutorialPaths, write_tutorial

__all__ = [
    "FIGURES",
    "SCENES",
    "CalibrationFrames",
    "Figure",
    "IdealStack",
    "MoffatPSF",
    "Recovery",
    "Scene",
    "Score",
    "ScoredImage",
    "Truth",
    "TutorialPaths",
    "add_stars",
    "draw_stars",
    "ideal_stack",
    "injection_test",
    "measure_recovery",
    "perfect_mosaic",
    "score",
    "write_tutorial",
]
