"""The single steps of a calibration, each a function of a frame."""

from __future__ import annotations

import astropy.units as u
import numpy as np
from astropy.nddata import CCDData
from numpy.typing import NDArray

from ..exceptions import FrameError
from . import _history
from ._frames import changed, grown, variance_of
from .calibrations import Calibrations

__all__ = [
    "assign_noise",
    "divide_flat",
    "mask_bad_pixels",
    "mask_not_finite",
    "mask_saturated",
    "subtract_dark",
]


def mask_not_finite(frame: CCDData) -> CCDData:
    """Mask pixels that are NaN or infinite, and set them to 0.

    Parameters
    ----------
    frame : `~astropy.nddata.CCDData`
        Any frame.

    Returns
    -------
    `~astropy.nddata.CCDData`
        A frame of float32.

    Examples
    --------
    >>> import numpy as np
    >>> from astropy.nddata import CCDData
    >>> from emirimg.calibration import mask_not_finite
    >>> frame = mask_not_finite(CCDData([[1.0, np.nan, np.inf]], unit="adu"))
    >>> frame.data, frame.mask
    (array([[1., 0., 0.]], dtype=float32), array([[False,  True,  True]]))
    """
    with np.errstate(over="ignore"):  # what float32 cannot hold is not finite either
        data = np.array(frame.data, dtype=np.float32)
    bad = ~np.isfinite(data)
    data[bad] = 0
    return changed(frame, _history.not_finite(int(bad.sum())), data=data, mask=_joined(frame, bad))


def mask_saturated(frame: CCDData, level: float) -> CCDData:
    """Mask pixels of a raw frame that have reached the saturation level, and those beside them.

    Parameters
    ----------
    frame : `~astropy.nddata.CCDData`
        Raw frame, in ADU.
    level : float
        Level from which a pixel is saturated, in ADU.

    Notes
    -----
    Charge of a saturated pixel runs over into its eight neighbours: they are
    masked, too. The history counts the saturated ones alone.

    Examples
    --------
    >>> import numpy as np
    >>> from astropy.nddata import CCDData
    >>> from emirimg.calibration import mask_saturated
    >>> raw = CCDData(np.full((5, 7), 3000.0), unit="adu")
    >>> raw.data[2, 1] = 60000
    >>> mask_saturated(raw, 55000).mask.astype(int)
    array([[0, 0, 0, 0, 0, 0, 0],
           [1, 1, 1, 0, 0, 0, 0],
           [1, 1, 1, 0, 0, 0, 0],
           [1, 1, 1, 0, 0, 0, 0],
           [0, 0, 0, 0, 0, 0, 0]])
    """
    bad = frame.data >= np.float32(level)
    return changed(
        frame, _history.saturated(int(bad.sum()), level), mask=_joined(frame, grown(bad))
    )


def mask_bad_pixels(frame: CCDData, bad_pixels: NDArray[np.bool_]) -> CCDData:
    """Mask the bad pixels of the detector.

    Parameters
    ----------
    frame : `~astropy.nddata.CCDData`
        Any frame.
    bad_pixels : `~numpy.ndarray` of bool
        Shape (ny, nx); True where a pixel must not be used.

    Raises
    ------
    FrameError
        If the shapes differ.

    Examples
    --------
    >>> import numpy as np
    >>> from astropy.nddata import CCDData
    >>> from emirimg.calibration import mask_bad_pixels
    >>> frame = CCDData(np.ones((2, 3)), unit="adu", mask=[[True, False, False]] * 2)
    >>> mask_bad_pixels(frame, np.array([[False, False, True]] * 2)).mask
    array([[ True, False,  True],
           [ True, False,  True]])
    """
    _require_shape(frame, bad_pixels.shape, "bad_pixels")
    bad = np.asarray(bad_pixels, dtype=bool)
    return changed(frame, _history.bad(int(bad.sum())), mask=_joined(frame, bad))


def assign_noise(frame: CCDData, gain: float, read_noise: float, *, origin: str = "") -> CCDData:
    """Give a raw frame the variance of its photon and read noise.

    Parameters
    ----------
    frame : `~astropy.nddata.CCDData`
        Raw frame, in ADU, before anything was subtracted.
    gain : float
        Electrons per ADU.
    read_noise : float
        Rms, in ADU.
    origin : str, optional
        Where the two numbers come from, for the history.

    Returns
    -------
    `~astropy.nddata.CCDData`
        A frame whose uncertainty is the variance
        ``max(counts, 0) / gain + read_noise**2``, in ADU squared.

    Examples
    --------
    >>> from astropy.nddata import CCDData
    >>> from emirimg.calibration import assign_noise
    >>> raw = assign_noise(CCDData([[0.0, 3000.0]], unit="adu"), gain=5.0, read_noise=6.0)
    >>> raw.uncertainty.array  # counts / gain + read_noise**2
    array([[ 36., 636.]], dtype=float32)
    """
    counts = np.asarray(frame.data, dtype=np.float32)
    variance = np.maximum(counts, np.float32(0)) * np.float32(1 / gain)
    variance += np.float32(read_noise**2)
    return changed(frame, _history.noise(gain, read_noise, origin), variance=variance)


def subtract_dark(frame: CCDData, dark: CCDData, exposure_time: u.Quantity) -> CCDData:
    """Subtract the dark signal.

    Parameters
    ----------
    frame : `~astropy.nddata.CCDData`
        Raw frame, in ADU.
    dark : `~astropy.nddata.CCDData`
        Dark signal in ADU per second. Values that are not finite are masked.
    exposure_time : `~astropy.units.Quantity`
        Time of the exposure.

    Returns
    -------
    `~astropy.nddata.CCDData`
        The variance of the dark, where it has one, is added.

    Raises
    ------
    FrameError
        If the shapes differ.

    Examples
    --------
    >>> import astropy.units as u
    >>> from astropy.nddata import CCDData
    >>> from emirimg.calibration import subtract_dark
    >>> raw = CCDData([[3000.0, 3100.0]], unit="adu")
    >>> dark = CCDData([[0.1, 2.0]], unit="adu / s")
    >>> subtract_dark(raw, dark, 30 * u.s).data
    array([[2997., 3040.]], dtype=float32)
    """
    _require_shape(frame, dark.shape, "dark")
    masters = Calibrations(dark=dark)
    seconds = np.float32(exposure_time.to_value(u.s))
    data = np.asarray(frame.data, dtype=np.float32) - masters.dark_rate * seconds
    variance = variance_of(frame)
    if variance is not None and masters.dark_variance is not None:
        variance = variance + masters.dark_variance * seconds**2
    return changed(
        frame,
        _history.dark(float(seconds)),
        data=data,
        mask=_joined(frame, masters.unusable),
        variance=variance,
    )


def divide_flat(frame: CCDData, flat: CCDData) -> CCDData:
    """Divide by the response of the pixels.

    Parameters
    ----------
    frame : `~astropy.nddata.CCDData`
        A frame without dark signal.
    flat : `~astropy.nddata.CCDData`
        Response of the pixels, around 1. Where it is not positive and finite,
        the result is masked and 0.

    Returns
    -------
    `~astropy.nddata.CCDData`
        The variance is divided by the square of the flat; the variance of the
        flat, where it has one, is added in proportion to the signal squared.

    Raises
    ------
    FrameError
        If the shapes differ.

    Examples
    --------
    >>> from astropy.nddata import CCDData, VarianceUncertainty
    >>> from emirimg.calibration import divide_flat
    >>> variance = VarianceUncertainty([[25.0, 25.0, 25.0]])
    >>> frame = CCDData([[90.0, 110.0, 5.0]], unit="adu", uncertainty=variance)
    >>> flat = CCDData([[0.9, 1.1, 0.0]], unit="")
    >>> result = divide_flat(frame, flat)
    >>> result.data, result.mask
    (array([[100.00001, 100.     ,   0.     ]], dtype=float32), array([[False, False,  ...
    >>> result.uncertainty.array.round(1)
    array([[30.9, 20.7,  0. ]])
    """
    _require_shape(frame, flat.shape, "flat")
    masters = Calibrations(flat=flat)
    data = np.asarray(frame.data, dtype=np.float32) * masters.inverse_flat
    variance = variance_of(frame)
    if variance is not None:
        variance = variance * masters.inverse_flat**2
        if masters.flat_variance is not None:
            variance += data**2 * masters.flat_variance
    return changed(
        frame, _history.flat(), data=data, mask=_joined(frame, masters.unusable), variance=variance
    )


def _joined(frame: CCDData, bad: NDArray[np.bool_]) -> NDArray[np.bool_]:
    return bad if frame.mask is None else np.asarray(frame.mask, dtype=bool) | bad


def _require_shape(frame: CCDData, shape: tuple[int, ...], argument: str) -> None:
    if shape != frame.shape:
        msg = f"{argument} has the shape {shape}; that of the frame, {frame.shape}, was expected"
        raise FrameError(msg)
