"""The offsets of readout channels, where they are real."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .._parallel import parallel_map
from ..calibration._rectangles import robust_statistics
from ._regions import Region
from ._starlet import smoothed

__all__ = ["add_channels", "channel_image", "channel_offsets", "channel_steps"]

_LEAST_PIXELS = 50
"""A channel with fewer usable pixels is left as it is."""


def channel_offsets(
    data: NDArray[np.floating], mask: NDArray[np.bool_] | None, channels: list[Region]
) -> NDArray[np.float64]:
    """Return one robust offset for each channel, shrunk by the evidence for it.

    An offset o with the error e becomes ``o S / (S + e**2)``, where S is the
    variance of the offsets beyond their errors; all are 0 where that is not
    significant.
    """
    if mask is None:
        mask = np.zeros(data.shape, dtype=bool)
    data = np.ascontiguousarray(data, dtype=np.float32)
    mask = np.ascontiguousarray(mask, dtype=bool)
    offset, variance = np.zeros(len(channels)), np.full(len(channels), np.inf)

    def measure(region: Region) -> NDArray[np.float64]:
        ranges = [(np.array([along.start]), np.array([along.stop])) for along in region]
        return np.concatenate(robust_statistics(data, mask, *ranges), axis=None)

    for number, (median, deviation, n) in enumerate(parallel_map(measure, channels)):
        if n >= _LEAST_PIXELS:
            offset[number] = median
            # As in `measure_blocks`: a standard deviation, and what a median costs.
            variance[number] = (1.4826 * 1.2533 * deviation) ** 2 / n
    known = np.isfinite(variance)
    if not known.any():
        return offset
    chi_square = float(np.sum(offset[known] ** 2 / np.maximum(variance[known], 1e-30)))
    n = int(known.sum())
    if chi_square < n + 3 * np.sqrt(2 * n):
        return np.zeros(len(channels))
    signal = max(float(np.mean(offset[known] ** 2 - variance[known])), 0.0)
    return offset * (signal / (signal + np.where(known, variance, 1.0)))


def channel_steps(
    pattern: NDArray[np.float32],
    known: NDArray[np.bool_],
    channels: list[Region],
    n_scales: int,
) -> NDArray[np.float64]:
    """Return what each readout channel adds to the pattern.

    Their edges are sharp; shrinkage of the fine scales would blur them.
    """
    coarse = smoothed(pattern, 1)
    other = np.empty_like(coarse)
    for scale in range(1, n_scales):
        coarse, other = smoothed(coarse, 2**scale, other), coarse
    np.subtract(pattern, coarse, out=coarse)
    return channel_offsets(coarse, ~known, channels)


def channel_image(
    offsets: NDArray[np.float64], channels: list[Region], shape: tuple[int, int]
) -> NDArray[np.float32]:
    """Return an image of the offsets."""
    image = np.zeros(shape, dtype=np.float32)
    add_channels(image, offsets, channels)
    return image


def add_channels(
    image: NDArray[np.float32], offsets: NDArray[np.float64], channels: list[Region]
) -> None:
    """Add the offsets to an image."""
    for offset, region in zip(offsets, channels, strict=True):
        image[region] += np.float32(offset)
