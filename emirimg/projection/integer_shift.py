"""Frames shifted by whole pixels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from astropy.nddata import CCDData
from astropy.wcs import WCS, WCSCOMPARE_CRPIX
from numpy.typing import NDArray

from .._strategy import Strategy
from ._frame import frame_planes, nothing_projected
from ._transform import WCS_LOCK, transform_pixels
from .grid import MosaicGrid
from .protocol import ProjectedFrame

__all__ = ["IntegerShiftResampler", "shift_grid", "whole_pixel_shifts"]


class IntegerShiftResampler(Strategy):
    """Shift frames by the nearest whole number of pixels.

    For frames of the scale and orientation of the grid, whose distortion was
    removed before (`Undistortion`). Nothing is interpolated; instead, stars
    are misplaced by up to half a pixel, which broadens those of FWHM 4 pixels
    by 2 % in a mosaic.

    Notes
    -----
    The shift is that of the middle of the frame. Values and variances are
    those of the frame: the pixels of frame and grid are taken to be equal.

    Examples
    --------
    >>> from emirimg.projection import IntegerShiftResampler
    >>> IntegerShiftResampler()
    IntegerShiftResampler()
    """

    name: Literal["integer_shift"] = "integer_shift"

    def __call__(self, frame: CCDData, grid: MosaicGrid, /) -> ProjectedFrame:
        """Place ``frame`` on the part of ``grid`` that it touches.

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
        whole = grid.whole or grid
        shift = whole._remembered(  # noqa: SLF001 (of the same package)
            frame.wcs, ("shift", frame.shape), lambda: _shift(frame.wcs, frame.shape, whole.wcs)
        )
        start = [int(s) - origin for s, origin in zip(shift[::-1], grid.origin, strict=True)]
        window, part = zip(
            *(
                _overlap(first, length, size)
                for first, length, size in zip(start, frame.shape, grid.shape, strict=True)
            ),
            strict=True,
        )
        if any(along.start >= along.stop for along in window):
            return nothing_projected()
        data, variance, mask = (plane[:, part[1]] for plane in frame_planes(frame, part[0]))
        unusable = mask | ~np.isfinite(data)
        data, variance = data.copy(), variance.copy()
        hidden = np.flatnonzero(unusable)
        for plane in (data, variance):  # faster than `numpy.where` and `numpy.copyto`
            plane.reshape(-1)[hidden] = 0
        return ProjectedFrame(window, data, variance, unusable)


def whole_pixel_shifts(wcss: Sequence[WCS], shapes: Sequence[tuple[int, int]]) -> NDArray[np.int_]:
    """Return where the first pixels of frames lie on their `shift_grid`.

    Parameters
    ----------
    wcss : sequence of `~astropy.wcs.WCS`
        WCSs of the frames, without distortion.
    shapes : sequence of tuple of int
        Their shapes (ny, nx).

    Returns
    -------
    `~numpy.ndarray` of int
        Shape (n, 2): x and y of pixel (0, 0) of each frame.

    Examples
    --------
    >>> from emirimg.instrument import undistorted
    >>> from emirimg.projection import whole_pixel_shifts
    >>> from emirimg.simulation import Scene
    >>> truth = Scene(shape=(64, 64), n_exposures=3).truth
    >>> wcss = [undistorted(truth.wcs(index)) for index in range(3)]
    >>> whole_pixel_shifts(wcss, [(64, 64)] * 3)
    array([[  0, 184],
           [188,   0],
           [262, 256]])
    """
    shifts = np.array(
        [_shift(wcs, shape, wcss[0]) for wcs, shape in zip(wcss, shapes, strict=True)]
    )
    return shifts - shifts.min(axis=0)


def shift_grid(wcss: Sequence[WCS], shapes: Sequence[tuple[int, int]]) -> MosaicGrid:
    """Return the bounding box of frames that are shifted by whole pixels.

    Parameters
    ----------
    wcss : sequence of `~astropy.wcs.WCS`
        WCSs of the frames, without distortion.
    shapes : sequence of tuple of int
        Their shapes (ny, nx).

    Returns
    -------
    MosaicGrid
        The pixels of the first frame, continued to all sides.

    Examples
    --------
    >>> from emirimg.instrument import undistorted
    >>> from emirimg.projection import shift_grid
    >>> from emirimg.simulation import Scene
    >>> truth = Scene(shape=(64, 64), n_exposures=3).truth
    >>> wcss = [undistorted(truth.wcs(index)) for index in range(3)]
    >>> shift_grid(wcss, [(64, 64)] * 3).shape
    (320, 326)
    """
    shifts = whole_pixel_shifts(wcss, shapes)
    width, height = (shifts + [shape[::-1] for shape in shapes]).max(axis=0)
    wcs = wcss[0].deepcopy()
    wcs.wcs.crpix = wcs.wcs.crpix + shifts[0]
    wcs.wcs.set()
    return MosaicGrid(wcs, (int(height), int(width)))


def _shift(wcs: WCS, shape: tuple[int, int], target: WCS) -> NDArray[np.int_]:
    """Return x and y of a frame's first pixel in the target, in whole pixels."""
    with WCS_LOCK:
        if wcs.wcs.compare(target.wcs, WCSCOMPARE_CRPIX):
            # The same pixels, counted from elsewhere.
            return np.rint(target.wcs.crpix - wcs.wcs.crpix).astype(int)
    middle = (np.array(shape[::-1], dtype=float) - 1) // 2
    x, y = transform_pixels(*middle, wcs, target)
    return np.rint(np.array([x, y], dtype=float) - middle).astype(int)


def _overlap(first: int, length: int, size: int) -> tuple[slice, slice]:
    """Return which pixels of a grid a frame fills, and with which of its own."""
    low, high = max(first, 0), min(first + length, size)
    return slice(low, high), slice(low - first, high - first)
