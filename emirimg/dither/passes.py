"""What each pass over the exposures of a field finds out and changes."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .._memory import return_kept_memory
from ..alignment import AlignmentEstimator
from ..combine import Combiner
from ..flat import Illumination
from ..objects import ObjectMask
from ..projection import MosaicGrid, Resampler
from ..sky import SkyEstimator, SkyResidual
from ..sky.solution import fills_field
from .field import Field
from .field_steps import FieldSteps, divide, with_flags, with_masks_of
from .flagging import Finders, Reference, bright_stars, flag_frames
from .illumination import find_illumination
from .matching import match_frames
from .steps import placed
from .weights import without_opaque

__all__ = [
    "combine_field",
    "correct_illumination",
    "flag_field",
    "is_settled",
    "place_frames",
    "subtract_sky",
]

_FIRST_ROUNDS = 2
"""Rounds in the first pass, see `combine_field`."""
_MASK_IS_STABLE = 0.03
"""Object masks that differ in less than this fraction of the mosaic are the same: their
rims flicker with the noise, and another pass changes no measure of the mosaic."""


def subtract_sky(
    field: Field, estimate_sky: SkyEstimator, residual: SkyResidual | None, steps: FieldSteps
) -> None:
    """Estimate the skies without the objects known so far, and subtract them."""
    masks = steps.in_frames(field.objects, field.frames)
    stack = with_flags(field.frames, field.flags.masks)
    field.skies = steps.estimate_sky(estimate_sky, stack, masks)
    field.clean, stack, rms = steps.subtract_sky(stack, field.skies, residual, masks)
    # What the sky leaves behind does not come back.
    field.frames = with_masks_of(stack, field.frames)
    # Later passes find only what the first ones have left of it.
    field.background = np.maximum(field.background, rms)


def place_frames(
    field: Field,
    align: AlignmentEstimator,
    min_transparency: float,
    grid: MosaicGrid | None,
    steps: FieldSteps,
) -> None:
    """Find the places of the exposures; without a grid, make one that holds all of them."""
    alignment = steps.once("Aligning", align, field.clean)
    alignment = without_opaque(alignment, field.frames.names, min_transparency)
    field.alignment = alignment
    field.frames = placed(field.frames, alignment)
    field.clean = placed(field.clean, alignment)
    used = [wcs for wcs, ok in zip(alignment.wcss, alignment.used, strict=True) if ok]
    field.grid = grid or MosaicGrid.covering(used, [field.frames.shape] * len(used))


def correct_illumination(
    field: Field, starflat: Callable[..., Illumination] | None, steps: FieldSteps
) -> None:
    """Find the illumination as soon as stars are known, and divide by it."""
    if starflat is not None and field.stars is not None and field.illumination is None:
        field.illumination = find_illumination(
            field.clean, field.skies, field.stars, field.alignment, starflat, steps,
            magnitudes=field.magnitudes,
        )  # fmt: skip
    field.clean = divide(field.clean, field.illumination)


def combine_field(
    field: Field,
    resampler: Resampler,
    combiner: Combiner,
    residual: SkyResidual | None,
    steps: FieldSteps,
) -> None:
    """Combine the frames; those that a target fills are matched to each other before.

    They are compared with the mosaic of the pass before or, in the first pass, twice with that
    of the same frames: the steps that single frames leave in it are lower the second time.
    """

    def combine() -> None:
        return_kept_memory()
        field.combination = steps.combined(
            field.clean, field.alignment, field.grid, resampler, combiner
        )

    if not fills_field(field.skies):
        combine()
        return
    if not field.keeps_mosaic:
        combine()
    for _ in range(1 if field.keeps_mosaic else _FIRST_ROUNDS):
        field.clean, rms = match_frames(
            field.clean, field.mosaic, field.alignment, residual, steps
        )
        field.background = np.maximum(field.background, rms)
        del field.combination  # its memory is wanted for the next mosaic
        combine()


def is_settled(before: ObjectMask | None, now: ObjectMask) -> bool:
    """Say whether the objects of a mosaic are those of the one before."""
    return before is not None and now.changed_fraction(before) < _MASK_IS_STABLE


def flag_field(field: Field, find: Finders, steps: FieldSteps) -> None:
    """Flag anew what does not fit the mosaic: what a poorer one suspected is forgotten.

    Skies, frames less them and (unless the target fills it) the mosaic are let go.
    """
    stack, bright = with_masks_of(field.clean, field.frames), field.bright
    if bright is None:
        bright = bright_stars(stack, find.persistence, steps)
    reference = Reference.of(field.mosaic)
    field.keeps_mosaic = fills_field(field.skies)
    # The memory of the mosaic's other planes is wanted now, that of all else afterwards.
    if not field.keeps_mosaic:
        del field.combination
    field.flags = flag_frames(stack, reference, field.alignment, bright, find, steps)
    del field.skies, field.clean
    field.bright = None
