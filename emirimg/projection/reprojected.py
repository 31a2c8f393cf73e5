"""Resampling by the algorithms of the reproject package."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import numpy as np
from astropy.nddata import CCDData
from numpy.typing import NDArray
from pydantic import Field

from .._strategy import Strategy
from ._frame import frame_planes, nothing_projected
from .grid import MosaicGrid
from .pixel_map import PixelMap
from .protocol import ProjectedFrame

__all__ = ["AdaptiveResampler", "ExactResampler", "InterpResampler"]

_REACH = 8
"""More rows of a frame than any of the kernels reads around a point."""


class InterpResampler(Strategy):
    r"""Resample by bilinear interpolation (`reproject.reproject_interp`).

    Parameters
    ----------
    max_lost : float, optional
        Largest part of the weight that bad pixels may have for a value still
        to be given; they are left out and the others renormalised. More than
        0, less than 1. Default: 0.15.

    Notes
    -----
    reproject conserves surface brightness; the values are multiplied by the
    area of the grid's pixel in pixels of the frame, A, so that flux is
    conserved. The variance is :math:`A^2 \sum w^2 v`, with the four bilinear
    weights w. Bilinear interpolation broadens stars of FWHM 4 pixels by 4 %
    and correlates the noise: on a scale of ten pixels it is about 1.5 times
    what the variances alone tell.

    Examples
    --------
    >>> import numpy as np
    >>> from astropy.nddata import CCDData
    >>> from emirimg.projection import InterpResampler, MosaicGrid
    >>> from emirimg.simulation import Scene
    >>> wcs = Scene(shape=(64, 64)).truth.wcs(0)
    >>> frame = CCDData(np.full((64, 64), 100.0), unit="adu", wcs=wcs)
    >>> grid = MosaicGrid.covering([wcs], [(64, 64)])
    >>> projected = InterpResampler()(frame, grid)
    >>> print(f"{np.median(projected.data[~projected.mask]):.1f}")
    100.0
    """

    name: Literal["interp"] = "interp"
    max_lost: float = Field(default=0.15, gt=0, lt=1)

    def __call__(self, frame: CCDData, grid: MosaicGrid, /) -> ProjectedFrame:
        """Resample ``frame`` to the part of ``grid`` that it touches."""
        from reproject import reproject_interp  # noqa: PLC0415 (heavy)

        return _project(reproject_interp, frame, grid, self.max_lost, bilinear=True)


class AdaptiveResampler(Strategy):
    r"""Resample by adaptive Gaussian filtering (`reproject.reproject_adaptive`).

    Parameters
    ----------
    max_lost : float, optional
        As for `InterpResampler`. Default: 0.15.

    Notes
    -----
    As for `InterpResampler`, but for the variance: reproject does not tell
    the weights, so it is :math:`A^2 \sum w v`, the variance that uncorrelated
    pixels with the same noise on large scales would have. The scatter of
    single pixels is smaller, because neighbours are averaged. The filter
    broadens stars of FWHM 4 pixels by 9 %.

    References
    ----------
    DeForest, C. E. 2004, Solar Physics, 219, 3.

    Examples
    --------
    >>> import numpy as np
    >>> from astropy.nddata import CCDData
    >>> from emirimg.projection import AdaptiveResampler, MosaicGrid
    >>> from emirimg.simulation import Scene
    >>> wcs = Scene(shape=(64, 64)).truth.wcs(0)
    >>> frame = CCDData(np.full((64, 64), 100.0), unit="adu", wcs=wcs)
    >>> grid = MosaicGrid.covering([wcs], [(64, 64)])
    >>> projected = AdaptiveResampler()(frame, grid)
    >>> print(f"{np.median(projected.data[~projected.mask]):.1f}")
    100.0
    """

    name: Literal["adaptive"] = "adaptive"
    max_lost: float = Field(default=0.15, gt=0, lt=1)

    def __call__(self, frame: CCDData, grid: MosaicGrid, /) -> ProjectedFrame:
        """Resample ``frame`` to the part of ``grid`` that it touches."""
        from reproject import reproject_adaptive  # noqa: PLC0415 (heavy)

        return _project(reproject_adaptive, frame, grid, self.max_lost)


class ExactResampler(Strategy):
    """Resample by the overlap of pixels on the sphere (`reproject.reproject_exact`).

    Parameters
    ----------
    max_lost : float, optional
        As for `InterpResampler`; the part of the grid's pixel outside the
        frame counts as lost. Default: 0.15.

    Notes
    -----
    As for `AdaptiveResampler`; stars of FWHM 4 pixels become 4 % broader.
    Every pixel is a polygon on the sphere, which takes about ten times longer
    than bilinear interpolation.

    Examples
    --------
    >>> import numpy as np
    >>> from astropy.nddata import CCDData
    >>> from emirimg.projection import ExactResampler, MosaicGrid
    >>> from emirimg.simulation import Scene
    >>> wcs = Scene(shape=(64, 64)).truth.wcs(0)
    >>> frame = CCDData(np.full((64, 64), 100.0), unit="adu", wcs=wcs)
    >>> grid = MosaicGrid.covering([wcs], [(64, 64)])
    >>> projected = ExactResampler()(frame, grid)
    >>> print(f"{np.median(projected.data[~projected.mask]):.1f}")
    100.0
    """

    name: Literal["exact"] = "exact"
    max_lost: float = Field(default=0.15, gt=0, lt=1)

    def __call__(self, frame: CCDData, grid: MosaicGrid, /) -> ProjectedFrame:
        """Resample ``frame`` to the part of ``grid`` that it touches."""
        from reproject import reproject_exact  # noqa: PLC0415 (heavy)

        return _project(reproject_exact, frame, grid, self.max_lost)


def _project(
    reproject: Callable[..., Any],
    frame: CCDData,
    grid: MosaicGrid,
    max_lost: float,
    *,
    bilinear: bool = False,
) -> ProjectedFrame:
    """Resample with one of reproject's functions, the bad pixels left out.

    The functions are linear. Applied to data, variance and a plane of ones,
    all with 0 in the bad pixels, they give the sums of w d, w v and w over
    the good ones.
    """
    window = grid.window(frame.wcs, frame.shape)
    if window[0].start == window[0].stop:
        return nothing_projected()
    target = grid.cutout(*window)
    pixel_map = PixelMap.between(target, frame.wcs)
    rows = pixel_map.source_rows(frame.shape[0], _REACH)
    if rows.start == rows.stop:
        return nothing_projected()
    data, variance, mask = frame_planes(frame, rows)
    planes = np.stack([data, variance, np.ones_like(data)]).astype(np.float64)
    planes[:, mask] = 0
    source = MosaicGrid(frame.wcs, frame.shape).cutout(rows)
    sums, footprint = reproject(
        (planes, source.wcs), target.wcs, shape_out=(3, *target.shape), return_footprint=True
    )
    value, spread, weight = sums
    usable = weight * footprint[0] >= 1 - max_lost
    x, y = pixel_map.coordinates()
    usable &= (x >= -0.5) & (x <= frame.shape[1] - 0.5)
    usable &= (y >= -0.5) & (y <= frame.shape[0] - 0.5)
    weight[~usable] = 1
    scale = pixel_map.area_ratio() / weight
    if bilinear:
        spread = _bilinear_variance(planes[1], x, y - rows.start) / weight
    return ProjectedFrame(
        window,
        np.where(usable, value * scale, 0).astype(np.float32),
        np.where(usable, spread * scale * pixel_map.area_ratio(), 0).astype(np.float32),
        ~usable,
    )


def _bilinear_variance(
    variance: NDArray[np.float64], x: NDArray[np.float64], y: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the sum of w^2 v over the four pixels around each point."""
    height, width = variance.shape
    # Half a pixel outside the outermost centres, reproject repeats these.
    x, y = np.clip(x, 0, width - 1), np.clip(y, 0, height - 1)
    left = np.minimum(x.astype(int), max(width - 2, 0))
    low = np.minimum(y.astype(int), max(height - 2, 0))
    fx, fy = x - left, y - low
    total = np.zeros_like(x)
    for up, wy in ((0, 1 - fy), (1, fy)):
        for right, wx in ((0, 1 - fx), (1, fx)):
            row, column = np.minimum(low + up, height - 1), np.minimum(left + right, width - 1)
            total += (wy * wx) ** 2 * variance[row, column]
    return total
