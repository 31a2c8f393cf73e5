"""The noise that the pixels of a frame show."""

from __future__ import annotations

import copy

import numpy as np
from astropy.nddata import CCDData, VarianceUncertainty
from numpy.typing import NDArray

from .._lazy import each_row
from ..combine.median import median_of
from ._frames import changed

__all__ = ["assign_measured_noise", "at_least_scatter"]

_DISTANCE = 3
"""Bilinear interpolation correlates the noise of pixels nearer than this."""
_ROWS = 256
"""Enough rows to know the noise to a part in a hundred."""
_EXCESS = 1.2
"""What is less is believed to be the error of a gain."""


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


def at_least_scatter(frame: CCDData) -> CCDData:
    """Return a frame whose variance is not much smaller than the scatter of its pixels.

    Parameters
    ----------
    frame : `~astropy.nddata.CCDData`
        Frame that was not resampled, with a variance, shape (ny, nx).

    Returns
    -------
    `~astropy.nddata.CCDData`
        The same frame or, where its pixels scatter by more than 1.2 times the variance that
        it has, one with a variance as many times as large.

    Notes
    -----
    Without a flat, the response of pixels differs by much more than their noise, and every
    other one looks like the hit of a cosmic ray. The scatter is that of second differences of
    neighbours, for which stars are too smooth.

    Examples
    --------
    >>> import numpy as np
    >>> from astropy.nddata import CCDData, VarianceUncertainty
    >>> from emirimg.calibration import at_least_scatter
    >>> response = np.random.default_rng(1).normal(1, 0.04, (256, 256))
    >>> variance = VarianceUncertainty(np.full(response.shape, 25.0**2))
    >>> frame = CCDData(3000 * (response - 1), unit="adu", uncertainty=variance)
    >>> round(float(np.sqrt(at_least_scatter(frame).uncertainty.array[0, 0])), -1)
    120.0
    """
    rows, usable, sample = _sampled(frame)
    scatter = _scatter(rows, usable, 1)
    if scatter is None:
        return frame
    variance = np.asarray(frame.uncertainty.array[sample], dtype=np.float32)[usable]
    excess = scatter / float(np.float32(median_of(variance)))
    if excess < _EXCESS:
        return frame
    scattered = copy.copy(frame)
    scattered.uncertainty = VarianceUncertainty(frame.uncertainty.array * np.float32(excess))
    return scattered


def _factor(frame: CCDData, gain: float, read_noise: float) -> float:
    rows, usable, _ = _sampled(frame)
    scatter = _scatter(rows, usable, _DISTANCE)
    if scatter is None:
        return 1.0
    counts = max(float(np.float32(median_of(rows[usable]))), 0.0)
    return scatter / (counts / gain + read_noise**2)


def _sampled(frame: CCDData) -> tuple[NDArray[np.float32], NDArray[np.bool_], slice]:
    """Return some rows of a frame, which of their pixels are usable, and which rows."""
    sample = slice(None, None, max(1, frame.shape[0] // _ROWS))
    rows = np.asarray(frame.data[sample], dtype=np.float32)
    usable = np.ones(rows.shape, bool) if frame.mask is None else ~frame.mask[sample]
    return rows, usable, sample


def _scatter(rows: NDArray[np.float32], usable: NDArray[np.bool_], distance: int) -> float | None:
    """Return the variance of pixels by their second differences; None for hardly any."""
    far = 2 * distance
    inner = slice(distance, rows.shape[1] - distance)
    usable = usable[:, far:] & usable[:, inner] & usable[:, :-far]
    if np.count_nonzero(usable) < 100:
        return None
    differences = (rows[:, far:] - 2 * rows[:, inner] + rows[:, :-far])[usable]
    differences -= np.float32(median_of(differences))
    deviation = 1.4826 * np.float32(median_of(np.abs(differences, out=differences)))
    return float(deviation**2 / 6)
