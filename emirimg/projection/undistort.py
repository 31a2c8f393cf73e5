"""Remove the distortion of a frame, on a grid of the frame's own."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor
from typing import Any, Literal

import numpy as np
from astropy.nddata import CCDData, VarianceUncertainty
from astropy.wcs import WCS
from numpy.typing import NDArray

from .._parallel import parallel_map, row_bands
from .._provenance import add_history
from .._strategy import Strategy
from ..instrument import undistorted
from ._bilinear_kernels import interpolate_bilinear
from ._frame import frame_planes
from .grid import MosaicGrid
from .pixel_map import PixelMap

__all__ = ["Undistortion", "undistort_labels"]

_BAND = 128
_LEAST_FOOTPRINT = 0.98
"""Part of a pixel that must lie on the frame."""

Planes = tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.bool_]]


class Undistortion(Strategy):
    r"""Resample a frame to its own WCS without the distortion, in the same shape.

    The frames of a dither pattern are then shifted copies of the sky that can
    be aligned by whole pixels (`IntegerShiftResampler`). Where that is not
    needed, one resampling to the mosaic is sharper.

    Parameters
    ----------
    method : {"interp", "adaptive", "exact"}, optional
        Bilinear interpolation; adaptive Gaussian filter; overlap of pixels on
        the sphere. Default: ``"interp"``.

    Notes
    -----
    Values are multiplied by the solid angle of the new pixel over that of the
    old, A, so that flux is conserved; A is the Jacobian of the pixel map.
    Masked pixels take part with their values, so they should have been
    interpolated; whatever they contribute to is masked. Pixels of which less
    than 98 % lies on the frame are 0 and masked.

    With the weights w of bilinear interpolation the variance is
    :math:`A^2 \sum w^2 v`; for the other methods, whose weights are not known,
    it is that of large scales, :math:`A^2 \sum w v`. The noise of neighbouring
    pixels is correlated.

    Stars of FWHM 4 pixels become 3 % (interp, exact) or 8 % (adaptive)
    broader. One per cent of bad pixels becomes 3 % (interp, exact) or 10 %
    (adaptive).

    References
    ----------
    DeForest, C. E. 2004, Solar Physics, 219, 3 (adaptive).

    Examples
    --------
    >>> from emirimg.projection import Undistortion
    >>> Undistortion(method="exact")
    Undistortion(method='exact')
    """

    name: Literal["undistortion"] = "undistortion"
    method: Literal["interp", "adaptive", "exact"] = "interp"

    def __call__(self, frame: CCDData, /, *, executor: Executor | None = None) -> CCDData:
        """Return the frame without distortion.

        Parameters
        ----------
        frame : `~astropy.nddata.CCDData`
            Calibrated frame with a ZPN WCS, shape (ny, nx).
        executor : `concurrent.futures.Executor`, optional
            Where bands of rows are worked on (interp only). Default: threads.

        Returns
        -------
        `~astropy.nddata.CCDData`
            Data of float32, variance (where the frame has one) and mask, with
            a WCS whose only radial coefficient is the first.
        """
        wcs = undistorted(frame.wcs)
        target = MosaicGrid(wcs, frame.shape)
        pixel_map = PixelMap.between(target, frame.wcs)
        if self.method == "interp":
            data, variance, mask = _bilinear(frame, pixel_map, executor)
        else:
            import reproject  # noqa: PLC0415 (heavy)

            function = getattr(reproject, f"reproject_{self.method}")
            data, variance, mask = _reprojected(frame, target, pixel_map, function)
        meta = frame.meta.copy()
        for key in [key for key in meta if key.startswith("PV2_") and key != "PV2_1"]:
            del meta[key]
        add_history(meta, f"removed the distortion by {self!r}")
        return CCDData(
            data,
            unit=frame.unit,
            mask=mask,
            uncertainty=None if frame.uncertainty is None else VarianceUncertainty(variance),
            meta=meta,
            wcs=wcs,
        )


def _bilinear(frame: CCDData, pixel_map: PixelMap, executor: Executor | None) -> Planes:
    planes = frame_planes(frame, slice(None))
    out = np.empty(frame.shape, dtype=np.float32)
    out_variance, out_mask = np.empty_like(out), np.empty(out.shape, dtype=bool)

    def fill(rows: slice) -> None:
        interpolate_bilinear(
            *planes, pixel_map.nodes, pixel_map.step, *pixel_map.offset, rows.start,
            out[rows], out_variance[rows], out_mask[rows],
        )  # fmt: skip

    parallel_map(fill, row_bands(frame.shape[0], _BAND), executor=executor)
    return out, out_variance, out_mask


def _reprojected(
    frame: CCDData, target: MosaicGrid, pixel_map: PixelMap, function: Callable[..., Any]
) -> Planes:
    planes = np.stack(frame_planes(frame, slice(None)), dtype=np.float64)
    (value, spread, share), footprint = function(
        (planes, frame.wcs), target.wcs, shape_out=planes.shape, return_footprint=True
    )
    usable = (footprint[0] >= _LEAST_FOOTPRINT) & np.isfinite(value)
    ratio = pixel_map.area_ratio()
    data = np.where(usable, value * ratio, 0).astype(np.float32)
    variance = np.where(usable, spread * ratio**2, 0).astype(np.float32)
    return data, variance, ~usable | (share > 0)


def undistort_labels(labels: NDArray[np.integer], wcs: WCS) -> NDArray[np.integer]:
    """Take an image of labels along when the distortion of a frame is removed.

    Parameters
    ----------
    labels : `~numpy.ndarray` of int
        Labels of the pixels of a frame, such as their channels, shape (ny, nx).
    wcs : `~astropy.wcs.WCS`
        WCS of the frame, distortion included.

    Returns
    -------
    `~numpy.ndarray`
        Labels of the nearest pixels, in the type of ``labels``; 0 outside of
        the frame.

    Examples
    --------
    >>> import numpy as np
    >>> from emirimg.instrument import H2RG
    >>> from emirimg.projection import undistort_labels
    >>> from emirimg.simulation import Scene
    >>> channels = H2RG.channel_numbers()
    >>> straight = undistort_labels(channels, Scene(detector="H2RG").truth.wcs(0))
    >>> channels[1000, 60:70]
    array([1, 1, 1, 1, 2, 2, 2, 2, 2, 2], dtype=uint8)
    >>> straight[1000, 60:70]
    array([1, 1, 1, 1, 1, 1, 1, 1, 1, 1], dtype=uint8)
    """
    target = MosaicGrid(undistorted(wcs), labels.shape)
    x, y = PixelMap.between(target, wcs).coordinates()
    height, width = labels.shape
    inside = (x >= -0.5) & (x <= width - 0.5) & (y >= -0.5) & (y <= height - 0.5)
    column = np.clip(np.rint(x), 0, width - 1).astype(np.intp)
    row = np.clip(np.rint(y), 0, height - 1).astype(np.intp)
    return np.where(inside, labels[row, column], 0).astype(labels.dtype)
