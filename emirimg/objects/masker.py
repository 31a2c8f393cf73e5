"""Object masks by segmentation of the mosaic."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Literal

import numpy as np
import scipy
from numpy.typing import NDArray
from pydantic import Field

from .._parallel import row_bands
from .._strategy import Strategy
from ..alignment.smoothing import gaussian_smoothed
from ..combine.mosaic import Mosaic
from .background import block_map, robust_rms, some_pixels, subtract_background
from .kernels import grow_labels
from .mask import ObjectMask

__all__ = ["SegmentationMasker"]

_BACKGROUND_BOX = 160
_FINE_SIGMA = 1.5
_COARSE_BIN = 4
_COARSE_SIGMA = 1.5
_COARSE_LEAST = 0.3
_NOISE_BOX = 128
_MOST_NOISE = 1.3
"""Noise of a block in units of the typical one: the rest is objects."""
_DIAGONAL = np.ones((3, 3))
_BAND = 256
"""Rows that are worked on together."""


class SegmentationMasker(Strategy):
    """Mask what stands out of the noise, and the haloes around it.

    Parameters
    ----------
    threshold : float
        Level from which connected pixels are taken for an object, in units of
        the noise of the smoothed mosaic. Default: 3.
    npixels : int
        Least number of connected pixels. Default: 6.
    faintest_halo : float
        Surface brightness to which the mask of an object reaches, in units of
        the noise of a pixel. Default: 0.05.
    slope : float
        Exponent of the fall of a halo, ``r**-slope``, beyond the threshold.
        Smaller values grow masks more. Default: 4.

    Notes
    -----
    The mosaic, in units of its noise (the root of its variance), loses its
    large-scale background, measured in blocks of 160 pixels between the objects
    of a first detection. Objects are connected pixels above the threshold on
    two scales: smoothed with a Gaussian of 1.5 pixels, and, in what that leaves
    over, binned 4 x 4 and smoothed with a Gaussian of 6 pixels, for haloes too
    faint for the first.
    The noise of both is measured (1.4826 times the median absolute deviation
    in blocks of 128 pixels), because the noise of neighbouring pixels of a
    mosaic is correlated.

    The mask of each object grows by the distance in which its light, which
    falls from the isophote at the threshold as ``r**-slope`` (a
    de Vaucouleurs profile has a slope of 2 to 3, the wing of a Moffat profile
    of 2 beta), sinks to ``faintest_halo``; the radius of the isophote is that
    of a circle of the same area. Pixels without data are False, unless an object
    surrounds them: the core of a saturated star belongs to its mask.

    On a simulated field of 1750 sources in 7 x 7 arcmin the default masks 15 %
    of the mosaic and leaves light of 0.003 of the noise of a pixel, in the mean,
    between the objects.

    Examples
    --------
    >>> import numpy as np
    >>> from astropy.io.fits import Header
    >>> from emirimg.combine import Mosaic
    >>> from emirimg.objects import SegmentationMasker
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
    >>> objects = SegmentationMasker()(mosaic)
    >>> bool(objects.mask[60, 50]), bool(objects.mask[5, 5])
    (True, False)
    >>> wide = SegmentationMasker(slope=3.0)(mosaic)  # for larger haloes
    >>> wide.fraction > objects.fraction
    True
    """

    name: Literal["segmentation"] = "segmentation"
    threshold: float = Field(default=3.0, gt=0)
    npixels: int = Field(default=6, ge=1)
    faintest_halo: float = Field(default=0.05, gt=0)
    slope: float = Field(default=4.0, gt=0)

    def __call__(self, mosaic: Mosaic, /) -> ObjectMask:
        """Return the mask of the objects of a mosaic."""
        empty = mosaic.mask | ~(mosaic.variance > 0) | ~np.isfinite(mosaic.data)
        if empty.all():
            return ObjectMask(np.zeros(mosaic.grid.shape, dtype=bool), mosaic.grid)
        # Made anew for the second search: to keep it meanwhile would cost a plane of memory.
        signal = _less_background(mosaic, empty, empty)
        masked = self._grown(signal, empty)
        masked |= empty
        del signal
        signal = _less_background(mosaic, empty, masked)
        del masked
        grown = self._grown(signal, empty)
        del signal
        return ObjectMask((grown & ~empty) | _cores(empty, grown), mosaic.grid)

    def _grown(self, signal: NDArray[np.float32], empty: NDArray[np.bool_]) -> NDArray[np.bool_]:
        with ThreadPoolExecutor(max_workers=1) as beside:
            measuring = beside.submit(_pixel_noise, signal, empty)
            smooth = gaussian_smoothed(signal, _FINE_SIGMA)
            noise = measuring.result()
        above, level = self._above(smooth, empty, 1)
        del smooth
        found = self._grow(above, level, noise)
        # The coarse scale sees only what the fine one has left over.
        smooth, unknown = _coarse(signal, empty | found)
        coarse = self._grow(*self._above(smooth, unknown, _COARSE_BIN), noise)
        ny, nx = signal.shape
        found |= np.repeat(np.repeat(coarse, _COARSE_BIN, 0), _COARSE_BIN, 1)[:ny, :nx]
        return found

    def _above(
        self, smooth: NDArray[np.float32], empty: NDArray[np.bool_], step: int
    ) -> tuple[NDArray[np.bool_], float]:
        """Return the pixels above the threshold on one scale, and the typical threshold."""
        noises, rows, columns = _local_noise(smooth, empty, _NOISE_BOX // step)
        limits = self.threshold * noises
        above = np.empty(smooth.shape, dtype=bool)
        for band, along in zip(pairwise(rows), limits, strict=True):
            inside = slice(*band)
            np.greater(smooth[inside], np.repeat(along, np.diff(columns)), out=above[inside])
        np.greater(above, empty, out=above)
        return above, _median_of_blocks(limits, rows, columns)

    def _grow(self, above: NDArray[np.bool_], level: float, noise: float) -> NDArray[np.bool_]:
        """Return the objects of connected pixels, grown from the level to their haloes.

        They take the place of these pixels.
        """
        labels, count = scipy.ndimage.label(above, structure=_DIAGONAL)
        if count == 0:
            return above
        places = np.flatnonzero(above)
        area = np.bincount(labels.ravel()[places], minlength=count + 1)
        fall = max(1.0, level / (self.faintest_halo * noise)) ** (1 / self.slope)
        radius = np.sqrt(area / np.pi) * (fall - 1) + 1
        radius[area < self.npixels] = -1
        above[:] = False
        grow_labels(labels.astype(np.int32, copy=False), places, radius, above)
        return above


def _less_background(
    mosaic: Mosaic, empty: NDArray[np.bool_], masked: NDArray[np.bool_]
) -> NDArray[np.float32]:
    """Return a mosaic in units of its noise, less the background between what is masked."""
    signal = np.empty(mosaic.grid.shape, dtype=np.float32)
    with np.errstate(divide="ignore", invalid="ignore"):  # what is empty
        for rows in row_bands(len(signal), _BAND):
            np.divide(mosaic.data[rows], np.sqrt(mosaic.variance[rows]), out=signal[rows])
    subtract_background(signal, masked, _BACKGROUND_BOX)
    signal[empty] = 0
    return signal


def _cores(empty: NDArray[np.bool_], objects: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return the pixels without data that an object surrounds on all sides."""
    cores = np.zeros_like(empty)
    labels, _ = scipy.ndimage.label(empty, structure=_DIAGONAL)
    ny, nx = empty.shape
    for number, (rows, columns) in enumerate(scipy.ndimage.find_objects(labels), start=1):
        if rows.start == 0 or columns.start == 0 or rows.stop == ny or columns.stop == nx:
            continue
        box = slice(rows.start - 1, rows.stop + 1), slice(columns.start - 1, columns.stop + 1)
        hole = labels[box] == number
        rim = scipy.ndimage.binary_dilation(hole, structure=_DIAGONAL) & ~hole
        if objects[box][rim].all():
            cores[box] |= hole
    return cores


def _pixel_noise(signal: NDArray[np.float32], empty: NDArray[np.bool_]) -> float:
    some = some_pixels(signal.shape)
    return robust_rms(signal[some][~empty[some]], overwrite=True) or 1.0


def _local_noise(
    image: NDArray[np.float32], empty: NDArray[np.bool_], box: int
) -> tuple[NDArray[np.float32], NDArray[np.int_], NDArray[np.int_]]:
    """Return the noise of a smoothed image in blocks, and the edges of these."""
    # Neighbours in a smoothed image tell the same.
    _, noise = block_map(image, empty, box, step=2)
    known = np.isfinite(noise) & (noise > 0)
    # A block full of objects has a wide distribution: not wider than most.
    typical = np.median(noise[known]) if known.any() else np.inf
    noise = np.minimum(np.where(known, noise, typical), _MOST_NOISE * typical)
    rows, columns = (
        -(-np.arange(n + 1) * size // n) for size, n in zip(image.shape, noise.shape, strict=True)
    )
    return noise.astype(np.float32), rows, columns


def _median_of_blocks(
    values: NDArray[np.float32], rows: NDArray[np.int_], columns: NDArray[np.int_]
) -> float:
    """Return the median over all pixels of an image that is constant in each block."""
    order = np.argsort(values, axis=None)
    reached = np.cumsum(np.outer(np.diff(rows), np.diff(columns)).ravel()[order])
    n = int(reached[-1])
    middle = np.searchsorted(reached, [(n - 1) // 2, n // 2], side="right")
    return float(np.mean(values.ravel()[order[middle]]))


def _coarse(
    signal: NDArray[np.float32], masked: NDArray[np.bool_]
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Return the mean of good pixels in bins, smoothed, and where too few are good."""
    ny, nx = (-(-size // _COARSE_BIN) for size in signal.shape)
    total, count = np.zeros((2, ny, nx), dtype=np.float32)
    for bins in row_bands(ny, _BAND // _COARSE_BIN):
        rows = slice(bins.start * _COARSE_BIN, bins.stop * _COARSE_BIN)
        good = ~masked[rows]
        total[bins] = _bin_sums(signal[rows] * good)
        count[bins] = _bin_sums(good.view(np.uint8))
    total, count = (
        scipy.ndimage.gaussian_filter(plane, _COARSE_SIGMA, truncate=3.0, mode="constant")
        for plane in (total, count)
    )
    few = count < _COARSE_LEAST * _COARSE_BIN**2
    return np.divide(total, count, out=np.zeros_like(total), where=~few), few


def _bin_sums(plane: NDArray) -> NDArray:
    """Return the sums of bins in the type of the plane; the last ones may be smaller."""
    for _ in range(2):
        # Whole rows are added to others, then whole columns: many pixels at once.
        sums = np.zeros((-(-len(plane) // _COARSE_BIN), plane.shape[1]), dtype=plane.dtype)
        for start in range(_COARSE_BIN):
            part = plane[start::_COARSE_BIN]
            sums[: len(part)] += part
        plane = sums.T
    return plane
