"""Where the telescope was sent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import astropy.units as u
from astropy.coordinates import SkyCoord

__all__ = ["read_pointing"]


def read_pointing(header: Mapping[str, Any]) -> SkyCoord | None:
    """Read where the telescope was sent (RA and DEC).

    Parameters
    ----------
    header : mapping
        A FITS header.

    Returns
    -------
    `~astropy.coordinates.SkyCoord` or None
        The right ascension in hours where it is written as 02:39:54.1, else in
        degrees; `None` where there is no such place.

    Examples
    --------
    >>> from emirimg.instrument import read_pointing
    >>> print(f"{read_pointing({'RA': '02:40:00.0', 'DEC': '-01:30:00'}).ra.deg:.3f}")
    40.000
    """
    ra, dec = header.get("RA"), header.get("DEC")
    unit = u.hourangle if isinstance(ra, str) and ":" in ra else u.deg
    try:
        return SkyCoord(ra, dec, unit=(unit, u.deg), frame="fk5")
    except (ValueError, TypeError):
        return None
