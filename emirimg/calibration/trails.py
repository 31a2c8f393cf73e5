"""Trails that satellites and aeroplanes leave across an exposure."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from typing import Literal

import numpy as np
from astropy.nddata import CCDData
from numpy.typing import NDArray
from pydantic import Field

from .._parallel import row_bands
from .._strategy import Strategy
from ._frames import compared_variance
from ._lines import Lines
from ._trail_kernels import (
    bin_differences,
    mark_band,
    profile_sums,
    running_median,
)

__all__ = ["Trail", "TrailDetector"]

_BIN = 8
_CUT = np.float32(4)
_FAINT = np.float32(2)
_BACKGROUND = 9
_BESIDE = 17
"""Lines at one angle among which a trail must stand out."""
_LEAST_PIXELS = 0.15
"""Usable pixels along a line of bins, in parts of those of a side of the frame."""
_REACH = 40
_SEGMENTS = 16
_CORE = 12
_LEAST_WIDTH = 3
_MARGIN = 2
_MOST_TRAILS = 5
_BAND = 64
"""Rows that are worked on together, so that they stay in the cache."""


@dataclass(frozen=True)
class Trail:
    r"""A straight trail across a frame.

    Parameters
    ----------
    angle : float
        Direction of its normal, in radians from the x axis towards y.
    distance : float
        Signed distance from the centre of the frame along the normal, in pixels.
    half_width : float
        How far from its middle it is masked, in pixels.
    brightness : float
        Mean of its brightest row of pixels, in units of the noise of a pixel and
        cut at 4.
    significance : float
        How much it stands out of the other lines of the frame, in standard
        deviations.

    Examples
    --------
    >>> import numpy as np
    >>> from emirimg.calibration import Trail
    >>> trail = Trail(
    ...     angle=np.pi / 2, distance=1.0, half_width=0.6, brightness=3.0, significance=12.0
    ... )
    >>> trail.mask((5, 7)).astype(int)
    array([[0, 0, 0, 0, 0, 0, 0],
           [0, 0, 0, 0, 0, 0, 0],
           [0, 0, 0, 0, 0, 0, 0],
           [1, 1, 1, 1, 1, 1, 1],
           [0, 0, 0, 0, 0, 0, 0]])
    """

    angle: float
    distance: float
    half_width: float
    brightness: float
    significance: float

    def mask(self, shape: tuple[int, int]) -> NDArray[np.bool_]:
        """Return the pixels of a frame of shape (ny, nx) that the trail covers."""
        out = np.zeros(shape, dtype=bool)
        normal = math.cos(self.angle), math.sin(self.angle)
        mark_band(out, *normal, self.distance, self.half_width)
        return out


class TrailDetector(Strategy):
    r"""Find straight trails by comparison with an image of the same field.

    Parameters
    ----------
    sigma : float
        Significance from which a line is a trail. Default: 8.

    Notes
    -----
    The difference between the frame and the reference, in units of the noise
    and cut at 4 standard deviations, is binned 8 x 8 where the reference shows
    no object, and freed of what varies slowly and of rows and columns. The sums along all straight
    lines (a discrete Radon transform: rows are shifted and added) are compared with those of
    the lines beside them, and with the scatter of all of them; so a trail is found that
    no pixel shows.

    A trail must be seen along the frame: in three quarters of sixteen segments
    with at least half of its significance left without the two brightest ones.
    Spikes of stars, galaxies, and long cosmic rays are shorter. Lines along rows
    and columns are left alone, because the read-out leaves such. A trail is
    masked from side to side of the frame, as far from its middle as its
    profile can be told from the noise, and two pixels more.

    Examples
    --------
    >>> from emirimg.calibration import TrailDetector
    >>> TrailDetector(sigma=10)
    TrailDetector(sigma=10.0)
    """

    name: Literal["trails"] = "trails"
    sigma: float = Field(default=8.0, gt=0)

    def __call__(
        self,
        frame: CCDData,
        reference: NDArray[np.floating],
        reference_mask: NDArray[np.bool_] | None = None,
        /,
        *,
        scale: float = 1.0,
    ) -> list[Trail]:
        """Find the trails of a sky-subtracted frame, the most significant first.

        Parameters
        ----------
        frame : `~astropy.nddata.CCDData`
            Sky-subtracted frame with a variance, shape (ny, nx).
        reference : `~numpy.ndarray`
            Image of the same field in the plane of the frame.
        reference_mask : `~numpy.ndarray` of bool, optional
            True where there is no reference; no trail is looked for there.
        scale : float, optional
            Flux of the stars in the frame divided by that in the reference.

        Raises
        ------
        FrameError
            If the frame has no uncertainty or the shapes differ.
        """
        variance = compared_variance(frame, reference)
        mask = np.zeros(frame.shape, dtype=bool)
        for plane in (frame.mask, reference_mask):
            if plane is not None:
                mask |= plane
        data, variance, reference = (
            np.ascontiguousarray(plane, dtype=np.float32)
            for plane in (frame.data, variance, reference)
        )
        scale = np.float32(scale)
        found: list[Trail] = []
        for _ in range(_MOST_TRAILS):
            bins = bin_differences(data, variance, mask, reference, scale, _CUT, _FAINT, _BIN)
            # Few frames have a line of which more must be known than its bins.
            difference = cache(partial(_difference, data, variance, mask, reference, scale))
            trail = self._most_significant(difference, *bins)
            if trail is None:
                break
            found.append(trail)
            mask |= trail.mask(frame.shape)
        return found

    def _most_significant(
        self,
        difference: Callable[[], NDArray[np.float32]],
        total: NDArray[np.float32],
        count: NDArray[np.float32],
    ) -> Trail | None:
        side = max(total.shape)
        mean = np.divide(total, count, out=np.zeros_like(total), where=count > 0)
        mean -= _background(mean)
        total = _without_rows_and_columns(mean) * count
        lines = Lines.through(total, count)
        known = lines.numbers > _LEAST_PIXELS * side * _BIN**2
        height = np.divide(
            lines.sums, np.sqrt(lines.numbers), out=np.zeros_like(lines.sums), where=known
        )
        height -= running_median(height, _BESIDE)
        height[~known] = 0
        if not known.any():
            return None
        height /= max(1.4826 * float(np.median(np.abs(height[known]))), 1e-6)
        places = np.flatnonzero(height >= self.sigma)
        highest = np.argsort(height.flat[places])[: -1 - 4 * _MOST_TRAILS : -1]
        for row, column in np.transpose(np.unravel_index(places[highest], height.shape)):
            angle, distance = lines.place(row, column)
            significance = float(height[row, column])
            trail = _measured(difference(), angle, distance * _BIN, significance)
            if trail is not None:
                return trail
        return None


def _difference(
    data: NDArray[np.float32],
    variance: NDArray[np.float32],
    mask: NDArray[np.bool_],
    reference: NDArray[np.float32],
    scale: np.float32,
) -> NDArray[np.float32]:
    """Return what `bin_differences` bins, NaN where it is not known."""
    difference = np.empty_like(data)
    for rows in row_bands(len(data), _BAND):
        expected, sigma = scale * reference[rows], np.sqrt(variance[rows])
        unknown = mask[rows] | ~(sigma > 0) | (np.abs(expected) > _FAINT * sigma)
        with np.errstate(divide="ignore", invalid="ignore"):
            np.clip((data[rows] - expected) / sigma, -_CUT, _CUT, out=difference[rows])
        difference[rows][unknown] = np.nan
    return difference


def _background(image: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return what varies slowly: running medians of the rows, and of their columns."""
    rows = running_median(image, _BACKGROUND)
    return running_median(np.ascontiguousarray(rows.T), _BACKGROUND).T


def _without_rows_and_columns(image: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return an image minus the medians of its rows and columns, in each quadrant."""
    image = image.copy()
    ny, nx = image.shape
    for rows in (slice(0, ny // 2), slice(ny // 2, ny)):
        for columns in (slice(0, nx // 2), slice(nx // 2, nx)):
            part = image[rows, columns]
            part -= np.median(part, axis=0)
            part -= np.median(part, axis=1)[:, None]
    return image


def _measured(
    difference: NDArray[np.float32], angle: float, distance: float, significance: float
) -> Trail | None:
    """Return the line's exact place and width; `None` where it is no trail."""
    side = max(difference.shape)
    # One bin of difference between the ends of the line, in steps of a pixel.
    tilts = np.arange(-2 * _BIN, 2 * _BIN + 1) / side
    best = (-np.inf, angle, np.zeros((1, 1)), np.zeros((1, 1)))
    for tilt in tilts:
        normal = math.cos(angle + tilt), math.sin(angle + tilt)
        sums, numbers = profile_sums(difference, *normal, distance, _REACH, _SEGMENTS)
        smooth = _smoothed(_mean(sums.sum(0), numbers.sum(0)), 3)
        core = smooth[max(smooth.argmax() - _CORE, 0) :][: 2 * _CORE + 1]
        # The squares tell which is sharpest also where the trail is cut at the top.
        sharpness = float(np.sum((core - np.median(smooth)) ** 2))
        if sharpness > best[0]:
            best = (sharpness, angle + float(tilt), sums, numbers)
    _, angle, sums, numbers = best
    profile = _mean(sums.sum(0), numbers.sum(0))
    error = 1 / np.sqrt(np.maximum(numbers.sum(0), 1))
    smooth = _smoothed(profile, 3)
    smooth -= np.median(profile)
    middle = _middle(smooth)
    if not _is_long(sums, numbers, middle) or _is_along_an_axis(angle, side):
        return None
    width = _LEAST_WIDTH
    while width < _REACH and max(
        _at(smooth, middle - width), _at(smooth, middle + width)
    ) > 2.5 * error[middle] / math.sqrt(3):
        width += 1
    return Trail(
        angle,
        distance + middle - _REACH,
        float(width + _MARGIN),
        float(smooth[middle]),
        significance,
    )


def _middle(profile: NDArray) -> int:
    """Return the middle of the pixels around the highest that reach half of its height."""
    top = int(profile.argmax())
    low = np.flatnonzero(profile < 0.5 * profile[top])
    left, right = low[low < top], low[low > top]
    first = left[-1] + 1 if left.size else top
    last = right[0] - 1 if right.size else top
    return int(first + last) // 2


def _is_long(sums: NDArray, numbers: NDArray, middle: int) -> bool:
    """Tell whether the light of a line comes from most of its segments."""
    core = slice(max(middle - _LEAST_WIDTH, 0), middle + _LEAST_WIDTH + 1)
    level = np.median(_mean(sums.sum(0), numbers.sum(0)))
    number = numbers[:, core].sum(1)
    excess = sums[:, core].sum(1) - level * number
    seen = number > 0.2 * number.max()
    excess, number = excess[seen], number[seen]
    if len(excess) < _SEGMENTS // 4 or np.mean(excess > 0) < 0.75:
        return False
    order = np.argsort(excess)[:-2]
    return bool(
        excess[order].sum() / math.sqrt(number[order].sum())
        > 0.5 * excess.sum() / math.sqrt(number.sum())
    )


def _is_along_an_axis(angle: float, side: int) -> bool:
    """Tell whether a line deviates from a row or column by less than four pixels."""
    away = abs((angle + np.pi / 4) % (np.pi / 2) - np.pi / 4)
    return away * side < 4


def _mean(sums: NDArray, numbers: NDArray) -> NDArray[np.float64]:
    return sums / np.maximum(numbers, 1)


def _smoothed(profile: NDArray, width: int) -> NDArray[np.float64]:
    return np.convolve(profile, np.full(width, 1 / width), mode="same")


def _at(profile: NDArray, place: int) -> float:
    return float(profile[min(max(place, 0), len(profile) - 1)])
