"""The sky of a frame from nothing but itself."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import numpy as np
from astropy.nddata import CCDData
from numpy.typing import NDArray

from ..exceptions import SkyWarning
from ..stack import DitherStack
from ._blocks import interpolate_blocks, measure_blocks, smooth_blocks
from ._levels import Levels
from ._regions import block_edges
from .model import SkyModel
from .solution import SkySolution

__all__ = ["smooth_skies", "smooth_sky"]

_LARGEST_BOX, _SMALLEST_BOX = 32, 8
"""Boxes of 32 pixels still follow the ring of scattered light: half of its width
would cost tens of ADU."""

_SMOOTHING = 0.5
"""Standard deviation of the Gaussian that smooths the medians, in blocks."""

_CUBIC = 3
"""Degree of the spline through them."""


def smooth_sky(
    frame: CCDData, objects: NDArray[np.bool_] | None, level: float, noise: float
) -> SkyModel:
    """Return a smooth surface through the medians of blocks of the frame.

    For frames that no other frame can tell the sky of. The level is that of
    the frame where masks leave no block.
    """
    mask = np.zeros(frame.shape, bool) if frame.mask is None else np.asarray(frame.mask, bool)
    if objects is not None:
        mask = mask | objects
    box = min(max(min(frame.shape) // 16, _SMALLEST_BOX), _LARGEST_BOX)
    blocks = measure_blocks(frame.data, mask, block_edges(frame.shape, box))
    if not np.isfinite(blocks.median).any():
        return SkyModel(level, np.full(frame.shape, level, dtype=np.float32), noise**2, 1)
    values = smooth_blocks(blocks, _SMOOTHING)
    if min(values.shape) > _CUBIC:
        from scipy.interpolate import RectBivariateSpline  # noqa: PLC0415 (heavy)

        spline = RectBivariateSpline(*blocks.centres, values, kx=_CUBIC, ky=_CUBIC)
        image = spline(*map(np.arange, frame.shape)).astype(np.float32)
    else:
        image = interpolate_blocks(blocks, values)
    variance = float(np.nanmedian(blocks.error)) ** 2
    return SkyModel(float(np.median(image)), image, variance, 1)


def smooth_skies(
    stack: DitherStack,
    objects: Sequence[NDArray[np.bool_]] | None,
    found: Levels,
    reason: str,
) -> SkySolution:
    """Return a smooth sky for each frame, and warn that nothing better is possible."""
    msg = (
        f"all exposures ({', '.join(stack.names)}) {reason}, so that objects cannot be told"
        " from sky: each sky is a smooth surface through the frame's own pixels"
    )
    warnings.warn(msg, SkyWarning, stacklevel=4)

    def model(index: int) -> SkyModel:
        own = None if objects is None else objects[index]
        return smooth_sky(stack[index], own, float(found.level[index]), float(found.noise[index]))

    return SkySolution(found.level, model)
