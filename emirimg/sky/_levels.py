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

_NOISE_ROWS = 256
"""Rows that tell the noise of a frame."""


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
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Return the values and the masks, objects included, of some rows of some frames."""
    shape = (len(chosen), rows.stop - rows.start, stack.shape[1])
    values, mask = np.empty(shape, dtype=np.float32), np.zeros(shape, dtype=bool)
    for place, index in enumerate(chosen):
        frame = stack[index]
        values[place] = frame.data[rows]
        if frame.mask is not None:
            mask[place] = frame.mask[rows]
        if objects is not None:
            mask[place] |= objects[index][rows]
    return values, mask


def _measure(
    frame: CCDData, objects: NDArray[np.bool_] | None
) -> tuple[float, float | None, int, bool]:
    data = frame.data
    hidden_pixels = (
        np.zeros(data.shape, bool) if frame.mask is None else np.array(frame.mask, bool)
    )
    hidden = False
    if objects is not None:
        with_objects = hidden_pixels | objects
        hidden = data.size - np.count_nonzero(with_objects) < _FEWEST_PIXELS
        hidden_pixels = hidden_pixels if hidden else with_objects
    n = int(data.size - np.count_nonzero(hidden_pixels))
    if n < _FEWEST_PIXELS:
        return np.nan, None, n, False
    level = masked_median(data, hidden_pixels)
    variance = variance_of(frame)
    if variance is None:
        return level, None, n, hidden
    # Variances are smooth: some of the rows tell their median.
    rows = slice(None, None, max(1, frame.shape[0] // _NOISE_ROWS))
    if hidden_pixels[rows].all():
        rows = slice(None)
    variance = np.asarray(variance[rows], dtype=np.float32)
    return level, float(np.sqrt(masked_median(variance, hidden_pixels[rows]))), n, hidden
