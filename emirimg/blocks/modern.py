"""The words with which an observation block chooses strategies by name."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, Strict

from .._strategy import by_name
from ..alignment import HeaderAlignment, StarAlignment
from ..calibration import (
    HiddenPixelDetector,
    LaplacianCosmicRays,
    PersistenceDetector,
    ReferenceOutliers,
    TrailDetector,
)
from ..combine import MeanCombiner, MedianCombiner, NoiseClipCombiner, SigmaClipCombiner
from ..flat import StarFlat
from ..objects import SegmentationMasker
from ..projection import (
    AdaptiveResampler,
    ExactResampler,
    InterpResampler,
    LanczosResampler,
)
from ..sky import (
    AutoSky,
    ChannelMedian,
    ConstantSky,
    DetectorResidual,
    NeighbourSky,
    PatternSky,
    QuadrantSurface,
    RowColumnStriping,
    SmoothResidual,
)
from ._model import InputModel

__all__ = ["StrategyRequirements"]


AnySky = by_name(PatternSky, AutoSky, ConstantSky, NeighbourSky)
AnyAlignment = by_name(StarAlignment, HeaderAlignment)
AnyResampler = by_name(LanczosResampler, InterpResampler, AdaptiveResampler, ExactResampler)
AnyCombiner = by_name(NoiseClipCombiner, SigmaClipCombiner, MeanCombiner, MedianCombiner)
AnyHiddenPixels = by_name(HiddenPixelDetector)
AnyResidual = by_name(
    DetectorResidual, QuadrantSurface, ChannelMedian, SmoothResidual, RowColumnStriping
)
AnyOutliers = by_name(ReferenceOutliers)
AnyTrails = by_name(TrailDetector)
AnyPersistence = by_name(PersistenceDetector)
AnyCosmicRays = by_name(LaplacianCosmicRays)
AnyStarFlat = by_name(StarFlat)
AnyObjects = by_name(SegmentationMasker)


def _is_off(value: Any) -> Any:
    return None if value == "none" else value


def _is_stated(value: Any) -> Any:
    if value is None or value == "none":
        msg = "found none, but this step cannot be left out"
        raise ValueError(msg)
    return value


_OrNone = BeforeValidator(_is_off)
_NotNone = BeforeValidator(_is_stated)
_Count = Annotated[int, Strict(), Field(ge=1)]
_Part = Annotated[float, Strict(), Field(ge=0, le=1)]
_Positive = Annotated[float, Strict(), Field(gt=0)]


class StrategyRequirements(InputModel):
    """Strategies of `~emirimg.dither.DitherReducer`, by their names.

    A word takes the name of a strategy, or a mapping with the key ``name`` and
    its parameters. Those that say so take ``none``, too, which leaves the step
    out. A word that is not stated leaves the choice to the reducer.

    Parameters
    ----------
    sky, alignment, resampler, combiner : strategy, optional
        How the sky is estimated, the exposures are placed, resampled and
        combined.
    hidden_pixels, residual, outliers, cosmic_rays, starflat, objects : strategy, optional
        How bad pixels that are not in the mask, what the sky left behind,
        cosmic rays, the illumination and the objects are found; or ``none``.
    trails, persistence : strategy, optional
        How the trails of satellites and the persistence of bright stars are
        found; or ``none``.
    passes : int, optional
        How often, at most, the sky is estimated anew.
    min_transparency : float, optional
        Least transparency, relative to the clearest exposure.
    gain : float, optional
        Electrons per ADU.
    read_noise : float, optional
        ADU.

    Examples
    --------
    >>> from emirimg.blocks import StrategyRequirements
    >>> requirements = StrategyRequirements(sky="constant", starflat="none", passes=2)
    >>> requirements.strategies()
    {'sky': ConstantSky(), 'starflat': None, 'passes': 2}
    """

    sky: Annotated[AnySky | None, _NotNone] = None
    alignment: Annotated[AnyAlignment | None, _NotNone] = None
    resampler: Annotated[AnyResampler | None, _NotNone] = None
    combiner: Annotated[AnyCombiner | None, _NotNone] = None
    hidden_pixels: Annotated[AnyHiddenPixels | None, _OrNone] = None
    residual: Annotated[AnyResidual | None, _OrNone] = None
    outliers: Annotated[AnyOutliers | None, _OrNone] = None
    trails: Annotated[AnyTrails | None, _OrNone] = None
    persistence: Annotated[AnyPersistence | None, _OrNone] = None
    cosmic_rays: Annotated[AnyCosmicRays | None, _OrNone] = None
    starflat: Annotated[AnyStarFlat | None, _OrNone] = None
    objects: Annotated[AnyObjects | None, _OrNone] = None
    passes: Annotated[_Count | None, _NotNone] = None
    min_transparency: Annotated[_Part | None, _NotNone] = None
    gain: Annotated[_Positive | None, _NotNone] = None
    read_noise: Annotated[_Positive | None, _NotNone] = None

    def __repr_args__(self) -> Iterable[tuple[str | None, Any]]:
        # Of the many words, only those that say something.
        for name, value in super().__repr_args__():
            if name not in StrategyRequirements.model_fields or name in self.model_fields_set:
                yield name, value

    def strategies(self) -> dict[str, Any]:
        """Return what is stated, as arguments for `~emirimg.dither.DitherReducer`."""
        words = StrategyRequirements.model_fields
        return {name: getattr(self, name) for name in words if name in self.model_fields_set}
