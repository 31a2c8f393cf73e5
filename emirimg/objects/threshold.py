"""Objects as connected pixels above one threshold."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import numpy as np
import scipy
from numpy.typing import NDArray
from pydantic import Field

from .._parallel import parallel_map, row_bands
from .._strategy import Strategy
from ..combine.mosaic import Mosaic
from ._clipped import clipped_background
from ._deblend import deblended
from .mask import ObjectMask

__all__ = ["ThresholdMasker", "find_brightest"]

_BOX = 64
_BAND = 128
"""Rows that are smoothed together."""
_KERNEL = np.array([0.25, 0.5, 0.25], dtype=np.float32)
_DIAGONAL = np.ones((3, 3))
_CANDIDATES = 8


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
    The mosaic loses its background, the mode of blocks of 64 pixels, and is
    smoothed by a pyramid of 3 x 3 pixels; the noise is the median of that of
    the blocks, before smoothing. The masks are not grown. Where few exposures
    overlap, the noise is higher than the typical one and much of it is masked;
    `SegmentationMasker` knows the noise of each pixel.

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
        background, _, noise = clipped_background(mosaic.data, _BOX)
        smooth = _smoothed(np.subtract(mosaic.data, background, out=background))
        labels, _ = _connected(smooth > self.threshold * noise, self.npixels)
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
        In units of the noise of the blocks around. Default: 3.
    npixels, max_pixels : int, optional
        Least and largest number of connected pixels. Default: 5 and 5000.
    border : int, optional
        Least distance of the barycentre from the border of the mosaic, in
        pixels. Default: 300.

    Returns
    -------
    `~numpy.ndarray`
        Shape (n, 2): barycentres (x, y), 0-based, the faintest first.

    Notes
    -----
    Background, smoothing and connected pixels as for `ThresholdMasker`; objects
    that touch are separated.

    Examples
    --------
    >>> import numpy as np
    >>> from astropy.io.fits import Header
    >>> from emirimg.combine import Mosaic
    >>> from emirimg.objects import find_brightest
    >>> from emirimg.projection import MosaicGrid
    >>> from emirimg.simulation import Scene
    >>> grid = MosaicGrid.covering([Scene(shape=(100, 100)).truth.wcs(0)], [(100, 100)])
    >>> y, x = np.indices(grid.shape)
    >>> data = np.random.default_rng(1).normal(0, 5, grid.shape)
    >>> data += 4000 * (1 + ((x - 50) ** 2 + (y - 60) ** 2) / 16) ** -3
    >>> planes = np.full((3, *grid.shape), 25, dtype=np.float32)
    >>> mosaic = Mosaic(
    ...     grid, data.astype("f4"), planes[0], data > 1e9, planes[1].astype("i2"), planes[2],
    ...     Header(),
    ... )
    >>> find_brightest(mosaic, 1, border=10).round()
    array([[50., 60.]])
    """
    background, noise, _ = clipped_background(mosaic.data, _BOX)
    image = np.subtract(mosaic.data, background, out=background)
    smooth = _smoothed(image)
    labels, above = _connected(smooth > threshold * noise(), npixels)
    found: list[tuple[float, float, float]] = []
    for most, region, whole in _candidates(labels, above, image, number, max_pixels):
        if len(found) >= number and found[-number][0] >= most:
            break  # none of its parts is as bright
        for light, x, y in _parts(whole, smooth[region], image[region], npixels):
            place = (x + region[1].start, y + region[0].start)
            sizes = zip(place, labels.shape[::-1], strict=True)
            if all(border < at < n - border for at, n in sizes):
                found.append((light, *place))
        found.sort()
    return np.array([place[1:] for place in found[-number:]]).reshape(-1, 2)


def _candidates(
    labels: NDArray[np.int32],
    above: NDArray[np.int_],
    image: NDArray[np.float32],
    number: int,
    max_pixels: int,
) -> list[tuple[float, tuple[slice, slice], NDArray[np.bool_]]]:
    """Return of the brightest objects the most light of a part, the cutout, and their pixels.

    Parts may be fainter than the whole: there are more than are needed. The one that may
    have the brightest part comes first.
    """
    numbers = labels.reshape(-1)[above]
    inside = numbers > 0
    numbers, place = numbers[inside], above[inside]
    if numbers.size == 0:
        return []
    area = np.bincount(numbers)
    flux = np.bincount(numbers, weights=image.reshape(-1)[place])
    flux[(area > max_pixels) | (area == 0)] = -np.inf
    found = []
    for label in np.argsort(flux)[-_CANDIDATES * number :]:
        if np.isfinite(flux[label]):
            y, x = np.divmod(place[numbers == label], labels.shape[1])
            region = slice(y.min(), y.max() + 1), slice(x.min(), x.max() + 1)
            whole = labels[region] == label
            found.append((float(image[region][whole].clip(0).sum()), region, whole))
    return sorted(found, key=lambda one: -one[0])


def _parts(
    whole: NDArray[np.bool_],
    smooth: NDArray[np.float32],
    image: NDArray[np.float32],
    npixels: int,
) -> Iterator[tuple[float, float, float]]:
    """Yield flux and barycentre (x, y) of the objects that touch each other in ``whole``."""
    parts = whole.astype(np.int32)
    if not _has_one_peak(smooth, whole):
        from photutils.segmentation import SegmentationImage  # noqa: PLC0415 (heavy, seldom wanted)

        parts = deblended(smooth, SegmentationImage(parts), npixels, contrast=0.005).data
    for part, region in enumerate(scipy.ndimage.find_objects(parts), start=1):
        light = np.where(parts[region] == part, image[region], 0).astype(float)
        y, x = scipy.ndimage.center_of_mass(np.maximum(light, 0))
        yield light.sum(), x + region[1].start, y + region[0].start


def _has_one_peak(smooth: NDArray[np.float32], whole: NDArray[np.bool_]) -> bool:
    """Tell whether no level divides an object: each part would have a pixel not outshone."""
    lowest = np.float32(-np.inf)
    inside = np.where(whole, smooth, lowest)
    around = scipy.ndimage.maximum_filter(inside, 3, mode="constant", cval=lowest)
    return np.count_nonzero(inside[whole] == around[whole]) == 1


def _smoothed(image: NDArray[np.float32]) -> NDArray[np.float32]:
    smooth = np.empty_like(image)

    def smooth_rows(rows: slice) -> None:
        low = max(rows.start - 1, 0)
        part = image[low : rows.stop + 1]
        for axis in (0, 1):
            part = scipy.ndimage.correlate1d(part, _KERNEL, axis=axis, mode="constant")
        smooth[rows] = part[rows.start - low :][: rows.stop - rows.start]

    parallel_map(smooth_rows, row_bands(len(image), _BAND))
    return smooth


def _connected(
    above: NDArray[np.bool_], npixels: int
) -> tuple[NDArray[np.int32], NDArray[np.int_]]:
    """Return labels of the connected pixels, small groups left out, and where pixels are above."""
    labels, _ = scipy.ndimage.label(above, structure=_DIAGONAL)
    place = np.flatnonzero(above)
    _leave_only(np.bincount(labels.reshape(-1)[place]) >= npixels, labels, place)
    return labels, place


def _leave_only(
    chosen: NDArray[np.bool_], labels: NDArray[np.int32], place: NDArray[np.int_]
) -> None:
    """Take away the labels that are not chosen, all of which are at ``place``: few pixels."""
    flat = labels.reshape(-1)
    flat[place[~chosen[flat[place]]]] = 0
