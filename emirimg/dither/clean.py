"""Frames less their sky, and what else becomes of their planes, worked out row by row."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from astropy.nddata import CCDData
from numpy.typing import ArrayLike, NDArray

from .._lazy import LazyFrame, LazyPlane, PackedMask, each_row, pack_bits
from ..calibration import ExposureNoise, VariancePlane
from ..calibration._frames import changed
from ..io import Scratch
from ..sky import SkyModel, SkySolution

__all__ = ["divided", "kept_frame", "kept_mask", "less_sky", "sky_planes", "with_mask", "without"]


def kept_mask(mask: NDArray[np.bool_], scratch: Scratch) -> PackedMask:
    """Keep the bits of a mask."""
    return PackedMask(scratch.keep(pack_bits(mask)), mask.shape[1])


def kept_frame(frame: CCDData, noise: ExposureNoise, scratch: Scratch) -> LazyFrame:
    """Keep a calibrated frame: its data, and the bits of its mask; the variance follows."""
    values = scratch.keep(frame.data)
    result = LazyFrame(
        values, unit=frame.unit, meta=frame.meta, wcs=frame.wcs,
        mask=None if frame.mask is None else kept_mask(frame.mask, scratch),
    )  # fmt: skip
    return changed(result, variance=VariancePlane(values, noise))


def without(frame: CCDData, background: NDArray[np.float32], scratch: Scratch) -> CCDData:
    """Subtract a background from a kept frame: in place, where it is in memory."""
    values, noise = frame.data, frame.uncertainty.array.noise
    if isinstance(values, LazyPlane):
        values = scratch.keep(np.asarray(values) - background)
    else:
        values -= background
    return changed(frame, data=values, variance=VariancePlane(values, noise))


def sky_planes(skies: Sequence[SkyModel], index: int) -> SkyModel | None:
    """Return the sky of a frame; `None` where it must be worked out as a whole."""
    return skies.planes(index) if isinstance(skies, SkySolution) else skies[index]


def less_sky(frame: CCDData, sky: SkyModel) -> CCDData:
    """Return a frame less its sky; nothing is worked out yet."""
    variance = frame.uncertainty.array
    return changed(
        frame,
        data=each_row(np.subtract, frame.data, sky.image, dtype=np.float32),
        variance=each_row(np.add, variance, _plane(sky.variance, frame.shape), dtype=np.float32),
    )


def divided(frame: CCDData, factor: NDArray[np.float32] | LazyPlane) -> CCDData:
    """Return a frame times a factor; nothing is worked out yet."""
    return changed(
        frame,
        data=each_row(np.multiply, frame.data, factor, dtype=np.float32),
        variance=each_row(
            lambda variance, by: variance * by * by, frame.uncertainty.array, factor,
            dtype=np.float32,
        ),
    )  # fmt: skip


def with_mask(frame: CCDData, more: PackedMask) -> CCDData:
    """Return a frame, kept as it was, with further pixels masked; nothing is worked out yet."""
    return changed(frame, mask=more if frame.mask is None else frame.mask.joined(more))


def _plane(values: ArrayLike | LazyPlane, shape: tuple[int, int]) -> NDArray | LazyPlane:
    if isinstance(values, LazyPlane):
        return values
    return np.broadcast_to(np.asarray(values, dtype=np.float32), shape)
