"""Objects as connected pixels above one threshold."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from scipy.ndimage import correlate1d, find_objects, label

from .._strategy import Strategy
from ..combine.mosaic import Mosaic
from .background import block_map, smooth_background
from .mask import ObjectMask

__all__ = ["ThresholdMasker", "find_brightest"]

_BOX = 64
_KERNEL = np.array([0.25, 0.5, 0.25], dtype=np.float32)
_DIAGONAL = np.ones((3, 3))


class ThresholdMasker(Strategy):
    """Mask the pixels above a threshold that is the same everywhere.

    Parameters
    ----------
    threshold : float, optional
        In units of the typical noise of the mosaic. Default: 1.5.
    npixels : int, optional
        Least number of connected pixels. Default: 5.
    min_coverage : float, optional
        Part of the largest coverage below which nothing is masked.
        Default: 0.1.

    Notes
    -----
    The mosaic loses its background (medians of blocks of 64 pixels) and is
    smoothed by a pyramid of 3 x 3 pixels; the noise is the median of the
    robust rms of the blocks, before smoothing. The masks are not grown. Where
    few exposures overlap, the noise is higher than the typical one and much of
    it is masked; `SegmentationMasker` knows the noise of each pixel.

    References
    ----------
    Bertin, E. & Arnouts, S. 1996, A&AS, 117, 393.

    Examples
    --------
    >>> from emirimg.objects import ThresholdMasker
    >>> ThresholdMasker(threshold=2)
    ThresholdMasker(threshold=2.0)
    """

    name: Literal["threshold"] = "threshold"
    threshold: float = Field(default=1.5, gt=0)
    npixels: int = Field(default=5, ge=1)
    min_coverage: float = Field(default=0.1, ge=0, le=1)

    def __call__(self, mosaic: Mosaic, /) -> ObjectMask:
        """Return the mask of the objects of a mosaic."""
        labels = _detect(mosaic, self.threshold, self.npixels)[0]
        covered = mosaic.coverage >= self.min_coverage * mosaic.coverage.max()
        return ObjectMask((labels > 0) & covered & ~mosaic.mask, mosaic.grid)


def find_brightest(
    mosaic: Mosaic,
    number: int = 3,
    *,
    threshold: float = 3.0,
    npixels: int = 5,
    max_pixels: int = 5000,
    border: int = 300,
) -> NDArray[np.float64]:
    """Return where the brightest objects of a mosaic are.

    Parameters
    ----------
    mosaic : Mosaic
        The mosaic.
    number : int, optional
        How many objects, at most. Default: 3.
    threshold : float, optional
        In units of the typical noise, as for `ThresholdMasker`. Default: 3.
    npixels, max_pixels : int, optional
        Least and largest number of connected pixels. Default: 5 and 5000.
    border : int, optional
        Least distance of the barycentre from the border of the mosaic, in
        pixels. Default: 300.

    Returns
    -------
    `~numpy.ndarray`
        Shape (n, 2): barycentres (x, y), 0-based, the faintest first.
    """
    labels, image = _detect(mosaic, threshold, npixels)
    area = np.bincount(labels.ravel())
    ny, nx = labels.shape
    found = []
    for number_of, region in enumerate(find_objects(labels), start=1):
        if region is None or not npixels <= area[number_of] <= max_pixels:
            continue
        light = np.where(labels[region] == number_of, image[region], 0)
        flux = light.sum(dtype=float)
        positive = np.maximum(light, 0)
        rows, columns = (np.arange(along.start, along.stop) for along in region)
        total = positive.sum(dtype=float)
        x, y = (positive.sum(axis=0) @ columns) / total, (positive.sum(axis=1) @ rows) / total
        if border < x < nx - border and border < y < ny - border:
            found.append((flux, x, y))
    found.sort()
    return np.array([place[1:] for place in found[-number:]]).reshape(-1, 2)


def _detect(
    mosaic: Mosaic, threshold: float, npixels: int
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Return the labels of the objects, and the mosaic without its background."""
    nothing = np.zeros(mosaic.data.shape, dtype=bool)
    _, noise = block_map(mosaic.data, nothing, _BOX)
    image = mosaic.data - smooth_background(mosaic.data, nothing, _BOX)
    limit = threshold * float(np.nanmedian(noise))
    smooth = image
    for axis in (0, 1):
        smooth = correlate1d(smooth, _KERNEL, axis=axis, mode="constant")
    labels, _ = label(smooth > limit, structure=_DIAGONAL)
    labels[(np.bincount(labels.ravel()) < npixels)[labels]] = 0
    return labels, image
