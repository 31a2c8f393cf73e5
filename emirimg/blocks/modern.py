"""The words with which an observation block chooses strategies by name."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from importlib import import_module
from typing import Annotated, Any

from pydantic import (
    BeforeValidator,
    Field,
    PlainValidator,
    Strict,
    TypeAdapter,
    ValidationError,
)

from .._strategy import by_name
from ._model import InputModel, explained_text

__all__ = ["StrategyRequirements"]


def _one_of(package: str, *classes: str) -> PlainValidator:
    """Return what takes the name of a strategy, or a mapping with it, for the strategy.

    Other blocks than those that name strategies need none of these classes, and
    all of them together take a fifth of a second to load.
    """

    @cache
    def adapter() -> TypeAdapter:
        module = import_module(package, "emirimg")
        return TypeAdapter(by_name(*(getattr(module, name) for name in classes)))

    def validate(value: Any) -> Any:
        if value is None:
            return None
        try:
            return adapter().validate_python(value)
        except ValidationError as error:
            problems = error.errors(include_url=False)
        # Of a strategy among several, the place of a problem begins with its name.
        first = 1 if len(classes) > 1 else 0
        raise ValueError("; ".join(explained_text(item, item["loc"][first:]) for item in problems))

    return PlainValidator(validate)


_SKY = _one_of(".sky", "PatternSky", "AutoSky", "ConstantSky", "NeighbourSky")
_ALIGNMENT = _one_of(".alignment", "StarAlignment", "HeaderAlignment")
_RESAMPLER = _one_of(
    ".projection", "LanczosResampler", "InterpResampler", "AdaptiveResampler", "ExactResampler"
)
_COMBINER = _one_of(
    ".combine", "NoiseClipCombiner", "SigmaClipCombiner", "MeanCombiner", "MedianCombiner"
)
_HIDDEN_PIXELS = _one_of(".calibration", "HiddenPixelDetector")
_RESIDUAL = _one_of(
    ".sky",
    "DetectorResidual",
    "QuadrantSurface",
    "ChannelMedian",
    "SmoothResidual",
    "RowColumnStriping",
)
_OUTLIERS = _one_of(".calibration", "ReferenceOutliers")
_TRAILS = _one_of(".calibration", "TrailDetector")
_PERSISTENCE = _one_of(".calibration", "PersistenceDetector")
_COSMIC_RAYS = _one_of(".calibration", "LaplacianCosmicRays")
_STAR_FLAT = _one_of(".flat", "StarFlat")
_OBJECTS = _one_of(".objects", "SegmentationMasker")


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

    sky: Annotated[Any, _SKY, _NotNone] = None
    alignment: Annotated[Any, _ALIGNMENT, _NotNone] = None
    resampler: Annotated[Any, _RESAMPLER, _NotNone] = None
    combiner: Annotated[Any, _COMBINER, _NotNone] = None
    hidden_pixels: Annotated[Any, _HIDDEN_PIXELS, _OrNone] = None
    residual: Annotated[Any, _RESIDUAL, _OrNone] = None
    outliers: Annotated[Any, _OUTLIERS, _OrNone] = None
    trails: Annotated[Any, _TRAILS, _OrNone] = None
    persistence: Annotated[Any, _PERSISTENCE, _OrNone] = None
    cosmic_rays: Annotated[Any, _COSMIC_RAYS, _OrNone] = None
    starflat: Annotated[Any, _STAR_FLAT, _OrNone] = None
    objects: Annotated[Any, _OBJECTS, _OrNone] = None
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
