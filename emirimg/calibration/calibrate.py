"""The whole calibration of an exposure in one pass over its pixels."""

from __future__ import annotations

from collections.abc import Iterator

import astropy.units as u
import numpy as np
from astropy.nddata import CCDData
from numba import njit
from numpy.typing import NDArray

from ..exceptions import FrameError, UnusableExposureError
from ..instrument import Detector, ExposureMetadata
from . import _history
from ._frames import changed, grown
from .calibrations import Calibrations
from .exposure_noise import ExposureNoise

__all__ = ["calibrate", "calibrate_values"]


def calibrate(
    frame: CCDData,
    calibrations: Calibrations,
    metadata: ExposureMetadata,
    *,
    max_unusable: float = 0.5,
    name: str = "frame",
) -> CCDData:
    """Calibrate a raw exposure.

    Parameters
    ----------
    frame : `~astropy.nddata.CCDData`
        Raw exposure, in ADU, shape (ny, nx).
    calibrations : Calibrations
        Bad-pixel mask, dark and flat; any of them may be missing.
    metadata : ExposureMetadata
        Exposure time, gain, read noise and saturation level.
    max_unusable : float, optional
        Largest fraction of pixels that may be masked. Default: 0.5.
    name : str, optional
        What to call the exposure in an error.

    Returns
    -------
    `~astropy.nddata.CCDData`
        Data (ADU) and variance (ADU squared) of float32, and the mask.

    Raises
    ------
    CalibrationError
        If a calibration has another shape than the exposure.
    FrameError
        If the exposure is not in ADU.
    UnusableExposureError
        If more than ``max_unusable`` of its pixels are not usable.

    Notes
    -----
    The result is that of the chain `mask_not_finite`, `mask_saturated`,
    `mask_bad_pixels`, `assign_noise`, `subtract_dark`, `divide_flat`, each
    step of which is left out where its calibration is missing. The pixels
    travel through memory once instead of six times. The reference pixels of the
    detector, the rim of an H2RG, are masked besides.

    Examples
    --------
    >>> from emirimg.calibration import Calibrations, calibrate
    >>> from emirimg.instrument import read_metadata
    >>> from emirimg.simulation import Scene
    >>> scene = Scene(shape=(64, 64), n_stars=0, n_galaxies=0)
    >>> raw, masters = scene.exposure(3), scene.calibrations()
    >>> bad_pixels = masters.bad_pixel_mask.data > 0
    >>> calibrations = Calibrations(bad_pixels=bad_pixels, flat=masters.flat)
    >>> frame = calibrate(raw, calibrations, read_metadata(raw.header))
    >>> bool(frame.data.std() < raw.data.std()), int(frame.mask.sum())
    (True, 41)
    >>> print(frame.header["HISTORY"][-1])
    emirimg: divided by the flat
    """
    result, noise = calibrate_values(
        frame, calibrations, metadata, max_unusable=max_unusable, name=name
    )
    return changed(result, variance=noise(result.data))


def calibrate_values(
    frame: CCDData,
    calibrations: Calibrations,
    metadata: ExposureMetadata,
    *,
    max_unusable: float = 0.5,
    name: str = "frame",
) -> tuple[CCDData, ExposureNoise]:
    """Calibrate a raw exposure, and tell its noise without working it out.

    The parameters are those of `calibrate`. The uncertainty of the frame that is
    returned is none of its own.

    Examples
    --------
    >>> from emirimg.calibration import Calibrations, calibrate_values
    >>> from emirimg.instrument import read_metadata
    >>> from emirimg.simulation import Scene
    >>> raw = Scene(shape=(64, 64), n_stars=0, n_galaxies=0).exposure(3)
    >>> frame, noise = calibrate_values(raw, Calibrations(), read_metadata(raw.header))
    >>> variance = noise(frame.data)
    >>> variance.shape
    (64, 64)
    """
    if frame.unit != u.adu:
        msg = f"{name} has the unit {frame.unit}; adu was expected"
        raise FrameError(msg)
    calibrations.require_shape(frame.shape, name)
    with np.errstate(over="ignore"):  # what float32 cannot hold becomes infinite and masked
        counts = np.ascontiguousarray(frame.data, dtype=np.float32)
    seconds = metadata.exposure_time.to_value(u.s)
    data, mask = np.empty_like(counts), np.empty(counts.shape, dtype=bool)
    n_not_finite, n_saturated, n_unusable = _calibrate(
        counts,
        None if frame.mask is None else np.ascontiguousarray(frame.mask, dtype=bool),
        calibrations.unusable,
        calibrations.dark_rate,
        calibrations.inverse_flat,
        np.float32(metadata.detector.saturation),
        np.float32(seconds),
        data,
        mask,
    )
    if n_unusable > max_unusable * frame.data.size:
        masked = False if frame.mask is None else frame.mask  # of a file: what was not finite
        n_not_finite = np.count_nonzero(~np.isfinite(counts) | masked)
        msg = (
            f"{name}: {100 * n_unusable / frame.data.size:.1f} % of the pixels are not usable"
            f" ({n_not_finite} are not finite or masked, {n_saturated} are saturated);"
            f" at most {100 * max_unusable:g} % were expected"
        )
        raise UnusableExposureError(msg)
    if n_saturated:
        mask |= grown(counts >= np.float32(metadata.detector.saturation))
    _mask_reference_pixels(mask, metadata.detector)
    noise = ExposureNoise(
        metadata.gain,
        metadata.read_noise,
        seconds,
        calibrations.dark_rate,
        calibrations.dark_variance,
        calibrations.response,
        calibrations.flat_variance,
    )
    history = [
        _history.not_finite(n_not_finite),
        _history.saturated(n_saturated, metadata.detector.saturation),
        *_said(calibrations, metadata),
    ]
    return changed(frame, *history, data=data, mask=mask), noise


def _said(calibrations: Calibrations, metadata: ExposureMetadata) -> Iterator[str]:
    """Yield what the history says of the steps that do not depend on the pixels."""
    if calibrations.bad_pixels is not None:
        yield _history.bad(int(np.count_nonzero(calibrations.bad_pixels)))
    sources = dict.fromkeys((metadata.gain_source, metadata.read_noise_source))
    origin = f"from the {' and the '.join(sources)}"
    yield _history.noise(metadata.gain, metadata.read_noise, origin)
    if calibrations.dark is not None:
        yield _history.dark(metadata.exposure_time.to_value(u.s))
    if calibrations.flat is not None:
        yield _history.flat()


def _mask_reference_pixels(mask: NDArray[np.bool_], detector: Detector) -> None:
    """Mask, in place, the rim of an exposure of the whole detector that sees no light."""
    width = detector.reference_width
    if width and mask.shape == detector.shape:
        mask[:width] = mask[-width:] = True
        mask[:, :width] = mask[:, -width:] = True


@njit(nogil=True, cache=True)
def _calibrate(  # pragma: no cover  (compiled)
    counts: NDArray[np.float32],
    masked: NDArray[np.bool_] | None,
    unusable: NDArray[np.bool_] | None,
    dark: NDArray[np.float32] | None,
    inverse_flat: NDArray[np.float32] | None,
    saturation: np.float32,
    seconds: np.float32,
    data: NDArray[np.float32],
    mask: NDArray[np.bool_],
) -> tuple[int, int, int]:
    """Calibrate every pixel; the branches on missing planes vanish at compilation.

    Returns how many pixels are not finite, saturated, and unusable altogether.
    """
    n_not_finite = n_saturated = n_unusable = 0
    for y in range(counts.shape[0]):
        for x in range(counts.shape[1]):
            value = counts[y, x]
            bad = False
            if not np.isfinite(value):
                value = np.float32(0)
                n_not_finite += 1
                bad = True
            elif value >= saturation:
                n_saturated += 1
                bad = True
            if dark is not None:
                value -= dark[y, x] * seconds
            if inverse_flat is not None:
                value *= inverse_flat[y, x]
            if masked is not None:
                bad |= masked[y, x]
            if unusable is not None:
                bad |= unusable[y, x]
            data[y, x] = value
            mask[y, x] = bad
            n_unusable += bad
    return n_not_finite, n_saturated, n_unusable
