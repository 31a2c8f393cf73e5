"""The bias of blocks, which goes into their dark."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import astropy.units as u
import numpy as np
from astropy.nddata import CCDData

from ..calibration import Calibrations
from ..instrument import read_metadata
from ..io import read_image, sha256

__all__ = ["exposure_seconds", "with_bias"]


def with_bias(calibrations: Calibrations, path: Path, seconds: float) -> Calibrations:
    """Return calibrations whose dark contains the bias of exposures of so many seconds."""
    rate = read_image(path).data / np.float32(seconds)
    if calibrations.dark is not None:
        rate = rate + calibrations.dark.data
    mask = None if calibrations.dark is None else calibrations.dark.mask
    dark = CCDData(rate, unit=u.adu / u.s, mask=mask)
    inputs = (*calibrations.inputs, ("bias", path.name, sha256(path)))
    return replace(calibrations, dark=dark, inputs=inputs)


def exposure_seconds(frame: CCDData) -> float:
    """Return the exposure time that the header of a frame says."""
    return read_metadata(frame.meta).exposure_time.to_value(u.s)
