"""The header of a mosaic."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import astropy.units as u
import numpy as np
from astropy.io.fits import Header
from astropy.time import Time
from numpy.typing import NDArray

from .._version import version
from ..instrument import ExposureMetadata, clean_wcs_header

__all__ = ["mosaic_header"]

_OF_ONE_EXPOSURE = (
    "IMGOBBL", "EXP", "TSTAMP", "TSUTC1", "TSUTC2", "AIRMASS", "UUID", "MJD-OBS",
    "BSCALE", "BZERO", "CHECKSUM", "DATASUM", "HISTORY", "COMMENT",
)  # fmt: skip


def mosaic_header(
    first: Header,
    metadata: Sequence[ExposureMetadata],
    *,
    sky_levels: Sequence[float] | NDArray[np.float64],
    transparency: Sequence[float] | NDArray[np.float64],
    history: Sequence[str],
    measured: Mapping[str, tuple[float | str, str]],
) -> Header:
    """Make the header of a mosaic from that of its first exposure.

    Parameters
    ----------
    first : `~astropy.io.fits.Header`
        Header of the first exposure; what is true of that exposure alone is
        left out, and so are all keywords of its WCS.
    metadata : sequence of ExposureMetadata
        Headers of all exposures.
    sky_levels, transparency : sequence of float
        Sky (ADU) and transparency of each exposure.
    history : sequence of str
        One line for each step.
    measured : mapping
        Keyword to (value, comment) of what was measured on the mosaic; values
        that are not finite are left out.
    """
    header = clean_wcs_header(first)
    for key in _OF_ONE_EXPOSURE:
        header.remove(key, ignore_missing=True, remove_all=True)
    start = min(item.start for item in metadata)
    end = max(item.end for item in metadata)
    middle = Time(np.mean([item.middle.mjd for item in metadata]), format="mjd", scale="utc")
    seconds = [item.exposure_time.to_value(u.s) for item in metadata]
    header["BUNIT"] = ("adu", "in the scale of one exposure")
    header["EXPTIME"] = (float(np.mean(seconds)), "[s] time of one exposure")
    header["TEXPTIME"] = (float(np.sum(seconds)), "[s] time of all exposures")
    header["NCOMBINE"] = (len(metadata), "exposures combined")
    header["DATE-OBS"] = (start.isot, "start of the first exposure (UTC)")
    header["DATE-AVG"] = (middle.isot, "mean of the middles of the exposures (UTC)")
    header["DATE-END"] = (end.isot, "end of the last exposure (UTC)")
    header["MJD-OBS"] = (start.mjd, "[d] DATE-OBS as modified Julian date")
    header["MJD-AVG"] = (middle.mjd, "[d] DATE-AVG as modified Julian date")
    header["MJD-END"] = (end.mjd, "[d] DATE-END as modified Julian date")
    airmasses = [item.airmass for item in metadata if item.airmass is not None]
    if airmasses:
        header["AIRMASS"] = (float(np.mean(airmasses)), "mean of the exposures")
    header["GAIN"] = (
        metadata[0].gain,
        f"[electron/adu] of one exposure ({metadata[0].gain_source})",
    )
    header["RDNOISE"] = (
        metadata[0].read_noise, f"[adu] of one exposure ({metadata[0].read_noise_source})",
    )  # fmt: skip
    header["SKYLEVEL"] = (float(np.mean(sky_levels)), "[adu] mean sky subtracted")
    header["TRANSPAR"] = (float(np.mean(transparency)), "mean transparency, clearest exposure = 1")
    for key, (value, comment) in measured.items():
        if isinstance(value, str) or np.isfinite(value):
            header[key] = (value, comment)
    header["EMIRIMG"] = (version, "version of emirimg")
    for line in history:
        header.add_history(f"emirimg: {line}")
    return header
