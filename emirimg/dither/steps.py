"""Each step of a reduction, applied to all frames of a stack."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import partial

import numpy as np
from astropy.nddata import CCDData, VarianceUncertainty
from numpy.typing import NDArray

from .._parallel import Progress, parallel_map
from ..alignment import Alignment
from ..combine import Combiner, Mosaic, assemble_mosaic
from ..flat import Illumination
from ..objects import ObjectMask
from ..projection import MosaicGrid, Resampler, blot
from ..sky import SkyModel, SkyResidual, subtract_sky
from ..stack import DitherStack

__all__ = ["Combination", "Steps", "placed", "with_flags"]

FrameFlags = Callable[..., NDArray[np.bool_]]

_FEWEST_FOR_A_REFERENCE = 3
"""With fewer frames, a mosaic cannot tell a cosmic ray from a star."""


@dataclass(frozen=True)
class Combination:
    """A mosaic and what went into it."""

    mosaic: Mosaic
    noise: NDArray[np.float64]
    weights: NDArray[np.float64]
    rejected: NDArray[np.float64]


@dataclass(frozen=True)
class Steps:
    """The steps, with the executor and the progress display they share."""

    executor: Executor
    progress: Progress

    def each(self, description: str, function: Callable, *items: Sequence) -> list:
        """Apply ``function`` to every frame, in parallel."""
        return parallel_map(
            function,
            *items,
            executor=self.executor,
            progress=self.progress,
            description=description,
        )

    def in_frames(
        self, objects: ObjectMask | None, stack: DitherStack
    ) -> list[NDArray[np.bool_]] | None:
        """Bring the object mask back to the plane of every frame."""
        if objects is None:
            return None
        return self.each(
            "Masking objects", lambda frame: objects.on_frame(frame.wcs, frame.shape), stack
        )

    def subtracted(
        self,
        stack: DitherStack,
        skies: Sequence[SkyModel],
        residual: SkyResidual | None,
        masks: Sequence[NDArray[np.bool_]] | None,
    ) -> DitherStack:
        """Subtract from every frame its sky, and what that leaves behind."""

        def subtract(frame: CCDData, sky: SkyModel, mask: NDArray[np.bool_] | None) -> CCDData:
            clean = subtract_sky(frame, sky)
            if residual is not None:
                # The frame is ours alone: no copy is needed.
                clean.data -= residual(clean, objects=mask)
            return clean

        frames = self.each(
            "Subtracting the sky", subtract, stack, skies, masks or [None] * len(stack)
        )
        return stack.with_frames(frames)

    def divided(self, stack: DitherStack, illumination: Illumination) -> DitherStack:
        """Divide every frame by the illumination."""
        if illumination.degree == 0:
            return stack
        inverse = 1 / illumination.image
        return stack.with_frames(
            self.each("Correcting the illumination", partial(_multiplied, factor=inverse), stack)
        )

    def combined(
        self,
        stack: DitherStack,
        alignment: Alignment,
        grid: MosaicGrid,
        resampler: Resampler,
        combiner: Combiner,
    ) -> Combination:
        """Resample all frames to the grid and combine them."""
        noise = np.array(self.each("Measuring noise", _noise, stack))
        weights = (alignment.transparency / noise) ** 2
        weights /= weights.max()
        mosaic, rejected = assemble_mosaic(
            stack.frames,
            grid,
            resampler=resampler,
            combiner=combiner,
            scales=alignment.transparency,
            weights=weights,
            exposure_times=[item.exposure_time.to_value("s") for item in stack.metadata],
            executor=self.executor,
            progress=self.progress,
        )
        return Combination(mosaic, noise, weights, rejected)

    def flagged(
        self,
        stack: DitherStack,
        mosaic: Mosaic,
        alignment: Alignment,
        outliers: FrameFlags | None,
        cosmic_rays: FrameFlags | None,
    ) -> list[NDArray[np.bool_]] | None:
        """Flag cosmic rays and other outliers in the plane of every frame."""
        if len(stack) < _FEWEST_FOR_A_REFERENCE:
            if cosmic_rays is None:
                return None
            return self.each("Flagging cosmic rays", cosmic_rays, stack)
        if outliers is None:
            return None

        def flag(frame: CCDData, transparency: float) -> NDArray[np.bool_]:
            reference, unknown = blot(
                mosaic.data, mosaic.mask, mosaic.grid, frame.wcs, frame.shape
            )
            return outliers(frame, reference, unknown, scale=transparency)

        return self.each("Flagging outliers", flag, stack, alignment.transparency)


def placed(stack: DitherStack, alignment: Alignment) -> DitherStack:
    """Return the stack with the corrected WCSs; the pixels are shared."""
    return stack.with_frames(
        [_changed(frame, wcs=wcs) for frame, wcs in zip(stack, alignment.wcss, strict=True)]
    )


def with_flags(stack: DitherStack, flags: Sequence[NDArray[np.bool_]] | None) -> DitherStack:
    """Return the stack with further pixels masked; the other pixels are shared."""
    if flags is None:
        return stack
    return stack.with_frames(
        [
            _changed(frame, mask=flag if frame.mask is None else frame.mask | flag)
            for frame, flag in zip(stack, flags, strict=True)
        ]
    )


def _changed(frame: CCDData, **attributes: object) -> CCDData:
    """Return a frame that shares its arrays with ``frame`` but for some attributes."""
    changed = copy.copy(frame)
    for name, value in attributes.items():
        setattr(changed, name, value)
    return changed


def _multiplied(frame: CCDData, *, factor: NDArray[np.float32]) -> CCDData:
    variance = frame.uncertainty.array * factor
    variance *= factor
    return _changed(frame, data=frame.data * factor, uncertainty=VarianceUncertainty(variance))


def _noise(frame: CCDData) -> float:
    """Return the noise of a typical sky pixel, by the frame's own variance."""
    # One row in 16 tells the median to a part in ten thousand.
    variance = frame.uncertainty.array[::16]
    usable = slice(None) if frame.mask is None else ~frame.mask[::16]
    return float(np.sqrt(np.median(variance[usable])))
