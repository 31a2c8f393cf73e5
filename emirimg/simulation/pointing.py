"""The dither pattern, and the true and the claimed WCS of every exposure."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import astropy.units as u
import numpy as np
from astropy.coordinates import Angle
from astropy.io.fits import Header
from astropy.time import Time
from astropy.wcs import WCS
from numpy.typing import NDArray

from ..instrument import frame_wcs

if TYPE_CHECKING:
    from .scene import Scene

__all__ = [
    "claimed_pointing",
    "exposure_number",
    "exposure_start",
    "is_on_target",
    "jacobian",
    "pattern_place",
    "repeat_number",
    "true_pointing",
    "wcs_header",
]

PATTERN_LENGTH = 7
"""Places in the dither pattern."""

CRPIX = (1022.46, 1016.55)
SCALE = 5.396e-5
POSITION_ANGLE = 0.05
PV2 = {1: 1.0, 3: 14584.8, 4: 6.9e-310, 5: 1755295542.4}
"""Distortion, with a coefficient that the instrument's software leaves undefined."""

_TUTORIAL = (
    ("2018-12-17T23:57:24.72", "02:39:54.057", "-01:34:33.537"),
    ("2018-12-17T23:58:11.73", "02:39:51.624", "-01:35:09.313"),
    ("2018-12-17T23:58:58.75", "02:39:50.663", "-01:34:19.381"),
    ("2018-12-17T23:59:35.22", "02:39:52.125", "-01:34:01.301"),
    ("2018-12-18T00:00:24.35", "02:39:53.964", "-01:35:08.879"),
    ("2018-12-18T00:01:14.53", "02:39:49.484", "-01:34:51.913"),
    ("2018-12-18T00:02:02.60", "02:39:52.125", "-01:34:41.302"),
    ("2018-12-18T00:02:54.89", "02:39:54.057", "-01:34:33.537"),
    ("2018-12-18T00:03:41.91", "02:39:51.624", "-01:35:09.313"),
    ("2018-12-18T00:04:27.88", "02:39:50.663", "-01:34:19.381"),
    ("2018-12-18T00:05:05.41", "02:39:52.125", "-01:34:01.350"),
    ("2018-12-18T00:05:54.53", "02:39:53.964", "-01:35:08.879"),
    ("2018-12-18T00:06:44.71", "02:39:49.484", "-01:34:51.913"),
    ("2018-12-18T00:07:31.73", "02:39:52.125", "-01:34:41.302"),
)
_CADENCE = 47.08 * u.s
_H2RG_START = "2023-11-19T22:14:05.31"


def pattern_place(scene: Scene, index: int) -> int:
    """Return the number of the place, from 0 and over all patterns, of an exposure."""
    return _number_in_field(scene, index) // scene.repeats


def repeat_number(scene: Scene, index: int) -> int:
    """Return the number of an exposure, from 0, among those at its place."""
    return _number_in_field(scene, index) % scene.repeats


def is_on_target(scene: Scene, index: int) -> bool:
    """Tell whether an exposure shows the field, not the sky beside it."""
    return scene.nod_every == 0 or (index // scene.nod_every) % 2 == 0


def _number_in_field(scene: Scene, index: int) -> int:
    """Return the number of an exposure among those of its field."""
    if scene.nod_every == 0:
        return index
    nod, number = divmod(index, scene.nod_every)
    return nod // 2 * scene.nod_every + number


def claimed_pointing(scene: Scene, index: int) -> tuple[float, float]:
    """Return RA and Dec, in degrees, that the header of an exposure claims."""
    places = _tutorial_places()
    centre = places[:PATTERN_LENGTH].mean(axis=0)
    place = places[pattern_place(scene, index) % len(places)]
    ra, dec = centre + scene.dither_scale * (place - centre)
    if not is_on_target(scene, index):
        dec += scene.nod_distance.to_value(u.deg)
    return float(ra), float(dec)


def true_pointing(scene: Scene, index: int, error: NDArray[np.floating]) -> tuple[float, float]:
    """Return where an exposure really points, its header being wrong by ``error`` pixels."""
    claimed = frame_wcs(wcs_header(scene, claimed_pointing(scene, index)))
    x, y = claimed.wcs.crpix - 1 + error
    ra, dec = claimed.wcs_pix2world(x, y, 0)
    return float(ra), float(dec)


def exposure_start(scene: Scene, index: int) -> Time:
    """Return the start of an exposure (UTC)."""
    if scene.detector == "H2RG":
        return Time(_H2RG_START, scale="utc") + index * _CADENCE
    if scene.repeats == 1 and scene.nod_every == 0 and index < len(_TUTORIAL):
        return Time(_TUTORIAL[index][0], scale="utc")
    return Time(_TUTORIAL[0][0], scale="utc") + index * _CADENCE


def exposure_number(scene: Scene, index: int) -> int:
    """Return the running number that the telescope gave to an exposure."""
    if scene.detector == "H2RG":
        place, repeat = divmod(index, scene.repeats)
        pattern, step = divmod(place, PATTERN_LENGTH)
        return 4006361 + 282 * pattern + 13 * step + 4 * repeat
    return 1877553 + 6 * index


def wcs_header(scene: Scene, pointing: tuple[float, float], *, claimed: bool = False) -> Header:
    """Return the WCS keywords of an exposure that points there (RA, Dec in degrees).

    The distortion is the true one, or the one that the header claims.
    """
    ny, nx = scene.device.shape
    part_ny, part_nx = scene.frame_shape
    angle = np.radians(POSITION_ANGLE)
    header = Header()
    header["WCSAXES"] = 2
    header["CTYPE1"], header["CTYPE2"] = "RA---ZPN", "DEC--ZPN"
    header["CUNIT1"], header["CUNIT2"] = "deg", "deg"
    header["CRVAL1"], header["CRVAL2"] = pointing
    header["CRPIX1"] = CRPIX[0] - (nx - part_nx) // 2
    header["CRPIX2"] = CRPIX[1] - (ny - part_ny) // 2
    header["CD1_1"], header["CD1_2"] = -SCALE * np.cos(angle), SCALE * np.sin(angle)
    header["CD2_1"], header["CD2_2"] = SCALE * np.sin(angle), SCALE * np.cos(angle)
    for order, value in PV2.items():
        header[f"PV2_{order}"] = value
    if claimed:
        header["PV2_3"] *= 1 + scene.distortion_error
    header["RADESYS"], header["EQUINOX"] = "FK5", 2000.0
    return header


def jacobian(wcs: WCS, x: NDArray[np.floating], y: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return how the sky moves with the pixel.

    Parameters
    ----------
    wcs : `~astropy.wcs.WCS`
        Celestial WCS.
    x, y : array_like
        Pixel positions, 0-based, shape (n,).

    Returns
    -------
    `~numpy.ndarray`
        Shape (n, 2, 2), in arcsec per pixel: rows east and north, columns x and y.
    """
    columns = []
    for dx, dy in ((0.5, 0.0), (0.0, 0.5)):
        ra_high, dec_high = wcs.wcs_pix2world(x + dx, y + dy, 0)
        ra_low, dec_low = wcs.wcs_pix2world(x - dx, y - dy, 0)
        east = ((ra_high - ra_low + 180) % 360 - 180) * np.cos(np.radians(dec_high + dec_low) / 2)
        columns.append(np.stack([east, dec_high - dec_low], axis=-1))
    return 3600 * np.stack(columns, axis=-1)


@cache
def _tutorial_places() -> NDArray[np.float64]:
    """Return RA and Dec, in degrees, of the tutorial's exposures, shape (14, 2)."""
    _, ra, dec = zip(*_TUTORIAL, strict=True)
    return np.transpose([Angle(list(ra), unit="hourangle").deg, Angle(list(dec), unit="deg").deg])
