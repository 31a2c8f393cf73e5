"""Flag what a first mosaic shows to be wrong in single exposures."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from astropy.nddata import CCDData
from numpy.typing import NDArray

from .._lazy import PackedMask, materialised, pack_bits
from .._memory import return_kept_memory
from ..alignment import Alignment
from ..calibration import (
    Afterglow,
    Footprint,
    PersistenceDetector,
    Trail,
    at_least_scatter,
    decay_time,
    visible_pixels,
)
from ..combine import Mosaic
from ..io import Scratch
from ..projection import MosaicGrid, blot, project_mask
from ..stack import DitherStack
from .clean import kept_mask
from .field_steps import FieldSteps
from .thinly_covered import FEWEST_FOR_A_REFERENCE, flag_thinly_covered, thinly_covered

__all__ = ["Finders", "Flags", "Reference", "bright_stars", "flag_frames"]

_STRIDE = 8
_SOON = 15
"""Exposures in which the persistence of faint stars is looked for."""


@dataclass(frozen=True)
class Finders:
    """What finds what must be flagged in exposures; `None`: it is not looked for.

    Parameters
    ----------
    outliers : callable or None
        Finds what differs from a mosaic, see `~emirimg.calibration.ReferenceOutliers`.
    trails : callable or None
        See `~emirimg.calibration.TrailDetector`.
    persistence : PersistenceDetector or None
        Finds what bright stars leave in later exposures.
    cosmic_rays : callable or None
        Finds cosmic rays without a mosaic, see `~emirimg.calibration.LaplacianCosmicRays`.
    """

    outliers: Callable[..., NDArray[np.bool_]] | None = None
    trails: Callable[..., Sequence[Trail]] | None = None
    persistence: PersistenceDetector | None = None
    cosmic_rays: Callable[..., NDArray[np.bool_]] | None = None


@dataclass(frozen=True)
class Flags:
    """What was flagged in the exposures.

    Parameters
    ----------
    masks : list of PackedMask of bool, or None
        For each exposure, the pixels that must not be used; `None`: all may.
    trails : tuple of tuple of Trail
        The trails of each exposure.
    persistent : tuple of int
        Number of stars whose persistence each exposure shows.
    decay : float
        Time in which the persistence sinks to 1/e, in seconds, or NaN.
    """

    masks: list[PackedMask] | None
    trails: tuple[tuple[Trail, ...], ...]
    persistent: tuple[int, ...]
    decay: float = np.nan

    @classmethod
    def none(cls, number: int) -> Flags:
        """Return what is known of ``number`` exposures in which nothing was looked for."""
        return cls(None, ((),) * number, (0,) * number)


@dataclass(frozen=True)
class Reference:
    """What frames are compared with: the other planes of the mosaic need not be kept for that.

    Parameters
    ----------
    grid : MosaicGrid
        Where its pixels lie.
    data, mask : `~numpy.ndarray`
        Those of the mosaic.
    thin : `~numpy.ndarray` of bool
        True where it has too few exposures.
    """

    grid: MosaicGrid
    data: NDArray[np.float32]
    mask: NDArray[np.bool_]
    thin: NDArray[np.bool_]

    @classmethod
    def of(cls, mosaic: Mosaic) -> Reference:
        """Return what is needed of a mosaic."""
        return cls(mosaic.grid, mosaic.data, mosaic.mask, thinly_covered(mosaic))


def bright_stars(
    stack: DitherStack, persistence: PersistenceDetector | None, steps: FieldSteps
) -> list[Footprint]:
    """Find the stars whose persistence `flag_frames` looks for, if it does.

    Parameters
    ----------
    stack : DitherStack
        Sky-subtracted frames.
    persistence : PersistenceDetector or None
        What finds them; `None`: not looked for.
    steps : FieldSteps
        How to work on all frames.
    """
    if persistence is None or len(stack) < FEWEST_FOR_A_REFERENCE:
        return []
    return steps.once("Finding bright stars", persistence.footprints, stack)


def flag_frames(
    stack: DitherStack,
    reference: Reference,
    alignment: Alignment,
    footprints: Sequence[Footprint],
    find: Finders,
    steps: FieldSteps,
) -> Flags:
    """Flag cosmic rays, trails and persistence in the plane of every frame.

    Parameters
    ----------
    stack : DitherStack
        Sky-subtracted frames, aligned.
    reference : Reference
        What they were combined to. Fewer than three frames leave no reference:
        only ``find.cosmic_rays`` is used then; otherwise it is used where fewer
        than three overlap.
    alignment : Alignment
        Their transparencies and their seeing.
    footprints : sequence of Footprint
        The `bright_stars` of the frames.
    find : Finders
        What finds them.
    steps : FieldSteps
        How to work on all of them.
    """
    flags = Flags.none(len(stack))
    if len(stack) < FEWEST_FOR_A_REFERENCE:
        if find.cosmic_rays is None:
            return flags
        flag_alone = partial(_cosmic_rays, find=find.cosmic_rays, scratch=steps.scratch)
        found = steps.each("Flagging cosmic rays", flag_alone, stack)
        return Flags(found, flags.trails, flags.persistent)
    if find == Finders():
        return flags
    seconds = stack.seconds
    # What the faint ones leave soon fades.
    lasting = [
        find.persistence is not None and bool(footprint.fill.max() >= find.persistence.level)
        for footprint in footprints
    ]
    before = [
        [
            footprint
            for footprint, lasts in zip(footprints, lasting, strict=True)
            if seconds[footprint.frame] < time and (lasts or number - footprint.frame <= _SOON)
        ]
        for number, time in enumerate(seconds)
    ]
    flag = partial(_flag, reference=reference, find=find, scratch=steps.scratch)
    return_kept_memory()
    results = steps.each(
        "Flagging outliers", flag, stack, before, alignment.transparency, _sharpness(alignment)
    )
    masks = [found for found, _, _, _ in results]
    glows = [glow for _, _, glow, _ in results]
    persistent = (0,) * len(stack)
    if footprints and find.persistence is not None:
        noise = [level for _, _, _, level in results]
        masks, persistent = _with_persistence(
            masks, before, glows, noise, find.persistence, steps.scratch
        )
    delays = [
        float(seconds[number] - seconds[glow.footprint.frame])
        for number, those in enumerate(glows)
        for glow in those
    ]
    return Flags(
        masks,
        tuple(streaks for _, streaks, _, _ in results),
        persistent,
        decay_time([glow for those in glows for glow in those], delays),
    )


def _with_persistence(
    masks: Sequence[PackedMask],
    before: Sequence[Sequence[Footprint]],
    glows: Sequence[Sequence[Afterglow]],
    noise: Sequence[float],
    persistence: PersistenceDetector,
    scratch: Scratch,
) -> tuple[list[PackedMask], tuple[int, ...]]:
    """Mask what bright stars have left, and tell how many of them it is in each frame."""
    since = defaultdict(list)
    for number, those in enumerate(glows):
        for glow in those:
            since[number - glow.footprint.frame].append(glow)
    common = {delay: persistence.common_excess(those) for delay, those in since.items()}
    result, counts = [], []
    for number, (mask, footprints) in enumerate(zip(masks, before, strict=True)):
        excess = {glow.footprint.key: glow.excess for glow in glows[number] if glow.significant}
        found, count = np.array(mask), 0
        for footprint in footprints:
            left = max(excess.get(footprint.key, 0.0), common.get(number - footprint.frame, 0.0))
            if left == 0:
                continue
            y, x = visible_pixels(footprint, left, noise[number])
            found[y, x] = True
            count += y.size > 0
        result.append(kept_mask(found, scratch) if count else mask)
        counts.append(count)
    return result, tuple(counts)


def _flag(
    frame: CCDData,
    footprints: Sequence[Footprint],
    scale: float,
    sharpness: float,
    *,
    reference: Reference,
    find: Finders,
    scratch: Scratch,
) -> tuple[PackedMask, tuple[Trail, ...], list[Afterglow], float]:
    """Return what is flagged in a frame, its trails, what persists in it, and its noise."""
    frame = materialised(frame)
    streaks: tuple[Trail, ...] = ()
    glows: list[Afterglow] = []
    # As bits: two frames at a time take much memory as it is.
    bits = np.zeros((frame.shape[0], -(-frame.shape[1] // 8)), dtype=np.uint8)
    if find.cosmic_rays is not None:
        thin = project_mask(reference.thin, reference.grid, frame.wcs, frame.shape)
        bits |= pack_bits(flag_thinly_covered(at_least_scatter(frame), thin, find.cosmic_rays))
        del thin
    expected, unknown = blot(
        reference.data, reference.mask, reference.grid, frame.wcs, frame.shape
    )
    if find.outliers is not None:
        outliers = find.outliers(frame, expected, unknown, scale=scale, sharpness=sharpness)
        bits |= pack_bits(outliers)
        del outliers
    if find.trails is not None:
        streaks = tuple(find.trails(frame, expected, unknown, scale=scale))
    if find.persistence is not None and footprints:
        glows = find.persistence(frame, footprints, expected, unknown, scale=scale)
    del expected, unknown
    for streak in streaks:
        bits |= pack_bits(streak.mask(frame.shape))
    noise = float(np.sqrt(np.median(frame.uncertainty.array[::_STRIDE, ::_STRIDE])))
    return PackedMask(scratch.keep(bits), frame.shape[1]), streaks, glows, noise


def _cosmic_rays(
    frame: CCDData, *, find: Callable[..., NDArray[np.bool_]], scratch: Scratch
) -> PackedMask:
    return kept_mask(find(at_least_scatter(materialised(frame))), scratch)


def _sharpness(alignment: Alignment) -> NDArray[np.float64]:
    """Return the peaks of stars relative to those of the mosaic; 1 where it is not known."""
    seeing = alignment.fwhm.value
    if not np.isfinite(seeing).any():
        return np.ones(len(seeing))
    return np.nan_to_num((np.nanmedian(seeing) / seeing) ** 2, nan=1.0)
