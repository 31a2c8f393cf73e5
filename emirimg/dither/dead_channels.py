"""Readout channels of an exposure that do not see the sky."""

from __future__ import annotations

import numpy as np
from astropy.nddata import CCDData

from ..calibration._frames import changed
from ..instrument import Detector
from ..sky._regions import channels_of
from .checks import LEAST_LEVEL

__all__ = ["without_dead_channels"]

_STRIDE = 8
"""Every eighth row and column tell the median of a channel well enough."""


def without_dead_channels(
    frame: CCDData, raw: CCDData, detector: Detector
) -> tuple[CCDData, tuple[int, ...]]:
    """Mask the readout channels that are dead in an exposure.

    Parameters
    ----------
    frame : `~astropy.nddata.CCDData`
        Calibrated exposure, the sky not subtracted.
    raw : `~astropy.nddata.CCDData`
        The same before the calibration.
    detector : Detector
        The detector that took it.

    Returns
    -------
    frame : `~astropy.nddata.CCDData`
        The exposure with the dead channels masked.
    dead : tuple of int
        Their numbers, from 1.

    Notes
    -----
    A channel is dead whose raw pixels all have the same value, or whose median is less
    than 1 per cent of the median of all channels. (Where the sky was subtracted before,
    the level tells nothing.)
    """
    regions = channels_of(detector, frame.shape)
    sparse = (slice(None, None, _STRIDE),) * 2
    levels = np.full(len(regions), np.nan)
    constant = np.zeros(len(regions), dtype=bool)
    for number, region in enumerate(regions):
        good = np.isfinite(raw.data[region][sparse])
        if frame.mask is not None:
            good &= ~frame.mask[region][sparse]
        if not good.any():
            continue
        levels[number] = np.median(frame.data[region][sparse][good])
        sample = raw.data[region][sparse][good]
        if sample.min() == sample.max():
            every = raw.data[region]
            every = every[np.isfinite(every)]
            constant[number] = every.size > 1 and every.min() == every.max()
    seen = np.isfinite(levels) & ~constant
    typical = float(np.median(levels[seen])) if seen.any() else 0.0
    dead = constant | (seen & (levels < LEAST_LEVEL * typical))
    if typical <= 0:
        dead = constant
    if not dead.any():
        return frame, ()
    mask = np.zeros(frame.shape, dtype=bool) if frame.mask is None else frame.mask.copy()
    for number in np.flatnonzero(dead):
        mask[regions[number]] = True
    return changed(frame, mask=mask), tuple((np.flatnonzero(dead) + 1).tolist())
