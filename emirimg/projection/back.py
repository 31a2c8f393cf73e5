"""From the mosaic back to the plane of a frame."""

from __future__ import annotations

import numpy as np
from astropy.wcs import WCS
from numpy.typing import NDArray

from ._back_kernels import cubic, nearest
from .grid import MosaicGrid
from .pixel_map import PixelMap

__all__ = ["blot", "project_mask"]

_MAX_LOST = np.float32(0.15)


def blot(
    image: NDArray[np.floating],
    mask: NDArray[np.bool_],
    grid: MosaicGrid,
    wcs: WCS,
    shape: tuple[int, int],
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Sample a mosaic at the pixels of a frame.

    Parameters
    ----------
    image : `~numpy.ndarray`
        The mosaic, values per pixel of the grid, shape of the grid.
    mask : `~numpy.ndarray` of bool
        True where ``image`` must not be used.
    grid : MosaicGrid
        Where the pixels of ``image`` lie.
    wcs : `~astropy.wcs.WCS`
        Celestial WCS of the frame.
    shape : tuple of int
        Shape (ny, nx) of the frame.

    Returns
    -------
    values : `~numpy.ndarray` of float32
        What the frame would show, in values per pixel of the frame (flux is
        conserved); 0 where masked.
    mask : `~numpy.ndarray` of bool
        True where the mosaic does not tell.

    Raises
    ------
    ValueError
        If ``image`` or ``mask`` does not have the shape of the grid.

    Notes
    -----
    Cubic convolution over 4 x 4 pixels, masked ones left out; a value is
    given up where their weights have magnitudes of more than 0.15 together.

    References
    ----------
    Keys, R. 1981, IEEE Trans. Acoust. Speech Signal Process., 29, 1153.

    Examples
    --------
    >>> import numpy as np
    >>> from emirimg.projection import MosaicGrid, blot
    >>> from emirimg.simulation import Scene
    >>> wcs = Scene(shape=(64, 64)).truth.wcs(0)
    >>> grid = MosaicGrid.covering([wcs], [(64, 64)])
    >>> mosaic = np.full(grid.shape, 100, dtype=np.float32)
    >>> values, mask = blot(mosaic, np.zeros(grid.shape, dtype=bool), grid, wcs, (64, 64))
    >>> print(values.shape, f"{np.median(values):.0f}")
    (64, 64) 100
    """
    _check("image", image, grid)
    _check("mask", mask, grid)
    pixel_map = PixelMap.between(MosaicGrid(wcs, shape), grid.wcs)
    values, unknown = np.empty(shape, dtype=np.float32), np.empty(shape, dtype=bool)
    good = np.isfinite(image)
    np.greater(good, mask, out=good)
    cubic(
        np.ascontiguousarray(image, dtype=np.float32), np.logical_not(good, out=good),
        pixel_map.nodes, pixel_map.step, *pixel_map.offset, _MAX_LOST, values, unknown,
    )  # fmt: skip
    return values, unknown


def project_mask(
    mask: NDArray[np.bool_], grid: MosaicGrid, wcs: WCS, shape: tuple[int, int]
) -> NDArray[np.bool_]:
    """Carry a mask of the mosaic to the plane of a frame.

    Parameters
    ----------
    mask : `~numpy.ndarray` of bool
        Mask with the shape of the grid.
    grid : MosaicGrid
        Where the pixels of ``mask`` lie.
    wcs : `~astropy.wcs.WCS`
        Celestial WCS of the frame.
    shape : tuple of int
        Shape (ny, nx) of the frame.

    Returns
    -------
    `~numpy.ndarray` of bool
        The value of the nearest pixel of ``mask``; False outside the grid.

    Raises
    ------
    ValueError
        If ``mask`` does not have the shape of the grid.

    Examples
    --------
    >>> import numpy as np
    >>> from emirimg.projection import MosaicGrid, project_mask
    >>> from emirimg.simulation import Scene
    >>> wcs = Scene(shape=(64, 64)).truth.wcs(0)
    >>> grid = MosaicGrid.covering([wcs], [(64, 64)])
    >>> mask = np.zeros(grid.shape, dtype=bool)
    >>> x, y = grid.wcs.world_to_pixel_values(*wcs.pixel_to_world_values(20, 50))
    >>> mask[round(float(y)), round(float(x))] = True
    >>> bool(project_mask(mask, grid, wcs, (64, 64))[50, 20])
    True
    """
    _check("mask", mask, grid)
    pixel_map = PixelMap.between(MosaicGrid(wcs, shape), grid.wcs)
    out = np.empty(shape, dtype=bool)
    nearest(
        np.ascontiguousarray(mask, dtype=bool),
        pixel_map.nodes, pixel_map.step, *pixel_map.offset, out,
    )  # fmt: skip
    return out


def _check(name: str, plane: NDArray, grid: MosaicGrid) -> None:
    if plane.shape != grid.shape:
        msg = f"{name} must have the shape of the grid {grid.shape}, got {plane.shape}"
        raise ValueError(msg)
