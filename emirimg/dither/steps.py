"""Each step of a reduction, applied to all frames of a stack.

The frames of a running reduction belong to it alone. Steps that change every
pixel work in place, or memory would hold each frame twice.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from astropy.nddata import CCDData
from numpy.typing import NDArray

from .._parallel import Progress, parallel_map
from ..alignment import Alignment
from ..calibration._frames import changed
from ..combine import Combiner, Mosaic, assemble_mosaic
from ..flat import Illumination
from ..objects import ObjectMask
from ..projection import MosaicGrid, Resampler
from ..sky import SkyModel, SkyResidual, SkySolution
from ..stack import DitherStack
from .weights import frame_weights

__all__ = ["Combination", "Steps", "placed", "with_flags", "with_masks_of"]


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

    def once(self, description: str, function: Callable, *args: object, **options: object) -> Any:
        """Call a function that works on all frames together."""
        for _ in self.progress([None], description, 1):
            result = function(*args, **options)
        return result

    def with_bad_pixels(
        self, stack: DitherStack, hidden_pixels: Callable[..., NDArray[np.bool_]] | None
    ) -> DitherStack:
        """Mask the bad pixels that only the stack as a whole can show."""
        if hidden_pixels is None:
            return stack
        found = self.once("Looking for hidden bad pixels", hidden_pixels, stack)
        return with_flags(stack, [found] * len(stack))

    def in_frames(
        self, objects: ObjectMask | None, stack: DitherStack
    ) -> list[NDArray[np.bool_]] | None:
        """Bring the object mask back to the plane of every frame."""
        if objects is None:
            return None
        return self.each(
            "Masking objects", lambda frame: objects.on_frame(frame.wcs, frame.shape), stack
        )

    def subtract_sky(
        self,
        stack: DitherStack,
        skies: Sequence[SkyModel],
        residual: SkyResidual | None,
        masks: Sequence[NDArray[np.bool_]] | None,
    ) -> tuple[DitherStack, NDArray[np.float64]]:
        """Subtract from every frame its sky, and what that leaves behind.

        Returns the frames, and the rms of what was subtracted besides the sky.

        In place, unless the skies are still to be worked out from the frames.
        A target that fills its field would be taken for a residual: none is
        subtracted then.
        """
        if isinstance(skies, SkySolution) and skies.fills_field:
            residual = None

        def subtract(
            frame: CCDData, number: int, mask: NDArray[np.bool_] | None
        ) -> tuple[CCDData, float]:
            sky = skies[number]
            if _reads_frames(skies):
                frame = changed(
                    frame,
                    data=frame.data.copy(),
                    variance=frame.uncertainty.array.copy(),
                )
            frame.data -= sky.image
            frame.uncertainty.array += sky.variance
            if residual is not None:
                rest = residual(frame, objects=mask)
                frame.data -= rest
                # One row in 16 tells it well enough.
                return frame, float(np.sqrt(np.mean(np.square(rest[::16]))))
            return frame, 0.0

        # The skies are worked out one by one: all of them would not fit into memory.
        done = self.each(
            "Subtracting the sky", subtract, stack, range(len(stack)), masks or [None] * len(stack)
        )
        return stack.with_frames([frame for frame, _ in done]), np.array([rms for _, rms in done])

    def restore_sky(
        self,
        clean: DitherStack,
        skies: Sequence[SkyModel],
        illumination: Illumination | None,
    ) -> None:
        """Undo the illumination and put the sky back where it was subtracted in place.

        What was subtracted besides the sky model stays away.
        """

        def restore(frame: CCDData, number: int) -> None:
            sky = skies[number]
            if illumination is not None and illumination.degree > 0:
                _multiply(frame, illumination.image)
            frame.data += sky.image
            frame.uncertainty.array -= sky.variance

        if not _reads_frames(skies):
            self.each("Putting the sky back", restore, clean, range(len(clean)))

    def divide(self, stack: DitherStack, illumination: Illumination) -> None:
        """Divide every frame by the illumination, in place."""
        if illumination.degree > 0:
            factor = 1 / illumination.image
            self.each("Correcting the illumination", partial(_multiply, factor=factor), stack)

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
        weights = frame_weights(alignment, noise)
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


def placed(stack: DitherStack, alignment: Alignment) -> DitherStack:
    """Return the stack with the corrected WCSs; the pixels are shared."""
    return stack.with_frames(
        [changed(frame, wcs=wcs) for frame, wcs in zip(stack, alignment.wcss, strict=True)]
    )


def with_masks_of(stack: DitherStack, other: DitherStack) -> DitherStack:
    """Return the stack with the masks of another one; all arrays are shared."""
    return stack.with_frames(
        [changed(frame, mask=twin.mask) for frame, twin in zip(stack, other, strict=True)]
    )


def with_flags(stack: DitherStack, flags: Sequence[NDArray[np.bool_]] | None) -> DitherStack:
    """Return the stack with further pixels masked; the other pixels are shared."""
    if flags is None:
        return stack
    return stack.with_frames(
        [
            changed(frame, mask=flag if frame.mask is None else frame.mask | flag)
            for frame, flag in zip(stack, flags, strict=True)
        ]
    )


def _reads_frames(skies: Sequence[SkyModel]) -> bool:
    return isinstance(skies, SkySolution) and skies.reads_frames


def _multiply(frame: CCDData, factor: NDArray[np.float32]) -> None:
    frame.data *= factor
    frame.uncertainty.array *= factor
    frame.uncertainty.array *= factor


def _noise(frame: CCDData) -> float:
    """Return the noise of a typical sky pixel, by the frame's own variance."""
    # One row in 16 tells the median to a part in ten thousand.
    variance = frame.uncertainty.array[::16]
    usable = slice(None) if frame.mask is None else ~frame.mask[::16]
    return float(np.sqrt(np.median(variance[usable])))
