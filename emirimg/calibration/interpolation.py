"""Bad pixels replaced by what surrounds them."""

from __future__ import annotations

import numpy as np
from astropy.nddata import CCDData
from numba import njit
from numpy.typing import NDArray

from ..exceptions import FrameError
from ._frames import changed

__all__ = ["interpolate_bad_pixels"]

_REACH = 2
"""Pixels to each side of a bad one that its window holds."""


def interpolate_bad_pixels(frame: CCDData, bad_pixels: NDArray[np.bool_]) -> CCDData:
    """Replace bad pixels by the median of the pixels around them, and mask them.

    For resampling without a mask, which would spread the values of bad pixels
    over good ones.

    Parameters
    ----------
    frame : `~astropy.nddata.CCDData`
        Any frame, shape (ny, nx).
    bad_pixels : `~numpy.ndarray` of bool
        Shape (ny, nx); True where a pixel must not be used.

    Returns
    -------
    `~astropy.nddata.CCDData`
        A frame of float32. Its variance, where it has one, is not changed.

    Raises
    ------
    FrameError
        If the shapes differ.

    Notes
    -----
    The median is that of the usable pixels of the window of 5 x 5 around a bad
    one, or of the part of it that lies on the detector. Bad pixels are visited
    column by column, upwards, and a pixel is usable once it was replaced, so
    that clusters fill up from their lower left. A pixel without a usable
    neighbour keeps its value.

    Examples
    --------
    >>> import numpy as np
    >>> from astropy.nddata import CCDData
    >>> from emirimg.calibration import interpolate_bad_pixels
    >>> data = np.full((5, 5), 7.0)
    >>> data[2, 2] = 1000
    >>> print(interpolate_bad_pixels(CCDData(data, unit="adu"), data > 100).data[2, 2])
    7.0
    """
    if bad_pixels.shape != frame.shape:
        msg = (
            f"bad_pixels has the shape {bad_pixels.shape};"
            f" that of the frame, {frame.shape}, was expected"
        )
        raise FrameError(msg)
    bad = np.ascontiguousarray(bad_pixels, dtype=bool)
    data = np.array(frame.data, dtype=np.float32, order="C")
    columns, rows = np.nonzero(bad.T)
    _replace(data, bad.copy(), rows, columns)
    mask = bad if frame.mask is None else np.asarray(frame.mask, dtype=bool) | bad
    return changed(frame, f"interpolated {len(rows)} bad pixels", data=data, mask=mask)


@njit(nogil=True, cache=True)
def _replace(  # pragma: no cover  (compiled)
    data: NDArray[np.float32],
    bad: NDArray[np.bool_],
    rows: NDArray[np.int64],
    columns: NDArray[np.int64],
) -> None:
    """Replace the listed pixels in their order, in place; they are then no longer bad."""
    ny, nx = data.shape
    window = np.empty((2 * _REACH + 1) ** 2, np.float32)
    for place in range(len(rows)):
        y, x = rows[place], columns[place]
        n = 0
        for j in range(max(y - _REACH, 0), min(y + _REACH + 1, ny)):
            for i in range(max(x - _REACH, 0), min(x + _REACH + 1, nx)):
                if not bad[j, i]:
                    window[n] = data[j, i]
                    n += 1
        if n > 0:
            data[y, x] = np.median(window[:n])
            bad[y, x] = False
