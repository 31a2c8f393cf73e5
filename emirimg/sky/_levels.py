"""The sky level and the noise of every frame."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from astropy.nddata import CCDData
from numpy.typing import NDArray

from .._parallel import parallel_map
from ..calibration._frames import variance_of
from ..combine.median import masked_median
from ..exceptions import SkyError, SkyWarning
from ..stack import DitherStack

__all__ = ["Levels", "band_of", "require_positive", "sky_levels"]

_FEWEST_PIXELS = 50
"""A median of fewer is no sky level."""

_ROWS = 512
"""About so many rows tell the level of a frame: of 2048 rows, every fifth."""

_ENOUGH_PIXELS = 100_000
"""Where these rows have fewer usable pixels, all rows are looked at."""


@dataclass(frozen=True)
class Levels:
    """Sky level of the frames, and the noise of one of their pixels.

    Parameters
    ----------
    level, noise : `~numpy.ndarray`
        Shape (n,), in the unit of the frames.
    n_pixels : `~numpy.ndarray` of int
        From how many pixels each level was taken.
    """

    level: NDArray[np.float64]
    noise: NDArray[np.float64]
    n_pixels: NDArray[np.int_]


def sky_levels(stack: DitherStack, objects: Sequence[NDArray[np.bool_]] | None) -> Levels:
    """Measure the median and the noise of the sky of every frame.

    Raises
    ------
    SkyError
        If hardly a pixel of a frame is usable.

    Warns
    -----
    SkyWarning
        If the object mask leaves hardly a pixel of a frame: it is not used
        for the level then.
    """
    measured = parallel_map(
        _measure, stack, objects if objects is not None else [None] * len(stack)
    )
    levels = []
    for (level, noise, n, hidden), name, item in zip(
        measured, stack.names, stack.metadata, strict=True
    ):
        if n < _FEWEST_PIXELS:
            msg = f"{name}: hardly a pixel is usable, no sky level can be measured"
            raise SkyError(msg)
        if hidden:
            msg = (
                f"{name}: the object mask leaves hardly a pixel of sky;"
                " its level was measured on all pixels"
            )
            warnings.warn(msg, SkyWarning, stacklevel=4)
        if noise is None:
            noise = float(np.sqrt(max(level, 0) / item.gain + item.read_noise**2))  # noqa: PLW2901
        levels.append((level, noise, n))
    return Levels(*(np.array(column) for column in zip(*levels, strict=True)))


def require_positive(levels: NDArray[np.float64], names: Sequence[str]) -> None:
    """Refuse skies that are not positive: their shapes cannot be compared.

    Raises
    ------
    SkyError
        If a level is not positive; the frame is named.
    """
    for level, name in zip(levels, names, strict=True):
        if not level > 0:
            msg = (
                f"{name}: the sky level is {level:.3g}, a positive one was expected;"
                " was the sky subtracted before, or is the dark not in ADU per second?"
            )
            raise SkyError(msg)


def band_of(
    stack: DitherStack,
    rows: slice,
    objects: Sequence[NDArray[np.bool_]] | None,
    chosen: Sequence[int] | NDArray[np.int_],
    scales: NDArray[np.floating],
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Return the values and the masks, objects included, of some rows of some frames.

    The values are multiplied by ``scales``, one for each of the chosen frames.
    """
    shape = (len(chosen), rows.stop - rows.start, stack.shape[1])
    values, mask = np.empty(shape, dtype=np.float32), np.zeros(shape, dtype=bool)
    for place, (index, scale) in enumerate(zip(chosen, scales, strict=True)):
        frame = stack[index]
        np.multiply(frame.data[rows], np.float32(scale), out=values[place])
        if frame.mask is not None:
            mask[place] = frame.mask[rows]
        if objects is not None:
            mask[place] |= objects[index][rows]
    return values, mask


def _measure(
    frame: CCDData, objects: NDArray[np.bool_] | None
) -> tuple[float, float | None, int, bool]:
    """Return level, noise, number of pixels, and whether the objects hid (nearly) all of them."""
    # Odd, so that even and odd rows, which may be read by different electronics, count alike.
    step = max(1, frame.shape[0] // _ROWS) | 1
    found = _measure_rows(frame, objects, slice(step // 2, None, step))
    if step == 1 or (found[2] >= _ENOUGH_PIXELS and not found[3]):
        return found
    return _measure_rows(frame, objects, slice(None))


def _measure_rows(
    frame: CCDData, objects: NDArray[np.bool_] | None, rows: slice
) -> tuple[float, float | None, int, bool]:
    data = np.asarray(frame.data[rows])
    unusable = np.zeros(data.shape, bool) if frame.mask is None else np.asarray(frame.mask[rows])
    hidden = False
    if objects is not None:
        with_objects = unusable | objects[rows]
        hidden = data.size - np.count_nonzero(with_objects) < _FEWEST_PIXELS
        unusable = unusable if hidden else with_objects
    n = int(data.size - np.count_nonzero(unusable))
    if n < _FEWEST_PIXELS:
        return np.nan, None, n, False
    level, variance = masked_median(data, unusable), variance_of(frame)
    noise = None if variance is None else float(np.sqrt(masked_median(variance[rows], unusable)))
    return level, noise, n, hidden
