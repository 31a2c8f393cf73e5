"""Axes of a figure of their own, and the labels of axes on the sky."""

from __future__ import annotations

from typing import Any

import astropy.units as u
from astropy.visualization.wcsaxes import WCSAxes
from matplotlib.axes import Axes
from matplotlib.figure import Figure

__all__ = ["label_sky", "new_axes"]

_BOTTOM, _TOP = 0.5, 0.32
"""Margins in inches, in which labels of six digits find room. To let Matplotlib measure all
texts, and lay out the figure around them, takes longer than to draw it."""
_HOURS = ("\N{MODIFIER LETTER SMALL H}", "\N{MODIFIER LETTER SMALL M}",
          "\N{MODIFIER LETTER SMALL S}")  # fmt: skip
"""The same as Astropy's, but no formulas: these take long to typeset."""


def new_axes(
    width: float = 4.4,
    height: float = 3.0,
    *,
    left: float = 0.8,
    right: float = 0.15,
    projection: Any = None,
) -> Axes:
    """Return the only axes of a new figure.

    Parameters
    ----------
    width, height : float, optional
        Size of the figure, in inches. Default: 4.4 and 3.
    left, right : float, optional
        Margins on these sides, in inches. Default: 0.8 and 0.15.
    projection : optional
        As for `matplotlib.figure.Figure.add_axes`; a WCS is one. Default: rectilinear.
    """
    figure = Figure(figsize=(width, height), dpi=150)
    place = (
        left / width, _BOTTOM / height,
        1 - (left + right) / width, 1 - (_BOTTOM + _TOP) / height,
    )  # fmt: skip
    return figure.add_axes(place, projection=projection)


def label_sky(axes: WCSAxes) -> None:
    """Label axes with right ascension and declination, a few ticks each."""
    ra, dec = axes.coords
    ra.set_axislabel("Right ascension")
    dec.set_axislabel("Declination", minpad=0.5)
    for coordinate in (ra, dec):
        coordinate.set_ticklabel(size="small", exclude_overlapping=True)
        coordinate.set_ticks(number=4)
    if ra.get_format_unit() == u.hourangle:
        ra.set_separator(_HOURS)
