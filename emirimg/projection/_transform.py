"""From the pixels of one WCS to those of another."""

from __future__ import annotations

import threading

import numpy as np
from astropy.wcs import WCS
from astropy.wcs.utils import pixel_to_pixel
from numpy.typing import ArrayLike, NDArray

__all__ = ["WCS_LOCK", "transform_pixels"]

WCS_LOCK = threading.RLock()
"""To be held while a WCS that other threads may use is evaluated or copied: the library
below changes its tables for the time of a call, and another thread would see that."""


def transform_pixels(
    x: ArrayLike, y: ArrayLike, source: WCS, target: WCS
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return where pixels of ``source`` lie in ``target``.

    Parameters
    ----------
    x, y : array_like
        0-based pixel coordinates in ``source``, of one shape.
    source, target : `~astropy.wcs.WCS`
        Celestial WCSs. Different reference systems are converted into each
        other.

    Returns
    -------
    x, y : `~numpy.ndarray` of float
        0-based pixel coordinates in ``target``; NaN where it has none.
    """
    with WCS_LOCK:
        if _same_sky(source, target):
            # The same as below without the work of making sky coordinates.
            return target.wcs_world2pix(*source.wcs_pix2world(x, y, 0), 0)
        return pixel_to_pixel(source, target, x, y)


def _same_sky(first: WCS, second: WCS) -> bool:
    """Tell whether two WCSs speak of the same longitude and latitude, in this order."""
    a, b = first.wcs, second.wcs
    # Of two undefined equinoxes (NaN), neither matters.
    equinoxes = np.array([a.equinox, b.equinox])
    return (
        (a.lng, a.lat) == (b.lng, b.lat) == (0, 1)
        and a.ctype[0][:4] == b.ctype[0][:4]
        and a.radesys == b.radesys
        and np.array_equal(equinoxes[:1], equinoxes[1:], equal_nan=True)
        and not (first.has_distortion or second.has_distortion)
    )
