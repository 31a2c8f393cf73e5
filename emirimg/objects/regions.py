"""Object masks with regions that the user has drawn."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from astropy.wcs import WCS
from numpy.typing import NDArray

from ..combine.mosaic import Mosaic
from .mask import ObjectMask, ObjectMasker

__all__ = ["MaskWithRegions", "filled_outline"]


@dataclass(frozen=True)
class MaskWithRegions:
    """Mask regions of the user besides the objects that a masker finds.

    Parameters
    ----------
    masker : ObjectMasker
        Finds the objects.
    regions : callable
        ``regions(wcs)`` returns the outlines of the regions on an image with
        that WCS: arrays of shape (n, 2), x and y of the corners in 0-based pixels.
        `functools.partial` of `~emirimg.io.read_outlines` and a file is one.

    Examples
    --------
    >>> from functools import partial
    >>> from emirimg.io import read_outlines
    >>> from emirimg.objects import MaskWithRegions, SegmentationMasker
    >>> masker = MaskWithRegions(SegmentationMasker(), partial(read_outlines, "halo.reg"))
    >>> masker.masker
    SegmentationMasker()
    """

    masker: ObjectMasker
    regions: Callable[[WCS], Sequence[NDArray[np.float64]]]

    def __call__(self, mosaic: Mosaic, /) -> ObjectMask:
        """Return the mask of the objects and of the regions, where the mosaic has data."""
        mask = self.masker(mosaic).mask.copy()
        for outline in self.regions(mosaic.grid.wcs):
            mask |= filled_outline(outline, mask.shape) & ~mosaic.mask
        return ObjectMask(mask, mosaic.grid)


def filled_outline(outline: NDArray[np.float64], shape: tuple[int, int]) -> NDArray[np.bool_]:
    """Return which pixels have their centre inside an outline.

    Parameters
    ----------
    outline : `~numpy.ndarray`
        Corners, shape (n, 2), x and y in 0-based pixels.
    shape : tuple of int
        Shape (ny, nx) of the image.

    Examples
    --------
    >>> import numpy as np
    >>> from emirimg.objects import filled_outline
    >>> square = np.array([[0.5, 0.5], [2.5, 0.5], [2.5, 2.5], [0.5, 2.5]])
    >>> int(filled_outline(square, (5, 6)).sum())
    4
    """
    from matplotlib.path import Path  # noqa: PLC0415 (heavy)

    mask = np.zeros(shape, dtype=bool)
    low = np.maximum(np.floor(outline.min(axis=0)).astype(int), 0)
    high = np.minimum(np.ceil(outline.max(axis=0)).astype(int) + 1, shape[::-1])
    if (low >= high).any():
        return mask
    y, x = np.mgrid[low[1] : high[1], low[0] : high[0]]
    inside = Path(outline).contains_points(np.column_stack([x.ravel(), y.ravel()]))
    mask[low[1] : high[1], low[0] : high[0]] = inside.reshape(x.shape)
    return mask
