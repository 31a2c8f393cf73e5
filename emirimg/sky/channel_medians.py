"""The residual sky of readout channels whose borders resampling has bent."""

from __future__ import annotations

import numpy as np
from astropy.nddata import CCDData
from numba import njit
from numpy.typing import NDArray

from ..exceptions import FrameError

__all__ = ["channel_medians"]


def channel_medians(
    frame: CCDData,
    channels: NDArray[np.uint8],
    /,
    *,
    objects: NDArray[np.bool_] | None = None,
) -> NDArray[np.float32]:
    """Return the median of the sky of each channel, as an image.

    Parameters
    ----------
    frame : `~astropy.nddata.CCDData`
        Sky-subtracted frame, shape (ny, nx).
    channels : `~numpy.ndarray` of uint8
        Number of the channel of each pixel, from 1, shape (ny, nx); 0 where
        there is none. `~emirimg.projection.undistort_labels` takes it along
        when a frame is resampled.
    objects : `~numpy.ndarray` of bool, optional
        True on objects, in the plane of the frame.

    Returns
    -------
    `~numpy.ndarray` of float32
        Shape (ny, nx), in the unit of the frame; 0 where there is no channel,
        and in channels without a usable pixel.

    Raises
    ------
    FrameError
        If the shapes differ.

    Notes
    -----
    The error of the median of n pixels of the noise s is
    ``sqrt(pi / 2 / n) * s``, which is negligible for the 130 000 pixels of a
    channel.
    """
    if channels.shape != frame.shape:
        msg = (
            f"channels has the shape {channels.shape};"
            f" that of the frame, {frame.shape}, was expected"
        )
        raise FrameError(msg)
    usable = channels > 0
    if frame.mask is not None:
        usable &= ~frame.mask
    if objects is not None:
        usable &= ~objects
    medians = _medians(
        np.ascontiguousarray(frame.data, dtype=np.float32),
        np.where(usable, channels, 0).astype(np.uint8),
    )
    return medians[channels]


@njit(nogil=True, cache=True)
def _medians(  # pragma: no cover  (compiled)
    data: NDArray[np.float32], numbers: NDArray[np.uint8]
) -> NDArray[np.float32]:
    """Return the median of the pixels of each number; 0 for number 0 and unused ones."""
    start = np.zeros(257, np.int64)
    for number in numbers.ravel():
        start[number + 1] += 1
    start = np.cumsum(start)
    place = start.copy()
    ordered = np.empty(data.size, np.float32)
    for y in range(data.shape[0]):
        for x in range(data.shape[1]):
            number = numbers[y, x]
            ordered[place[number]] = data[y, x]
            place[number] += 1
    medians = np.zeros(256, np.float32)
    for number in range(1, 256):
        if start[number + 1] > start[number]:
            medians[number] = np.median(ordered[start[number] : start[number + 1]])
    return medians
