"""A plane common to all frames, and movements in it as corrections of a WCS."""

from __future__ import annotations

from collections.abc import Sequence

import astropy.units as u
import numpy as np
from astropy.coordinates import SkyCoord
from astropy.wcs import WCS
from numpy.typing import NDArray

from ..exceptions import AlignmentError
from ..stack import DitherStack

__all__ = ["common_plane", "moved_wcs", "pointing_shift", "reference_positions", "wcss_of"]

_ARCSEC = 1 / 3600


def wcss_of(stack: DitherStack) -> list[WCS]:
    """Return the WCSs of frames; an AlignmentError names a frame that has none."""
    for frame, name in zip(stack, stack.names, strict=True):
        if frame.wcs is None:
            msg = f"{name} has no WCS; a celestial WCS was expected in its header"
            raise AlignmentError(msg)
    return [frame.wcs for frame in stack]


def common_plane(wcss: Sequence[WCS]) -> WCS:
    """Return a gnomonic plane about the middle of the frames.

    Its pixels are arcseconds towards east and north, and its origin is pixel 0.
    """
    points = SkyCoord([wcs.wcs.crval for wcs in wcss], unit="deg")
    mean = SkyCoord(points.cartesian.mean(), representation_type="unitspherical")
    plane = WCS(naxis=2)
    plane.wcs.ctype = ["RA---TAN", "DEC--TAN"]
    plane.wcs.crval = [mean.spherical.lon.to_value(u.deg), mean.spherical.lat.to_value(u.deg)]
    plane.wcs.crpix = [1.0, 1.0]
    plane.wcs.cd = [[_ARCSEC, 0.0], [0.0, _ARCSEC]]
    plane.wcs.set()
    return plane


def reference_positions(plane: WCS, wcss: Sequence[WCS]) -> NDArray[np.float64]:
    """Return where the pointings (CRVAL) lie in a plane: shape (n, 2), arcsec."""
    return plane.wcs_world2pix(np.array([wcs.wcs.crval for wcs in wcss]), 0)


def moved_wcs(wcs: WCS, plane: WCS, parameters: NDArray[np.float64]) -> WCS:
    """Return a WCS whose positions are moved in a plane.

    Parameters
    ----------
    wcs : `~astropy.wcs.WCS`
        WCS of a frame.
    plane : `~astropy.wcs.WCS`
        Plane of `common_plane`.
    parameters : `~numpy.ndarray`
        Shape (4,): shift towards east and north in arcsec, rotation in radians
        from east to north, relative scale, about the origin of the plane.

    Returns
    -------
    `~astropy.wcs.WCS`
        A copy with another pointing (CRVAL) and, for a rotation or a scale,
        another matrix. The distortion keeps its centre on the detector.
    """
    east, north, rotation, scale = parameters
    x, y = reference_positions(plane, [wcs])[0]
    target = [
        x + east + scale * x - rotation * y,
        y + north + scale * y + rotation * x,
    ]
    moved = wcs.deepcopy()
    moved.wcs.crval = plane.wcs_pix2world([target], 0)[0]
    if rotation or scale:
        turn = np.array([[1 + scale, -rotation], [rotation, 1 + scale]])
        if moved.wcs.has_cd():
            moved.wcs.cd = turn @ moved.wcs.cd
        else:
            steps = np.diag(moved.wcs.cdelt)
            moved.wcs.pc = np.linalg.inv(steps) @ turn @ steps @ moved.wcs.get_pc()
    moved.wcs.set()
    return moved


def pointing_shift(header: WCS, corrected: WCS) -> NDArray[np.float64]:
    """Return the correction of the pointing, (x, y) in pixels of the header's WCS."""
    return header.wcs_world2pix([corrected.wcs.crval], 1)[0] - header.wcs.crpix
