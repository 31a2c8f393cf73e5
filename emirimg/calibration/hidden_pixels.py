"""Bad pixels that are in no mask, found in the exposures themselves."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from .._parallel import parallel_map
from .._strategy import Strategy
from .._wording import counted
from ..combine.kernels import stack_median
from ..exceptions import CalibrationWarning
from ..stack import DitherStack
from ._isolated import (
    FEWEST_AROUND,
    MARGIN,
    from_neighbours,
    is_isolated,
    isolated,
    stands_out,
    typical_deviation,
)
from ._median import quantiles_of_known

__all__ = ["HiddenPixelDetector"]

_BAND = 64
_SEEN = 3.0
_FEW = 5.5
"""Exposures of which the scatter may be twice as large by chance."""
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
        A pixel is noisy when its values scatter by more than this many times the noise;
        times 1 + (5.5 / n)^2 for n exposures, since few values scatter widely by chance.
    min_pointings : int
        Least number of distinct pointings that must show the pixel. (At fewer
        a star that fell twice on the same pixel would pass for a hot one.) If there
        are not so many, only isolated pixels are found.

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

    With too few pointings, a hot pixel is one that stands out alone in the lowest
    of them, which most stars leave, and in half of the exposures, and a dead one in the
    highest: by ``sigma`` from the
    median of the 24 pixels around, of which its eight neighbours without the highest have no
    more than 10 per cent in the mean, where those of stars of 1.4 pixels FWHM have 14 per
    cent and of 2 pixels 36, and none of them has more than 15 per cent. In a
    single exposure that holds for isolated pixels of cosmic rays, too.

    Examples
    --------
    >>> from emirimg.calibration import HiddenPixelDetector
    >>> HiddenPixelDetector(min_pointings=7)
    HiddenPixelDetector(min_pointings=7)
    """

    name: Literal["hidden"] = "hidden"
    sigma: float = Field(default=6.0, gt=0)
    noisy_sigma: float = Field(default=2.6, gt=1)
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
            If there are fewer than ``min_pointings`` distinct pointings; only
            isolated pixels are found then.
        """
        if levels is None:
            levels = np.array(parallel_map(_level, stack))
        inverse = (1 / np.asarray(levels, dtype=float)).astype(np.float32)
        groups = np.unique(stack.pointings, return_inverse=True)[1]
        pointings = int(groups.max()) + 1
        few = pointings < self.min_pointings
        if few:
            msg = (
                f"the exposures have {counted(pointings, 'distinct pointing')},"
                f" {self.min_pointings} are needed to tell a bad pixel from a star: of the hidden"
                " bad pixels only those are found that are sharper than any star in all exposures"
            )
            warnings.warn(msg, CalibrationWarning, stacklevel=2)

        # For what looks at neighbours, the former has a margin, without values.
        padded = np.full([size + 2 * MARGIN for size in stack.shape], np.nan, dtype=np.float32)
        centre = padded[MARGIN:-MARGIN, MARGIN:-MARGIN]
        scatter = np.empty(stack.shape, dtype=np.float32)

        def measure(rows: slice) -> None:
            values, mask = stack.band(rows)
            if objects is not None:
                for index, plane in enumerate(objects):
                    mask[index] |= plane[rows]
            values *= inverse[:, None, None]
            if few:
                found = _extremes(values, mask, groups)
            else:
                found = _along_stack(values, mask, groups, self.min_pointings)
            centre[rows], scatter[rows] = found

        bands = stack.bands(_BAND)
        parallel_map(measure, bands)
        if few:
            lowest, highest = centre, scatter
            # Upside down, and around the same sky: what is dark in all exposures stands out.
            return self._confirmed(stack, inverse, 1, isolated(lowest, self.sigma)) | (
                self._confirmed(stack, inverse, -1, isolated(2 - highest, self.sigma))
            )
        return self._steady_or_noisy(stack, objects, padded, scatter, bands)

    def _steady_or_noisy(
        self,
        stack: DitherStack,
        objects: Sequence[NDArray[np.bool_]] | None,
        centre: NDArray[np.float32],
        scatter: NDArray[np.float32],
        bands: Sequence[slice],
    ) -> NDArray[np.bool_]:
        """Find pixels that differ from those around, or scatter, and confirm them one by one.

        ``centre`` has a margin, without values, of `MARGIN` pixels.
        """
        limit = self.sigma * typical_deviation(centre) / 0.6745
        steady = np.concatenate(
            parallel_map(lambda rows: stands_out(centre, rows.start, rows.stop, limit), bands)
        )
        # Few values scatter widely by chance.
        noisy_sigma = self.noisy_sigma * (1 + (_FEW / len(stack)) ** 2)
        with np.errstate(invalid="ignore"):  # NaN: a pixel about which nothing is known
            noisy = scatter > noisy_sigma * _typical(scatter)
        y, x = np.nonzero(steady)
        deviation = np.zeros(stack.shape, dtype=np.float32)
        deviation[y, x] = from_neighbours(centre, y, x)
        steady[y, x] = np.abs(deviation[y, x]) > limit
        found = np.zeros(stack.shape, dtype=bool)
        y, x = np.nonzero(steady | noisy)
        if len(y) == 0:
            return found
        single = _single_deviations(stack, objects, y, x)
        single *= np.where(steady[y, x], np.sign(deviation[y, x]), 1)
        quarter, middle = quantiles_of_known(single, (0.25, 0.5))
        (spread,) = quantiles_of_known(np.abs(single), (0.5,))
        found[y, x] = (steady[y, x] & (middle > 1) & (quarter > 0.25 * middle)) | (
            noisy[y, x] & (spread > 0.6745 * noisy_sigma)
        )
        return found

    def _confirmed(
        self,
        stack: DitherStack,
        inverse: NDArray[np.float32],
        sign: int,
        suspects: NDArray[np.bool_],
    ) -> NDArray[np.bool_]:
        """Keep those that are isolated in half of the exposures, since crossing skirts may be."""
        y, x = np.nonzero(suspects)
        if len(y) == 0:
            return suspects

        def measure(index: int) -> NDArray[np.bool_]:
            frame = stack[index]
            image = np.asarray(frame.data) * inverse[index]
            image = image if sign > 0 else 2 - image
            if frame.mask is not None:
                image[np.asarray(frame.mask)] = np.nan
            padded = np.pad(image, MARGIN, constant_values=np.nan)
            # Already significant together: here only their shape counts.
            return is_isolated(padded, y, x, typical_deviation(padded) / 0.6745, _SEEN)

        seen = np.sum(parallel_map(measure, range(len(stack))), axis=0)
        confirmed = np.zeros(stack.shape, dtype=bool)
        confirmed[y, x] = 2 * seen >= len(stack)
        return confirmed


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


def _from_surroundings(
    data: NDArray[np.float32],
    mask: NDArray[np.bool_],
    y: NDArray[np.int_],
    x: NDArray[np.int_],
) -> NDArray[np.float32]:
    """Return pixels minus the median of the 24 around, in units of the spread of those."""
    reach = range(-MARGIN, MARGIN + 1)
    around = np.array([(dy, dx) for dy in reach for dx in reach if dy or dx])
    rows, columns = y + around[:, :1], x + around[:, 1:]
    outside = (rows < 0) | (rows >= data.shape[0]) | (columns < 0) | (columns >= data.shape[1])
    rows[outside] = columns[outside] = 0
    values = data[rows, columns]
    values[outside | mask[rows, columns]] = np.nan
    number = np.count_nonzero(~np.isnan(values), axis=0)
    (middle,) = quantiles_of_known(values, (0.5,))
    (spread,) = quantiles_of_known(np.abs(values - middle), (0.5,))
    spread *= np.float32(1.4826)
    known = ~mask[y, x] & (number >= FEWEST_AROUND) & (spread > 0)
    result = np.full(len(y), np.nan, dtype=np.float32)
    np.divide(data[y, x] - middle, spread, out=result, where=known)
    return result


def _means(
    values: NDArray[np.float32], mask: NDArray[np.bool_], groups: NDArray[np.int_]
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Return the mean of each pointing, and where there is none; masked values become 0."""
    number = groups.max() + 1
    if number == len(values):
        return values, mask
    np.copyto(values, 0, where=mask)
    means = np.zeros((number, *values.shape[1:]), dtype=np.float32)
    count = np.zeros(means.shape, dtype=np.uint16)
    for value, bad, group in zip(values, mask, groups, strict=True):
        means[group] += value
        count[group] += ~bad
    unknown = count == 0
    means /= np.maximum(count, 1)
    return means, unknown


def _extremes(
    values: NDArray[np.float32], mask: NDArray[np.bool_], groups: NDArray[np.int_]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the lowest and the highest mean of a pointing; NaN where there is none."""
    means, unknown = _means(values, mask, groups)
    lowest = np.where(unknown, np.float32(np.inf), means).min(axis=0)
    highest = np.where(unknown, np.float32(-np.inf), means).max(axis=0)
    nothing = unknown.all(axis=0)
    lowest[nothing] = highest[nothing] = np.nan
    return lowest, highest


def _along_stack(
    values: NDArray[np.float32],
    mask: NDArray[np.bool_],
    groups: NDArray[np.int_],
    min_pointings: int,
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the median over the pointings, and the median absolute scatter about it.

    Both are NaN where fewer than ``min_pointings`` pointings show the pixel. The values
    are used up.
    """
    means, unknown = _means(values, mask, groups)
    median, scatter = np.empty((2, *values.shape[1:]), dtype=np.float32)
    stack_median(means, unknown, False, median)
    values -= median
    stack_median(np.abs(values, out=values), mask, False, scatter)
    few = unknown.sum(axis=0, dtype=np.uint16) > len(means) - min_pointings
    n_single = np.maximum((~mask).sum(axis=0, dtype=np.uint16), 1).astype(np.float32)
    scatter /= 1 + (_FEW / n_single) ** 2
    median[few], scatter[few] = np.nan, np.nan
    return median, scatter
