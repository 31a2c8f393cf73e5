"""The noise of frames that were resampled or averaged before."""

from __future__ import annotations

import numpy as np
from astropy.nddata import CCDData
from numpy.typing import NDArray

from .._lazy import each_row
from ..combine.median import median_of
from ._frames import changed

__all__ = ["assign_measured_noise"]

_DISTANCE = 3
"""Bilinear interpolation correlates the noise of pixels nearer than this."""
_ROWS = 256
"""Enough rows to know the noise to a part in a hundred."""


def assign_measured_noise(frame: CCDData, gain: float, read_noise: float) -> CCDData:
    """Give a frame that contains its sky the variance that its pixels show.

    For frames whose history is not known in detail: resampling and averaging
    make the noise smaller than that of one raw exposure.

    Parameters
    ----------
    frame : `~astropy.nddata.CCDData`
        Frame in ADU, sky not subtracted, shape (ny, nx).
    gain : float
        Electrons per ADU, of a single exposure.
    read_noise : float
        Rms in ADU, of a single exposure.

    Returns
    -------
    `~astropy.nddata.CCDData`
        A frame whose variance is ``f * (max(counts, 0) / gain +
        read_noise**2)``, in ADU squared, worked out where it is asked for.

    Notes
    -----
    The factor f compares that noise model with the scatter of the second
    differences of the usable pixels of 256 rows, three pixels apart, where
    slopes of the sky cancel (1.4826 times their median absolute deviation, over
    the square root of 6). It is a mean over the frame: how bilinear
    interpolation lowers the noise depends on where in a pixel the new one
    falls. It is 1 where hardly a pixel is usable.

    Examples
    --------
    >>> import numpy as np
    >>> from astropy.nddata import CCDData
    >>> from emirimg.calibration import assign_measured_noise
    >>> sky = np.random.default_rng(1).normal(3000, 12.0, (256, 256))  # a mean of four
    >>> frame = assign_measured_noise(CCDData(sky, unit="adu"), gain=5.0, read_noise=6.0)
    >>> round(float(np.sqrt(np.median(np.asarray(frame.uncertainty.array)))), 1)
    11.9
    """
    factor = _factor(frame, gain, read_noise)
    per_count, base = np.float32(factor / gain), np.float32(factor * read_noise**2)

    def variance(counts: NDArray[np.floating]) -> NDArray[np.float32]:
        noise = np.maximum(counts, 0, dtype=np.float32)
        noise *= per_count
        noise += base
        return noise

    text = f"assigned {factor:.3f} times the noise of gain {gain:g} and read noise {read_noise:g}"
    return changed(frame, text, variance=each_row(variance, frame.data, dtype=np.float32))


def _factor(frame: CCDData, gain: float, read_noise: float) -> float:
    sample = slice(None, None, max(1, frame.shape[0] // _ROWS))
    rows = np.asarray(frame.data[sample], dtype=np.float32)
    usable = np.ones(rows.shape, bool) if frame.mask is None else ~frame.mask[sample]
    far = 2 * _DISTANCE
    inner = slice(_DISTANCE, rows.shape[1] - _DISTANCE)
    usable = usable[:, far:] & usable[:, inner] & usable[:, :-far]
    if np.count_nonzero(usable) < 100:
        return 1.0
    differences = (rows[:, far:] - 2 * rows[:, inner] + rows[:, :-far])[usable]
    differences -= np.float32(median_of(differences))
    deviation = 1.4826 * np.float32(median_of(np.abs(differences, out=differences)))
    counts = max(float(np.float32(median_of(rows[:, inner][usable]))), 0.0)
    return float(deviation**2 / 6 / (counts / gain + read_noise**2))
