"""The mode STARE_IMAGE: repeated exposures of one position become one image."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import dataclass

import numpy as np
from astropy.nddata import CCDData
from numpy.typing import NDArray

from .._provenance import add_history
from ..blocks import StareRequirements
from ..calibration import (
    Calibrations,
    assign_noise,
    divide_flat,
    interpolate_bad_pixels,
    subtract_dark,
)
from ..exceptions import FrameError
from ..instrument import read_metadata
from ..projection import undistort_labels
from .upgrade import upgrade_stare

__all__ = ["StareResult", "stare_image"]


@dataclass(frozen=True)
class StareResult:
    """A reduced exposure.

    Parameters
    ----------
    frame : `~astropy.nddata.CCDData`
        Calibrated exposure without distortion, with its sky; its mask is the
        bad-pixel mask.
    channels : `~numpy.ndarray` of uint8 or None
        Number of the readout channel of each pixel, 0 where there is none;
        only for a detector with channels from side to side.

    Examples
    --------
    >>> from emirimg.blocks import StareRequirements
    >>> from emirimg.calibration import Calibrations
    >>> from emirimg.dither import stare_image
    >>> from emirimg.simulation import Scene
    >>> raw = Scene(shape=(64, 64), n_stars=0, n_galaxies=0).exposure(0)
    >>> result = stare_image(  # doctest: +IGNORE_WARNINGS
    ...     [raw], StareRequirements(), Calibrations()
    ... )
    >>> result.frame.shape, result.channels is None
    ((64, 64), True)
    """

    frame: CCDData
    channels: NDArray[np.uint8] | None = None


def stare_image(
    frames: Sequence[CCDData],
    requirements: StareRequirements,
    calibrations: Calibrations,
    *,
    executor: Executor | None = None,
) -> StareResult:
    """Reduce the repeated exposures of one position to one undistorted image.

    Parameters
    ----------
    frames : sequence of `~astropy.nddata.CCDData`
        Raw exposures, in ADU, of one shape; their mean is reduced.
    requirements : StareRequirements
        How the distortion is removed.
    calibrations : Calibrations
        Bad-pixel mask, dark and flat; any of them may be missing.
    executor : `concurrent.futures.Executor`, optional
        Default: threads, one for each processor.

    Returns
    -------
    StareResult

    Raises
    ------
    FrameError
        If there are no exposures, or their shapes differ.
    CalibrationError
        If a calibration has another shape than the exposures.

    Examples
    --------
    >>> from emirimg.blocks import StareRequirements
    >>> from emirimg.calibration import Calibrations
    >>> from emirimg.dither import stare_image
    >>> from emirimg.simulation import Scene
    >>> scene = Scene(shape=(64, 64), n_stars=0, n_galaxies=0, repeats=2, n_exposures=2)
    >>> repeats = [scene.exposure(index) for index in range(2)]
    >>> requirements = StareRequirements(reprojection_method="interp")
    >>> result = stare_image(repeats, requirements, Calibrations())  # doctest: +IGNORE_WARNINGS
    >>> bool(result.frame.data.std() < repeats[0].data.std())  # the mean of both
    True
    """
    frame = _mean(frames)
    calibrations.require_shape(frame.shape)
    metadata = read_metadata(frame.meta)
    bad = np.zeros(frame.shape, dtype=bool)
    for mask in (frame.mask, calibrations.bad_pixels):
        if mask is not None:
            bad |= mask
    frame = interpolate_bad_pixels(frame, bad)
    # The mean of n exposures is an exposure of n times the gain.
    n = len(frames)
    frame = assign_noise(frame, metadata.gain * n, metadata.read_noise / np.sqrt(n))
    if calibrations.dark is not None:
        frame = subtract_dark(frame, calibrations.dark, metadata.exposure_time)
    if calibrations.flat is not None:
        frame = divide_flat(frame, calibrations.flat)
    detector = metadata.detector
    channels = None
    if not detector.in_quadrants and frame.shape == detector.shape:
        channels = detector.channel_numbers()
    undistort = upgrade_stare(requirements)
    if undistort is not None:
        if channels is not None:
            channels = undistort_labels(channels, frame.wcs)
        frame = undistort(frame, executor=executor)
    frame.meta["EXP"] = 0
    return StareResult(frame, channels)


def _mean(frames: Sequence[CCDData]) -> CCDData:
    """Return the mean of repeated exposures, masked where one of them is."""
    if not frames:
        msg = "no exposures were given; at least one was expected"
        raise FrameError(msg)
    first = frames[0]
    if len(frames) == 1:
        return first
    total = np.zeros(first.shape, dtype=np.float32)
    mask = np.zeros(first.shape, dtype=bool)
    for number, frame in enumerate(frames, start=1):
        if frame.shape != first.shape:
            msg = f"exposure {number} has the shape {frame.shape}, but the first has {first.shape}"
            raise FrameError(msg)
        total += frame.data
        if frame.mask is not None:
            mask |= frame.mask
    total /= len(frames)
    mean = CCDData(total, unit=first.unit, mask=mask, meta=first.meta.copy(), wcs=first.wcs)
    if "TSUTC2" in frames[-1].meta:
        mean.meta["TSUTC2"] = frames[-1].meta["TSUTC2"]
    add_history(mean.meta, f"averaged {len(frames)} exposures")
    return mean
