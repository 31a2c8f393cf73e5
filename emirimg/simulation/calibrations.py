"""The master calibrations of a scene."""

from __future__ import annotations

import uuid
from dataclasses import dataclass

import astropy.units as u
import numpy as np
from astropy.io.fits import Header
from astropy.nddata import CCDData

from .pointing import exposure_start
from .randomness import Purpose, generator
from .truth import Truth

__all__ = ["CalibrationFrames", "calibration_frames", "calibration_header"]


@dataclass(frozen=True)
class CalibrationFrames:
    """The master calibrations that belong to simulated exposures.

    Parameters
    ----------
    bad_pixel_mask : `~astropy.nddata.CCDData`
        1 where a pixel is known to be bad, else 0 (uint8).
    dark : `~astropy.nddata.CCDData`
        Dark current, in ADU per second (float32).
    flat : `~astropy.nddata.CCDData`
        Response from pixel to pixel (float32).

    Examples
    --------
    >>> from emirimg.simulation import Scene
    >>> frames = Scene(shape=(64, 64)).calibrations()
    >>> int(frames.bad_pixel_mask.data.sum()), frames.dark.unit, f"{frames.flat.data.std():.2f}"
    (41, Unit("adu / s"), '0.03')
    """

    bad_pixel_mask: CCDData
    dark: CCDData
    flat: CCDData


def calibration_frames(truth: Truth) -> CalibrationFrames:
    """Make the master calibrations, see `Scene.calibrations`."""
    dark = np.full(truth.scene.frame_shape, truth.scene.dark_current, dtype=np.float32)
    return CalibrationFrames(
        bad_pixel_mask=CCDData(
            truth.known_bad_pixels.astype(np.uint8),
            unit=u.dimensionless_unscaled,
            meta=calibration_header(truth, "MASTER_BPM"),
        ),
        dark=CCDData(dark, unit=u.adu / u.s, meta=calibration_header(truth, "MASTER_DARK")),
        flat=CCDData(
            truth.flat.copy(),
            unit=u.dimensionless_unscaled,
            meta=calibration_header(truth, "MASTER_FLAT"),
        ),
    )


def calibration_header(truth: Truth, kind: str) -> Header:
    """Return the header of a master calibration of some kind, such as MASTER_FLAT."""
    scene = truth.scene
    octets = bytearray(generator(scene.seed, Purpose.IDENTIFIER).bytes(16))
    for position, letter in enumerate(kind.encode()):
        octets[position % 16] ^= letter
    header = Header()
    header["INSTRUME"] = ("EMIR", "instrument")
    header["INSCONF"] = (scene.device.uuid, "configuration")
    header["UUID"] = (str(uuid.UUID(bytes=bytes(octets), version=4)), "identifier")
    header["DATE-OBS"] = (exposure_start(scene, 0).isot[:10] + "T12:00:00.00", "date (UTC)")
    header["NUMTYPE"] = (kind, "type of the calibration")
    header["OBSMODE"] = (kind, "type of the calibration")
    header["READMODE"] = ("RAMP", "read-out mode")
    header["FILTER"] = (scene.filter_name, "filter")
    header["GRISM"] = ("OPEN", "grism")
    header["EXPTIME"] = (1.0, "[s]")
    header["TSTAMP"] = (0.0, "not an exposure")
    header["TSUTC1"] = (0.0, "not an exposure")
    header["TSUTC2"] = (0.0, "not an exposure")
    return header
