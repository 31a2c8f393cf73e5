"""Header keywords of an EMIR exposure, read once and typed."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import astropy.units as u
from astropy.time import Time

from ..exceptions import MetadataError
from .detectors import DETECTORS, Detector, detector_at

__all__ = ["ExposureMetadata", "read_metadata"]

_RAMP_REPAIRED = "2018-10-01T12:00:00"
"""Ramps taken before carry excess noise, and the level jumps between exposures."""


@dataclass(frozen=True)
class ExposureMetadata:
    """What the header of an exposure says.

    Attributes
    ----------
    object_name, filter_name, grism, read_mode : str
        OBJECT, FILTER, GRISM and READMODE; empty where the header is silent.
    exposure_time : `~astropy.units.Quantity`
        Time on the sky, in seconds.
    start : `~astropy.time.Time`
        Start of the exposure (UTC).
    airmass : float or None
        AIRMASS, where it is a plausible number.
    detector : Detector
        The detector that took it.
    gain : float
        Electrons per ADU.
    gain_source : str
        ``"header"`` or ``"default"``.
    read_noise : float
        ADU.
    read_noise_source : str
        ``"header"`` or ``"default"``.
    block, position, n_positions : int or None
        OBSBLOCK, IMGOBBL (place in the dither pattern, from 1) and NIMGOBBL.
    repeat, n_repeats : int or None
        EXP (running number at one position, from 1) and NEXP.
    uuid : str
        UUID of the exposure; empty where the header is silent.

    Examples
    --------
    >>> from emirimg.instrument import read_metadata
    >>> from emirimg.simulation import Scene
    >>> raw = Scene(shape=(32, 32), n_stars=0, n_galaxies=0).exposure(2)
    >>> metadata = read_metadata(raw.header)
    >>> metadata.detector.name, metadata.filter_name, metadata.position, metadata.n_positions
    ('HAWAII-2', 'F1230', 3, 7)
    >>> (metadata.end - metadata.start).to("s")
    <Quantity 29.99926 s>
    >>> metadata.is_flawed_ramp
    False
    """

    object_name: str
    filter_name: str
    grism: str
    read_mode: str
    exposure_time: u.Quantity
    start: Time
    airmass: float | None
    detector: Detector
    gain: float
    gain_source: str
    read_noise: float
    read_noise_source: str
    block: int | None
    position: int | None
    n_positions: int | None
    repeat: int | None
    n_repeats: int | None
    uuid: str

    @property
    def is_flawed_ramp(self) -> bool:
        """Whether it is a ramp of the time (before October 2018) when ramps were faulty."""
        return self.read_mode == "RAMP" and self.start < Time(_RAMP_REPAIRED, scale="utc")

    @property
    def middle(self) -> Time:
        """Middle of the exposure (UTC)."""
        return self.start + self.exposure_time / 2

    @property
    def end(self) -> Time:
        """End of the exposure (UTC)."""
        return self.start + self.exposure_time


def read_metadata(header: Mapping[str, Any], *, source: str = "header") -> ExposureMetadata:
    """Read the keywords of an exposure.

    Parameters
    ----------
    header : mapping
        A FITS header.
    source : str, optional
        What to call the header in an error, normally the file's name.

    Returns
    -------
    ExposureMetadata

    Raises
    ------
    MetadataError
        If a keyword that the reduction needs (EXPTIME, DATE-OBS) is missing or
        impossible, or no detector was in use at the time.

    Examples
    --------
    >>> from emirimg.instrument import read_metadata
    >>> header = {"DATE-OBS": "2024-05-01T22:10:00", "EXPTIME": 10.0, "FILTER": "Ks"}
    >>> metadata = read_metadata(header)
    >>> metadata.filter_name, metadata.detector.name, metadata.gain, metadata.gain_source
    ('Ks', 'H2RG', 5.0, 'default')
    """
    start = _time(header, source)
    gain = _positive(header, "GAIN", source)
    read_noise = _positive(header, "RDNOISE", source)
    exposure_time = _positive(header, "EXPTIME", source)
    if exposure_time is None:
        msg = f"{source}: keyword EXPTIME is missing; a time in seconds was expected"
        raise MetadataError(msg)
    detector = _detector(header, start, source)
    airmass = header.get("AIRMASS")
    if not isinstance(airmass, int | float) or not 1.0 <= airmass < 40.0:
        airmass = None
    return ExposureMetadata(
        object_name=_text(header, "OBJECT"),
        filter_name=_text(header, "FILTER"),
        grism=_text(header, "GRISM"),
        read_mode=_text(header, "READMODE").upper(),
        exposure_time=exposure_time * u.s,
        start=start,
        airmass=airmass,
        detector=detector,
        gain=detector.gain if gain is None else gain,
        gain_source="default" if gain is None else "header",
        read_noise=detector.read_noise if read_noise is None else read_noise,
        read_noise_source="default" if read_noise is None else "header",
        block=_integer(header, "OBSBLOCK"),
        position=_integer(header, "IMGOBBL"),
        n_positions=_integer(header, "NIMGOBBL"),
        repeat=_integer(header, "EXP"),
        n_repeats=_integer(header, "NEXP"),
        uuid=_text(header, "UUID"),
    )


def _text(header: Mapping[str, Any], key: str) -> str:
    return str(header.get(key, "")).strip()


def _integer(header: Mapping[str, Any], key: str) -> int | None:
    value = header.get(key)
    return int(value) if isinstance(value, int | float) and value == int(value) else None


def _positive(header: Mapping[str, Any], key: str, source: str) -> float | None:
    value = header.get(key)
    if value is None or (isinstance(value, str) and not value.strip()):
        return None
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not (math.isfinite(number) and number > 0):
        msg = f"{source}: keyword {key} is {value!r}; a positive number was expected"
        raise MetadataError(msg)
    return number


def _time(header: Mapping[str, Any], source: str) -> Time:
    value = header.get("DATE-OBS")
    expected = "a date such as 2018-12-17T23:57:24.72 was expected"
    if value is None:
        msg = f"{source}: keyword DATE-OBS is missing; {expected}"
        raise MetadataError(msg)
    try:
        return Time(str(value).strip(), format="isot", scale="utc")
    except ValueError:
        msg = f"{source}: keyword DATE-OBS is {value!r}; {expected}"
        raise MetadataError(msg) from None


def _detector(header: Mapping[str, Any], start: Time, source: str) -> Detector:
    configuration = _text(header, "INSCONF").lower()
    for detector in DETECTORS:
        if detector.uuid == configuration:
            return detector
    try:
        return detector_at(start)
    except MetadataError as error:
        msg = f"{source}: keyword DATE-OBS: {error}"
        raise MetadataError(msg) from None
