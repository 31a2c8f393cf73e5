"""What to do with frames that their stars could not place."""

from __future__ import annotations

import warnings

import numpy as np
from astropy.wcs import WCS
from numpy.typing import NDArray

from .._wording import counted
from ..exceptions import AlignmentWarning
from ..instrument import pixel_scale
from ..stack import DitherStack
from .plane import common_plane, moved_wcs, reference_positions
from .registration import Registration
from .solution import LEFT_OUT

__all__ = ["with_fallbacks"]

_SCARCE = 6
"""With fewer matched stars in a typical frame, having none is no sign of a fault."""
_MOST_JUMP = 1.0
"""Pixels, rms: pointings that wander more from frame to frame are not interpolated."""


def with_fallbacks(
    stack: DitherStack, wcss: list[WCS], found: Registration
) -> tuple[list[WCS], tuple[str, ...]]:
    """Place the frames that the stars could not, or leave them out, and say so.

    Parameters
    ----------
    stack : DitherStack
        The frames.
    wcss : list of `~astropy.wcs.WCS`
        WCSs of their headers.
    found : Registration
        What the stars say.

    Returns
    -------
    wcss : list of `~astropy.wcs.WCS`
        A WCS for every frame.
    methods : tuple of str
        How each was found.

    Warns
    -----
    AlignmentWarning
        For every frame that is not placed by at least three stars.
    """
    if not found.placed.any():
        if len(stack) > 1:
            msg = (
                "no frame could be placed by its stars: all keep the WCS of their header, which"
                " may be wrong by several pixels. Lower the threshold, or raise max_shift"
            )
            warnings.warn(msg, AlignmentWarning, stacklevel=3)
        return [wcs.deepcopy() for wcs in wcss], ("header",) * len(wcss)
    plane = common_plane(wcss)
    correction = reference_positions(plane, found.wcss) - reference_positions(plane, wcss)
    seconds = stack.seconds
    order = np.flatnonzero(found.placed)
    order = order[np.argsort(seconds[order], kind="stable")]
    pixel = pixel_scale(wcss[0]).to_value("arcsec")
    steady = _wandering(seconds[order], correction[order]) <= _MOST_JUMP * pixel
    scarce = np.median(found.n_matched[found.placed]) < _SCARCE
    corrected, methods = [], []
    for index, name in enumerate(stack.names):
        if found.placed[index]:
            corrected.append(found.wcss[index])
            methods.append("stars")
            if found.n_matched[index] < 3:
                msg = f"{name} was placed by {counted(found.n_matched[index], 'star')} only"
                warnings.warn(msg, AlignmentWarning, stacklevel=3)
            continue
        east, north = (
            np.interp(seconds[index], seconds[order], correction[order, axis]) for axis in range(2)
        )
        corrected.append(moved_wcs(wcss[index], plane, np.array([east, north, 0.0, 0.0])))
        if scarce and steady:
            methods.append("interpolated")
            what = (
                "its header was corrected by the shift of its neighbours in time, which may be"
                " wrong by a pixel or more"
            )
        else:
            methods.append(LEFT_OUT)
            what = "it is left out of the mosaic"
        msg = f"{name} {found.reasons[index]}: {what}"
        warnings.warn(msg, AlignmentWarning, stacklevel=3)
    return corrected, tuple(methods)


def _wandering(seconds: NDArray[np.float64], correction: NDArray[np.float64]) -> float:
    """Return the rms error, per axis, of corrections interpolated from both neighbours."""
    if len(seconds) < 3:
        return 0.0
    before, after = seconds[:-2], seconds[2:]
    part = (seconds[1:-1] - before) / np.maximum(after - before, 1e-9)
    guess = correction[:-2] + part[:, None] * (correction[2:] - correction[:-2])
    return float(np.sqrt(np.mean((guess - correction[1:-1]) ** 2)))
