"""Lanczos interpolation that leaves bad pixels out."""

from __future__ import annotations

from typing import Literal

import numpy as np
from astropy.nddata import CCDData
from pydantic import Field

from .._strategy import Strategy
from ._frame import frame_planes, nothing_projected
from ._lanczos_kernels import padded_planes, resample
from ._lanczos_weights import REACH, lanczos_polynomials
from .grid import MosaicGrid
from .pixel_map import PixelMap
from .protocol import ProjectedFrame

__all__ = ["LanczosResampler"]

_POLYNOMIALS = lanczos_polynomials()


class LanczosResampler(Strategy):
    r"""Resample with the Lanczos kernel of three lobes, the bad pixels left out.

    Parameters
    ----------
    max_lost : float, optional
        Largest sum of the magnitudes of the weights of bad pixels, or of
        pixels outside the frame, for which a value is still given. More than
        0, less than 1. Default: 0.15.

    Notes
    -----
    A value is the sum of 6 x 6 pixels with the weights

    .. math:: w = L(x - k)\,L(y - l), \quad L(t) = \mathrm{sinc}(t)\,\mathrm{sinc}(t/3)
        \quad (|t| < 3),

    normalised to the sum 1 over the good pixels, times the area of the
    grid's pixel in pixels of the frame, A, so that flux is conserved. The
    variance is :math:`A^2 \sum w^2 v`. Nothing is extrapolated: a grid pixel
    has a value only where its centre falls on the frame.

    The flux of a star of FWHM 4 pixels is kept to 0.1 % at any single place,
    and its peak to 0.8 %; both errors depend on where in a pixel the star
    falls, and average out over a dither pattern.

    Where a bad pixel near the middle of the kernel is left out, its value is
    replaced, in effect, by the mean of the others, which is wrong on a star.
    The default of ``max_lost`` is a compromise between that error and the
    pixels lost. Measured on the central pixel of 6000 stars (Moffat profile,
    FWHM 4 pixels) with 1 % of bad pixels, against the same without:

    ========  =======  ==============  ===================
    max_lost  masked   mean error      rms of one exposure
                       (of the peak)   (of the peak)
    ========  =======  ==============  ===================
    0.05      6.6 %    +0.0003         0.003
    0.15      2.7 %    -0.0004         0.006
    0.50      1.3 %    +0.0001         0.009
    ========  =======  ==============  ===================

    The rms goes down with the square root of the number of exposures, since
    their bad pixels fall on different places. With FWHM 2.6 pixels the errors
    at 0.15 are -0.0007 and 0.010, and the kernel itself, without any bad
    pixel, is off by 0.5 % of the peak (rms).

    Neighbouring values share pixels of the frame, so their noise is
    correlated: on a scale of ten pixels it is 1.11 times what the scatter of
    single pixels alone tells. The variance does not hold that.

    References
    ----------
    Duchon, C. E. 1979, J. Appl. Meteor., 18, 1016 (the kernel); Bertin, E., et
    al. 2002, ASP Conf. Ser., 281, 228 (its use for mosaics).

    Examples
    --------
    >>> from emirimg.projection import LanczosResampler
    >>> LanczosResampler(max_lost=0.3)
    LanczosResampler(max_lost=0.3)
    """

    name: Literal["lanczos3"] = "lanczos3"
    max_lost: float = Field(default=0.15, gt=0, lt=1)

    def __call__(self, frame: CCDData, grid: MosaicGrid, /) -> ProjectedFrame:
        """Resample ``frame`` to the part of ``grid`` that it touches.

        Parameters
        ----------
        frame : `~astropy.nddata.CCDData`
            Frame with a celestial WCS. Without an uncertainty, the variance
            of the result is 0.
        grid : MosaicGrid
            Grid, or a cutout of one.

        Returns
        -------
        ProjectedFrame
        """
        window = grid.window(frame.wcs, frame.shape)
        if window[0].start == window[0].stop:
            return nothing_projected()
        pixel_map = PixelMap.between(grid, frame.wcs, window=window)
        rows = pixel_map.source_rows(frame.shape[0], REACH)
        out = np.empty(pixel_map.shape, dtype=np.float32)
        out_variance, out_mask = np.empty_like(out), np.empty(out.shape, dtype=bool)
        resample(
            padded_planes(*frame_planes(frame, rows)), rows.start, frame.shape[0],
            pixel_map.nodes, pixel_map.step, *pixel_map.offset,
            _POLYNOMIALS, np.float32(self.max_lost),
            out, out_variance, out_mask,
        )  # fmt: skip
        return ProjectedFrame(window, out, out_variance, out_mask)
