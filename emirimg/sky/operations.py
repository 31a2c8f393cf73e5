"""Subtract the sky from a frame."""

from __future__ import annotations

import numpy as np
from astropy.nddata import CCDData

from .._wording import counted
from ..calibration._frames import changed, variance_of
from ..exceptions import FrameError
from .model import SkyModel

__all__ = ["subtract_sky"]


def subtract_sky(frame: CCDData, sky: SkyModel) -> CCDData:
    """Subtract the sky.

    Parameters
    ----------
    frame : `~astropy.nddata.CCDData`
        Calibrated frame, shape (ny, nx).
    sky : SkyModel
        Its sky.

    Returns
    -------
    `~astropy.nddata.CCDData`
        A frame of float32, to whose variance, where it has one, that of the
        sky is added.

    Raises
    ------
    FrameError
        If the shapes differ.

    Examples
    --------
    >>> import numpy as np
    >>> from astropy.nddata import CCDData, VarianceUncertainty
    >>> from emirimg.sky import SkyModel, subtract_sky
    >>> variance = VarianceUncertainty([[600.0, 602.0]])
    >>> frame = CCDData([[3000.0, 3010.0]], unit="adu", uncertainty=variance)
    >>> sky = SkyModel(level=3000.0, image=np.full((1, 2), 3000.0), variance=100.0, n_used=6)
    >>> clean = subtract_sky(frame, sky)
    >>> np.asarray(clean.data), np.asarray(clean.uncertainty.array)
    (array([[ 0., 10.]], dtype=float32), array([[700., 702.]], dtype=float32))
    """
    if sky.image.shape != frame.shape:
        msg = f"the sky has the shape {sky.image.shape}; {frame.shape} was expected"
        raise FrameError(msg)
    data = np.subtract(frame.data, sky.image, dtype=np.float32)
    variance = variance_of(frame)
    if variance is not None:
        variance = np.add(variance, sky.variance, dtype=np.float32)
    many = counted(sky.n_used, "frame")
    text = f"subtracted a sky of level {sky.level:.2f} {frame.unit}, made of {many}"
    return changed(frame, text, data=data, variance=variance)
