"""The optics as the header's WCS describes them: distortion and pixel area."""

from __future__ import annotations

import re

import astropy.units as u
import numpy as np
from astropy.io.fits import Header
from astropy.wcs import WCS
from numpy.typing import NDArray

__all__ = [
    "NOMINAL_SCALE",
    "clean_wcs_header",
    "frame_wcs",
    "pixel_area",
    "pixel_scale",
    "undistorted",
]

NOMINAL_SCALE = 0.1944 * u.arcsec
"""Pixel scale of the camera, the same for both detectors."""

_TINY = 1e-100
"""Smaller distortion coefficients than this are junk that a program left behind."""

_WCS_KEYWORD = re.compile(
    r"(CTYPE|CRPIX|CRVAL|CUNIT|CDELT|CROTA)[12]|(CD|PC)[12]_[12]|PV[12]_\d+"
    r"|WCSAXES|LONPOLE|LATPOLE|RADESYS|RADECSYS|EQUINOX"
)


def frame_wcs(header: Header) -> WCS:
    """Return the celestial WCS of an exposure, distortion included.

    Parameters
    ----------
    header : `~astropy.io.fits.Header`
        Header with a two-dimensional celestial WCS (ZPN for EMIR). Denormal
        numbers among the PV keywords are taken as 0.

    Returns
    -------
    `~astropy.wcs.WCS`

    Examples
    --------
    >>> from emirimg.instrument import frame_wcs
    >>> from emirimg.simulation import Scene
    >>> raw = Scene(n_stars=0, n_galaxies=0, shape=(32, 32)).exposure(0)
    >>> wcs = frame_wcs(raw.header)
    >>> list(wcs.wcs.ctype)
    ['RA---ZPN', 'DEC--ZPN']
    >>> print(wcs.pixel_to_world(15.5, 15.5).to_string("hmsdms", precision=0))
    02h39m54s -01d34m32s
    """
    # Other keywords would only give the WCS library something to complain of.
    usable = Header()
    for key in header:
        if _WCS_KEYWORD.fullmatch(key):
            value = header[key]
            is_junk = key.startswith("PV") and abs(value) < _TINY
            usable[key] = 0.0 if is_junk else value
    wcs = WCS(usable, naxis=2)
    wcs.wcs.set()
    return wcs


def undistorted(wcs: WCS) -> WCS:
    """Return a copy of a ZPN WCS whose radial terms above the first are zero.

    Examples
    --------
    >>> from emirimg.instrument import undistorted
    >>> from emirimg.simulation import Scene
    >>> wcs = Scene().truth.wcs(0)
    >>> corner = undistorted(wcs).world_to_pixel(wcs.pixel_to_world(0, 0))
    >>> [round(float(one), 1) for one in corner]  # where the corner of the detector looks
    [30.3, 30.1]
    """
    plain = wcs.deepcopy()
    plain.wcs.set_pv([(i, m, v) for i, m, v in plain.wcs.get_pv() if not (i == 2 and m >= 2)])
    plain.wcs.set()
    return plain


def clean_wcs_header(header: Header) -> Header:
    """Return a copy of ``header`` without any keyword of its celestial WCS.

    Examples
    --------
    >>> from astropy.io.fits import Header
    >>> from emirimg.instrument import clean_wcs_header
    >>> header = Header({"OBJECT": "M33", "CRVAL1": 23.4, "CTYPE1": "RA---ZPN", "PV2_3": 13.7})
    >>> list(clean_wcs_header(header))
    ['OBJECT']
    """
    cleaned = header.copy()
    for key in set(cleaned):
        if _WCS_KEYWORD.fullmatch(key):
            del cleaned[key]
    return cleaned


def pixel_scale(wcs: WCS) -> u.Quantity:
    """Return the pixel scale at the reference pixel (side of a square of that area).

    Examples
    --------
    >>> from emirimg.instrument import pixel_scale
    >>> from emirimg.simulation import Scene
    >>> print(f"{pixel_scale(Scene().truth.wcs(0)).to('arcsec'):.4f}")
    0.1943 arcsec
    """
    matrix = wcs.pixel_scale_matrix
    return np.sqrt(abs(np.linalg.det(matrix))) * u.deg


def pixel_area(wcs: WCS, x: NDArray[np.floating], y: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return the solid angle of pixels, relative to the one at the reference pixel.

    Parameters
    ----------
    wcs : `~astropy.wcs.WCS`
        Celestial WCS.
    x, y : array_like
        Pixel centres, 0-based, broadcast against each other.

    Returns
    -------
    `~numpy.ndarray` of float
        Solid angle divided by that of a pixel of the undistorted scale.

    Notes
    -----
    The area is the cross product of the pixel's two diagonals, as vectors
    between its corners in three dimensions: half of its length is exact for a
    plane quadrilateral, and a pixel is plane to 1e-13. Nothing is subtracted
    but nearby coordinates, so no digits are lost, as they are by an arc-cosine
    of nearly parallel directions.

    Examples
    --------
    >>> from emirimg.instrument import pixel_area
    >>> from emirimg.simulation import Scene
    >>> wcs = Scene().truth.wcs(0)
    >>> pixel_area(wcs, [1023.5, 0], [1023.5, 0]).round(2)  # centre and corner
    array([1.  , 0.88])
    """
    x, y = np.broadcast_arrays(np.asarray(x, dtype=float), np.asarray(y, dtype=float))
    corners = []
    for dx, dy in ((-0.5, -0.5), (0.5, -0.5), (0.5, 0.5), (-0.5, 0.5)):
        longitude, latitude = wcs.wcs_pix2world(x + dx, y + dy, 0)
        # Differences from the reference point keep the sine and cosine of
        # small angles accurate.
        longitude = np.radians(longitude - wcs.wcs.crval[0])
        latitude = np.radians(latitude)
        corners.append(
            np.stack(
                [
                    np.cos(latitude) * np.cos(longitude),
                    np.cos(latitude) * np.sin(longitude),
                    np.sin(latitude),
                ],
                axis=-1,
            )
        )
    lower_left, lower_right, upper_right, upper_left = corners
    diagonals = np.cross(upper_right - lower_left, upper_left - lower_right)
    area = 0.5 * np.linalg.norm(diagonals, axis=-1)
    return area / pixel_scale(wcs).to_value(u.rad) ** 2
