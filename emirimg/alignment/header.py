"""The alignment that believes the headers."""

from __future__ import annotations

from typing import Literal

import astropy.units as u
import numpy as np

from .._strategy import Strategy
from ..stack import DitherStack
from .plane import wcss_of
from .solution import Alignment

__all__ = ["HeaderAlignment"]


class HeaderAlignment(Strategy):
    """Take the WCSs of the headers as they are.

    Right for frames that were aligned before. The pointing in a raw header is
    wrong by several pixels and drifts along a sequence.

    Notes
    -----
    Nothing is measured: residuals and seeing are NaN, the transparency is 1 and
    the first frame is the reference.

    Examples
    --------
    >>> from emirimg.alignment import HeaderAlignment
    >>> from emirimg.simulation import Scene
    >>> from emirimg.stack import DitherStack
    >>> scene = Scene(n_exposures=2, shape=(32, 32), n_stars=0, n_galaxies=0)
    >>> stack = DitherStack.from_frames([scene.exposure(index) for index in range(2)])
    >>> HeaderAlignment()(stack).methods
    ('header', 'header')
    """

    name: Literal["header"] = "header"

    def __call__(self, stack: DitherStack, /) -> Alignment:
        """Return the WCSs of the frames.

        Raises
        ------
        AlignmentError
            If a frame has no WCS.
        """
        n_frames = len(stack)
        return Alignment(
            wcss=tuple(wcs.deepcopy() for wcs in wcss_of(stack)),
            methods=("header",) * n_frames,
            shifts=np.zeros((n_frames, 2)),
            residuals=np.full(n_frames, np.nan) * u.arcsec,
            n_matched=np.zeros(n_frames, dtype=int),
            transparency=np.ones(n_frames),
            fwhm=np.full(n_frames, np.nan) * u.arcsec,
            ellipticity=np.full(n_frames, np.nan),
            reference=0,
        )
