"""The steps of the modern road, applied to all frames of a stack.

Of each frame no more is kept than its calibrated data and the bits of its masks.
All else is worked out from that, row by row, where it is wanted.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from astropy.nddata import CCDData
from numpy.typing import NDArray

from .._lazy import LazyPlane, each_row
from .._memory import return_kept_memory
from ..calibration._frames import changed
from ..combine import Mosaic
from ..exceptions import SkyWarning
from ..flat import Illumination
from ..io import Scratch
from ..objects import ObjectMask, ObjectMasker
from ..sky import SkyModel, SkyResidual
from ..sky.solution import fills_field
from ..stack import DitherStack
from .clean import divided, kept_mask, less_sky, sky_planes, with_mask, without
from .steps import Steps

__all__ = ["FieldSteps", "divide", "with_flags", "with_masks_of"]


_MOST_MASKED = 0.8
"""Object masks that cover more of the mosaic than this are not believed."""


@dataclass(frozen=True)
class FieldSteps(Steps):
    """The steps, and where planes are kept."""

    scratch: Scratch

    def with_bad_pixels(
        self, stack: DitherStack, hidden_pixels: Callable[..., NDArray[np.bool_]] | None
    ) -> DitherStack:
        """Mask the bad pixels that only the stack as a whole can show."""
        if hidden_pixels is None:
            return stack
        found = self.once("Looking for hidden bad pixels", hidden_pixels, stack)
        return with_flags(stack, [kept_mask(found, self.scratch)] * len(stack))

    def in_frames(self, objects: ObjectMask | None, stack: DitherStack) -> list[LazyPlane] | None:
        """Bring the object mask back to the plane of every frame."""
        if objects is None:
            return None

        scratch = self.scratch  # tasks may go to other machines: they take this alone along

        def carry(frame: CCDData) -> LazyPlane:
            return kept_mask(objects.on_frame(frame.wcs, frame.shape), scratch)

        return self.each("Masking objects", carry, stack)

    def estimate_sky(
        self,
        estimate: Callable[..., Sequence[SkyModel]],
        stack: DitherStack,
        masks: Sequence[LazyPlane] | None,
    ) -> Sequence[SkyModel]:
        """Estimate the sky of every frame."""
        return_kept_memory()
        return self.once("Estimating the sky", estimate, stack, objects=masks)

    def find_objects(
        self, masker: ObjectMasker | None, mosaic: Mosaic, *, believe: bool
    ) -> ObjectMask | None:
        """Find the objects of a mosaic; `None` if they cover it and that is not believed."""
        if masker is None:
            return None
        return_kept_memory()
        found = self.once("Finding objects", masker, mosaic)
        return_kept_memory()
        if not believe and found.mask.sum() > _MOST_MASKED * (~mosaic.mask).sum():
            msg = (
                f"the objects cover {100 * found.fraction:.0f} % of the mosaic: what was found is"
                " rather the background; the sky is estimated without a mask of objects."
                " An extended target needs exposures of the sky beside it"
            )
            warnings.warn(msg, SkyWarning, stacklevel=3)
            return None
        return found

    def subtract_sky(
        self,
        stack: DitherStack,
        skies: Sequence[SkyModel],
        residual: SkyResidual | None,
        masks: Sequence[LazyPlane] | None,
    ) -> tuple[DitherStack, DitherStack, NDArray[np.float64]]:
        """Subtract from every frame its sky, and what that leaves behind.

        Returns the frames less their sky; the frames with it, but without what
        it left behind; and the rms of that in each frame.

        A target that fills its field would be taken for a residual: none is
        subtracted then. Nor is it from frames from which skies are still to be
        worked out.
        """
        if fills_field(skies):
            residual = None
        scratch = self.scratch

        def subtract(
            frame: CCDData, number: int, mask: LazyPlane | None
        ) -> tuple[CCDData, CCDData, float]:
            planes = sky_planes(skies, number)
            lazy = planes is not None
            sky = skies[number] if planes is None else planes
            clean = less_sky(frame, sky)
            rms = 0.0
            if residual is not None:
                objects = None if mask is None else np.asarray(mask)
                seen = changed(
                    clean,
                    data=np.asarray(clean.data),
                    mask=None if clean.mask is None else np.asarray(clean.mask),
                )
                rest = residual(seen, objects=objects)
                # One row in 16 tells it well enough.
                rms = float(np.sqrt(np.mean(np.square(rest[::16]))))
                if lazy:
                    frame = without(frame, rest, scratch)
                    clean = less_sky(frame, sky)
                else:
                    clean = changed(clean, data=seen.data - rest)
            if not lazy:
                clean = changed(
                    clean,
                    data=scratch.keep(np.asarray(clean.data)),
                    variance=scratch.keep(np.asarray(clean.uncertainty.array)),
                )
            return clean, frame, rms

        return_kept_memory()
        done = self.each(
            "Subtracting the sky", subtract, stack, range(len(stack)), masks or [None] * len(stack)
        )
        clean, frames, rms = zip(*done, strict=True)
        return stack.with_frames(list(clean)), stack.with_frames(list(frames)), np.array(rms)


def divide(stack: DitherStack, illumination: Illumination | None) -> DitherStack:
    """Return the frames divided by the illumination; nothing is worked out yet."""
    if illumination is None or illumination.degree == 0:
        return stack
    factor = each_row(partial(np.divide, np.float32(1)), illumination.image, dtype=np.float32)
    return stack.with_frames([divided(frame, factor) for frame in stack])


def with_masks_of(stack: DitherStack, other: DitherStack) -> DitherStack:
    """Return the stack with the masks of another one; all planes are shared."""
    return stack.with_frames(
        [changed(frame, mask=twin.mask) for frame, twin in zip(stack, other, strict=True)]
    )


def with_flags(stack: DitherStack, flags: Sequence[LazyPlane] | None) -> DitherStack:
    """Return the stack with further pixels masked; all planes are shared."""
    if flags is None:
        return stack
    return stack.with_frames(
        [with_mask(frame, flag) for frame, flag in zip(stack, flags, strict=True)]
    )
