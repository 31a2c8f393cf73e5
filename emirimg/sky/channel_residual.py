"""The residual sky of readout channels whose borders resampling has bent."""

from __future__ import annotations

import numpy as np
from astropy.nddata import CCDData
from numpy.typing import NDArray

from ..combine.median import median_of
from ..exceptions import FrameError
from ._regions import unusable

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

    Examples
    --------
    >>> import numpy as np
    >>> from astropy.nddata import CCDData
    >>> from emirimg.sky import channel_medians
    >>> frame = CCDData([[4.0, 5.0, 9.0, 9.0], [6.0, 5.0, 9.0, 7.0]], unit="adu")
    >>> channel_medians(frame, np.array([[1, 1, 2, 2], [1, 1, 2, 0]], dtype=np.uint8))
    array([[5., 5., 9., 9.],
           [5., 5., 9., 0.]], dtype=float32)
    """
    if channels.shape != frame.shape:
        msg = (
            f"channels has the shape {channels.shape};"
            f" that of the frame, {frame.shape}, was expected"
        )
        raise FrameError(msg)
    hidden = unusable(frame, objects)
    data, medians = np.asarray(frame.data, dtype=np.float32), np.zeros(256, dtype=np.float32)
    channels = np.asarray(channels)
    numbers = channels if hidden is None else np.where(hidden, 0, channels)
    # Only the columns where a channel lies are looked through for it.
    for number in np.unique(channels[channels > 0]):
        columns = np.flatnonzero((channels == number).any(axis=0))
        part = slice(columns[0], columns[-1] + 1)
        values = data[:, part][numbers[:, part] == number]
        if values.size:
            medians[number] = median_of(values)
    return medians[channels]
