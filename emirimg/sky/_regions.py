"""Regions of the detector, on whole frames and on their central parts."""

from __future__ import annotations

import warnings

import numpy as np
from astropy.nddata import CCDData
from numpy.typing import NDArray

from ..exceptions import SkyWarning
from ..instrument import Detector

__all__ = [
    "block_edges",
    "channels_of",
    "coarse_box",
    "halves",
    "quadrants_of",
    "unusable",
    "warn_of_masks",
]

_COARSE, _FINEST = 64, 8

Region = tuple[slice, slice]


def unusable(frame: CCDData, objects: NDArray[np.bool_] | None) -> NDArray[np.bool_] | None:
    """Return where a frame shows no sky: its own mask and that of its objects."""
    if frame.mask is None:
        return objects
    mask = np.asarray(frame.mask, dtype=bool)
    return mask if objects is None else mask | objects


def quadrants_of(shape: tuple[int, int]) -> list[Region]:
    """Return the four quadrants of a frame, which meet in its middle."""
    return [(y, x) for y in halves(shape[0]) for x in halves(shape[1])]


def halves(n: int) -> tuple[slice, slice]:
    """Return the lower and the upper half of ``n`` rows or columns."""
    return slice(0, n // 2), slice(n // 2, n)


def channels_of(detector: Detector, shape: tuple[int, int]) -> list[Region]:
    """Return the readout channels on a frame.

    A frame smaller than the detector is taken to be its central part.
    """
    offsets = [(full - part) // 2 for full, part in zip(detector.shape, shape, strict=True)]
    regions = []
    for region in detector.channels():
        y, x = (
            slice(max(s.start - o, 0), min(s.stop - o, n))
            for s, o, n in zip(region, offsets, shape, strict=True)
        )
        if y.start < y.stop and x.start < x.stop:
            regions.append((y, x))
    return regions


def coarse_box(shape: tuple[int, int]) -> int:
    """Return the size of blocks in which a smooth background is measured: 64, fewer if small."""
    return min(_COARSE, max(min(shape) // 8, _FINEST))


def block_edges(
    shape: tuple[int, int], box_size: int, detector: Detector | None = None
) -> tuple[NDArray[np.int_], NDArray[np.int_]]:
    """Return the edges (y, x) of blocks of about ``box_size`` pixels.

    No block reaches over the border of a quadrant or, on a detector with
    channels from side to side, of a channel.
    """
    y, x = (
        np.unique(
            [
                round(edge)
                for half in halves(n)
                for edge in np.linspace(
                    half.start, half.stop, max(round((half.stop - half.start) / box_size), 1) + 1
                )
            ]
        )
        for n in shape
    )
    if detector is not None and not detector.in_quadrants:
        channels = channels_of(detector, shape)
        x = np.unique([edge for _, region in channels for edge in (region.start, region.stop)])
    return y, x


def warn_of_masks() -> None:
    """Warn, for the caller of a residual, that the masks of a frame leave too little of it."""
    msg = (
        "masks leave too few pixels to measure the residual background of a frame;"
        " it is taken to be 0"
    )
    warnings.warn(msg, SkyWarning, stacklevel=3)
