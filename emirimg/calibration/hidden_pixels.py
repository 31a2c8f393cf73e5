"""Bad pixels that are in no mask, found in the exposures themselves."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Literal

import numpy as np
from numba import njit
from numpy.typing import NDArray
from pydantic import Field

from .._parallel import parallel_map, row_bands
from .._strategy import Strategy
from ..exceptions import CalibrationWarning
from ..stack import DitherStack
from ._median import sorted_median

__all__ = ["HiddenPixelDetector"]

_BAND = 64
_BYTES_OF_A_PIXEL = 5
_MARGIN = 2
_FEWEST_AROUND = 8
_STRIDE = 5
"""The level of a frame is taken from every fifth pixel of every fifth row."""


class HiddenPixelDetector(Strategy):
    """Find pixels that deviate from their neighbours in every exposure.

    A star moves over the detector when the telescope is dithered; a hot or
    dead pixel does not. Pixels whose values scatter much more than the noise
    allows are found too.

    Parameters
    ----------
    sigma : float
        Significance from which a mean deviation marks a bad pixel.
    noisy_sigma : float
        A pixel is noisy when its values scatter by more than this many times
        the noise.
    min_pointings : int
        Least number of distinct pointings that must show the pixel. (At fewer
        a star that fell twice on the same pixel would pass for a hot one.)

    Notes
    -----
    The frames are divided by their sky levels and averaged over the repeats
    of each pointing. The deviation of a pixel is the difference between the
    median over the pointings and the median of the 24 pixels around it;
    its noise is measured from all deviations by their median absolute value,
    so that errors of the flat count as noise. The scatter is the median
    absolute difference between the frames and the pixel's own median, in
    units of that of a typical pixel.

    What is found so is confirmed in the single frames, where the deviation
    from the 24 pixels around is compared with their spread, which is large
    near stars: a steady deviation must be seen in three quarters of the
    frames, and a noisy pixel must be as noisy relative to its neighbours.

    Examples
    --------
    >>> from emirimg.calibration import HiddenPixelDetector
    >>> HiddenPixelDetector(min_pointings=7)
    HiddenPixelDetector(min_pointings=7)
    """

    name: Literal["hidden"] = "hidden"
    sigma: float = Field(default=6.0, gt=0)
    noisy_sigma: float = Field(default=4.0, gt=1)
    min_pointings: int = Field(default=5, ge=3)

    def __call__(
        self,
        stack: DitherStack,
        /,
        *,
        levels: NDArray[np.floating] | None = None,
        objects: Sequence[NDArray[np.bool_]] | None = None,
    ) -> NDArray[np.bool_]:
        """Find the hidden bad pixels of calibrated exposures.

        Parameters
        ----------
        stack : DitherStack
            Calibrated exposures, the sky not subtracted.
        levels : `~numpy.ndarray`, optional
            Sky level of each frame. Default: the median of its pixels.
        objects : sequence of `~numpy.ndarray` of bool, optional
            Masks of the objects in the plane of each frame.

        Returns
        -------
        `~numpy.ndarray` of bool
            Shape (ny, nx), True on bad pixels that are not masked already.

        Warns
        -----
        CalibrationWarning
            If there are fewer than ``min_pointings`` distinct pointings; no
            pixel is found then.
        """
        pointings = len(np.unique(stack.pointings))
        if pointings < self.min_pointings:
            msg = (
                f"the exposures have {pointings} distinct pointings, {self.min_pointings} are"
                " needed to tell a bad pixel from a star: hidden bad pixels are not looked for"
            )
            warnings.warn(msg, CalibrationWarning, stacklevel=2)
            return np.zeros(stack.shape, dtype=bool)
        if levels is None:
            levels = np.array(parallel_map(_level, stack))
        inverse = (1 / np.asarray(levels, dtype=float)).astype(np.float32)
        # Frames are ordered by pointing, so that repeats are neighbours.
        order = np.argsort(stack.pointings, kind="stable")
        groups = np.unique(stack.pointings[order], return_inverse=True)[1]

        def measure(rows: slice) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
            wide = slice(max(rows.start - _MARGIN, 0), min(rows.stop + _MARGIN, stack.shape[0]))
            values, mask = stack.band(wide)
            if objects is not None:
                for index, plane in enumerate(objects):
                    mask[index] |= plane[wide]
            median, scatter = _along_stack(
                values, mask, inverse, order, groups, self.min_pointings
            )
            inside = slice(rows.start - wide.start, rows.stop - wide.start)
            return _from_neighbours(median, inside.start, inside.stop), scatter[inside]

        row_bytes = len(stack) * stack.shape[1] * _BYTES_OF_A_PIXEL
        bands = parallel_map(measure, row_bands(stack.shape[0], _BAND, row_bytes))
        deviation, scatter = (np.concatenate(planes) for planes in zip(*bands, strict=True))
        with np.errstate(invalid="ignore"):  # NaN: a pixel about which nothing is known
            steady = np.abs(deviation) > self.sigma * _typical(np.abs(deviation)) / 0.6745
            noisy = scatter > self.noisy_sigma * _typical(scatter)
        found = np.zeros(stack.shape, dtype=bool)
        y, x = np.nonzero(steady | noisy)
        if len(y) == 0:
            return found
        single = _single_deviations(stack, objects, y, x)
        single *= np.where(steady[y, x], np.sign(deviation[y, x]), 1)
        quarter, middle = np.nanpercentile(single, (25, 50), axis=0)
        spread = np.nanmedian(np.abs(single), axis=0)
        found[y, x] = (steady[y, x] & (middle > 1) & (quarter > 0.25 * middle)) | (
            noisy[y, x] & (spread > 0.6745 * self.noisy_sigma)
        )
        return found


def _level(frame) -> float:  # noqa: ANN001
    data = frame.data[::_STRIDE, ::_STRIDE]
    if frame.mask is not None:
        data = data[~frame.mask[::_STRIDE, ::_STRIDE]]
    return float(np.median(data))


def _typical(values: NDArray[np.float32]) -> float:
    """Return the median of the known values, from a tenth of them."""
    sample = values.ravel()[:: max(values.size // 400_000, 1)]
    return float(np.nanmedian(sample)) if np.isfinite(sample).any() else np.inf


def _single_deviations(
    stack: DitherStack,
    objects: Sequence[NDArray[np.bool_]] | None,
    y: NDArray[np.int_],
    x: NDArray[np.int_],
) -> NDArray[np.float32]:
    """Return how some pixels of each frame deviate from the 24 around them.

    Shape (n_frames, n_pixels), in units of the spread of those around, which
    is large near stars; NaN where a pixel is masked.
    """

    def measure(index: int) -> NDArray[np.float32]:
        frame = stack[index]
        mask = np.zeros(stack.shape, dtype=bool) if frame.mask is None else np.asarray(frame.mask)
        if objects is not None:
            mask = mask | objects[index]
        return _from_surroundings(np.asarray(frame.data, dtype=np.float32), mask, y, x)

    result = np.array(parallel_map(measure, range(len(stack))))
    # Pixels without neighbours are not judged.
    result[:, np.isnan(result).all(axis=0)] = 0
    return result


@njit(nogil=True, cache=True)
def _from_surroundings(  # pragma: no cover  (compiled)
    data: NDArray[np.float32],
    mask: NDArray[np.bool_],
    ys: NDArray[np.int_],
    xs: NDArray[np.int_],
) -> NDArray[np.float32]:
    """Return pixels minus the median of the 24 around, in units of the spread of those."""
    result = np.full(len(ys), np.nan, np.float32)
    around = np.empty(24, np.float32)
    for k in range(len(ys)):
        y, x = ys[k], xs[k]
        if mask[y, x]:
            continue
        count = 0
        for j in range(max(y - _MARGIN, 0), min(y + _MARGIN + 1, data.shape[0])):
            for i in range(max(x - _MARGIN, 0), min(x + _MARGIN + 1, data.shape[1])):
                if (j != y or i != x) and not mask[j, i]:
                    around[count] = data[j, i]
                    count += 1
        if count < _FEWEST_AROUND:
            continue
        middle = sorted_median(around, count)
        around[:count] = np.abs(around[:count] - middle)
        spread = np.float32(1.4826) * sorted_median(around, count)
        if spread > 0:
            result[k] = (data[y, x] - middle) / spread
    return result


@njit(nogil=True, cache=True)
def _along_stack(  # pragma: no cover  (compiled)
    values: NDArray[np.float32],
    mask: NDArray[np.bool_],
    inverse_levels: NDArray[np.float32],
    order: NDArray[np.int_],
    groups: NDArray[np.int_],
    min_pointings: int,
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the median over the pointings, and the median absolute scatter about it.

    Both are NaN where fewer than ``min_pointings`` pointings show the pixel.
    """
    n, ny, nx = values.shape
    median = np.full((ny, nx), np.nan, np.float32)
    scatter = np.full((ny, nx), np.nan, np.float32)
    means = np.empty(n, np.float32)
    single = np.empty(n, np.float32)
    for y in range(ny):
        for x in range(nx):
            n_means = n_single = n_group = 0
            total = np.float32(0)
            for k in range(n):
                if k > 0 and groups[k] != groups[k - 1] and n_group > 0:
                    means[n_means] = total / n_group
                    n_means += 1
                    n_group = 0
                    total = np.float32(0)
                index = order[k]
                if not mask[index, y, x]:
                    value = values[index, y, x] * inverse_levels[index]
                    single[n_single] = value
                    n_single += 1
                    total += value
                    n_group += 1
            if n_group > 0:
                means[n_means] = total / n_group
                n_means += 1
            if n_means < min_pointings:
                continue
            centre = sorted_median(means, n_means)
            for k in range(n_single):
                single[k] = abs(single[k] - centre)
            median[y, x] = centre
            # Few values scatter widely by chance.
            scatter[y, x] = sorted_median(single, n_single) / (1 + (5 / n_single) ** 2)
    return median, scatter


@njit(nogil=True, cache=True)
def _from_neighbours(  # pragma: no cover  (compiled)
    image: NDArray[np.float32], first: int, last: int
) -> NDArray[np.float32]:
    """Return rows ``first`` to ``last`` of the image minus the median of the 24 pixels around.

    NaN where the pixel or more than half of those around it are unknown.
    """
    ny, nx = image.shape
    result = np.full((last - first, nx), np.nan, np.float32)
    around = np.empty(24, np.float32)
    for y in range(first, last):
        for x in range(nx):
            if np.isnan(image[y, x]):
                continue
            count = 0
            for j in range(max(y - _MARGIN, 0), min(y + _MARGIN + 1, ny)):
                for i in range(max(x - _MARGIN, 0), min(x + _MARGIN + 1, nx)):
                    if (j != y or i != x) and not np.isnan(image[j, i]):
                        around[count] = image[j, i]
                        count += 1
            if count >= _FEWEST_AROUND:
                result[y - first, x] = image[y, x] - sorted_median(around, count)
    return result
