"""Kron magnitudes of the sources of a mosaic, where nothing else is wanted of them."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import scipy
from numpy.typing import NDArray

from ..combine.mosaic import Mosaic
from .catalogue import detection_image, to_magnitudes

__all__ = ["kron_fluxes", "kron_magnitudes"]

_THRESHOLD, _LEAST_PIXELS = 5.0, 6
_REACH = 6.0
"""Radius within which the Kron radius is measured. All radii are in units of the ellipse."""
_FACTOR, _SMALLEST, _LARGEST = 2.5, 1.4, 6.0
"""Aperture in Kron radii, and their limits: a source beyond the upper one has no flux."""
_LINES = 10
"""Lines of each row of pixels along which the area within an ellipse is measured."""
_TOGETHER = 100_000
"""Pixels of sources that are measured together; they stay in the cache."""
_PIXEL = 1 / 12
"""Variance of a pixel: no ellipse is narrower."""


class _Pixels(NamedTuple):
    """Pixels of sources: arrays of shape (number of pixels,)."""

    source: NDArray[np.intp]
    y: NDArray[np.intp]
    x: NDArray[np.intp]

    def where(self, chosen: NDArray[Any]) -> _Pixels:
        """Return some of them."""
        return _Pixels(*(each[chosen] for each in self))

    def sums(self, values: NDArray[Any], number: int) -> NDArray[np.float64]:
        """Add the values of the pixels of each of ``number`` sources."""
        return np.bincount(self.source, values, number)


class _Ellipses(NamedTuple):
    """Centres and second moments of sources: arrays of shape (n,)."""

    x: NDArray[np.float64]
    y: NDArray[np.float64]
    xx: NDArray[np.float64]
    xy: NDArray[np.float64]
    yy: NDArray[np.float64]

    def pixels(self, radius: NDArray[np.float64], shape: tuple[int, int]) -> _Pixels:
        """Return the pixels of an image that the ellipses of these radii may reach."""
        first, size = [], []
        for centre, moment, end in zip((self.y, self.x), (self.yy, self.xx), shape, strict=True):
            reach = radius * np.sqrt(moment)
            start, stop = (
                np.nan_to_num(np.clip(np.floor(side), 0, end)).astype(int)
                for side in (centre - reach + 0.5, centre + reach + 1.5)
            )
            first.append(start)
            size.append(stop - start)
        number = size[0] * size[1]
        source = np.repeat(np.arange(len(number)), number)
        place = np.arange(len(source)) - np.repeat(np.cumsum(number) - number, number)
        y, x = np.divmod(place, size[1][source])
        return _Pixels(source, y + first[0][source], x + first[1][source])

    def radii(self, pixels: _Pixels) -> NDArray[np.float64]:
        """Return the radii of pixels, in units of the ellipse of their source."""
        source, y, x = pixels
        y, x = y - self.y[source], x - self.x[source]
        a, b, c = (moment[source] for moment in (self.yy, -2 * self.xy, self.xx))
        determinant = self.xx * self.yy - self.xy**2
        return np.sqrt((a * x * x + b * x * y + c * y * y) / determinant[source])

    def areas(self, radius: NDArray[np.float64], pixels: _Pixels) -> NDArray[np.float64]:
        """Return the part of each pixel that lies within the radius of its source."""
        determinant = self.xx * self.yy - self.xy**2
        narrow = 2 * determinant / (self.xx + self.yy)  # not more than the smaller variance
        away = self.radii(pixels) - radius[pixels.source]
        area = (away < 0).astype(float)
        rim = np.abs(away) < np.sqrt(0.5 / narrow)[pixels.source]
        source, y, x = pixels.where(rim)
        # Along each of some lines the ellipse is a chord, whose overlap with a pixel is exact.
        lines = (np.arange(_LINES) + 0.5) / _LINES - 0.5
        y = (y - self.y[source])[:, None] + lines
        middle = y * (self.xy / self.yy)[source, None]
        rest = (radius**2)[source, None] - y * y / self.yy[source, None]
        half = np.sqrt(np.maximum(rest * (determinant / self.yy)[source, None], 0))
        left = (x - self.x[source])[:, None] - 0.5 - middle
        chords = np.clip(half - left, 0, 1) - np.clip(-half - left, 0, 1)
        area[rim] = chords.mean(axis=1)
        return area


def kron_magnitudes(mosaic: Mosaic, *, zero_point: float = 25.0) -> NDArray[np.float64]:
    """Return the magnitudes alone of `make_catalogue` without deblending, in no order.

    Nothing else is measured, and photutils is not loaded: that takes a fifth of the time.
    """
    data, empty, smooth, noise = detection_image(mosaic)
    above = smooth > _THRESHOLD * noise
    above &= ~empty
    del smooth  # its memory is wanted
    labels, _ = scipy.ndimage.label(above, np.ones((3, 3)))
    y, x = np.nonzero(above)
    small = (np.bincount(labels[y, x]) < _LEAST_PIXELS)[labels[y, x]]
    labels[y[small], x[small]] = 0
    return to_magnitudes(kron_fluxes(data, empty, labels), zero_point)


def kron_fluxes(
    data: NDArray[np.float32], mask: NDArray[np.bool_], labels: NDArray[np.integer]
) -> NDArray[np.float64]:
    """Measure the flux of each source within its Kron ellipse.

    Parameters
    ----------
    data : `~numpy.ndarray` of float32
        Image, shape (ny, nx), without a background.
    mask : `~numpy.ndarray` of bool
        True where a pixel does not count; shape (ny, nx).
    labels : `~numpy.ndarray` of int
        Number of the source that a pixel belongs to, 0: none; shape (ny, nx).

    Returns
    -------
    `~numpy.ndarray`
        One flux for each number that is there, in their order; NaN where there is none.

    Notes
    -----
    The ellipse has the second moments of the pixels of the source. Its Kron radius [1]_ is the
    mean radius, weighted by flux, within 6 standard deviations; the flux is the sum
    within 2.5 Kron radii, at least 3.5 standard deviations. Pixels of other sources have the value
    on the opposite side of the centre instead, or 0 where that is of another source, too.

    References
    ----------
    .. [1] Kron, R. G. 1980, ApJS, 43, 305
    """
    numbers, ellipses = _ellipses(data, labels)
    size = np.nan_to_num((2 * _REACH) ** 2 * np.sqrt(ellipses.xx * ellipses.yy))
    ends = np.flatnonzero(np.diff(np.cumsum(size) // _TOGETHER)) + 1
    parts = (np.split(values, ends) for values in (numbers, *ellipses))
    return np.concatenate(
        [
            _fluxes(data, mask, labels, some, _Ellipses(*moments))
            for some, *moments in zip(*parts, strict=True)
        ]
    )


def _ellipses(
    data: NDArray[np.float32], labels: NDArray[np.integer]
) -> tuple[NDArray[np.integer], _Ellipses]:
    """Return the numbers of the sources, and their ellipses; NaN of those without light."""
    y, x = np.nonzero(labels > 0)
    present = np.bincount(labels[y, x]) > 0
    numbers, source = np.flatnonzero(present), (np.cumsum(present) - 1)[labels[y, x]]
    light = np.maximum(data[y, x], 0).astype(float)
    total = np.bincount(source, light)

    def mean(values: NDArray[Any]) -> NDArray[np.float64]:
        return np.bincount(source, light * values) / total

    with np.errstate(invalid="ignore"):
        x0, y0 = mean(x), mean(y)
        dx, dy = x - x0[source], y - y0[source]
        xx, xy, yy = mean(dx * dx), mean(dx * dy), mean(dy * dy)
    narrow = _PIXEL * (xx * yy - xy * xy < _PIXEL**2)
    return numbers, _Ellipses(x0, y0, xx + narrow, xy, yy + narrow)


def _fluxes(
    data: NDArray[np.float32],
    mask: NDArray[np.bool_],
    labels: NDArray[np.integer],
    numbers: NDArray[np.integer],
    ellipses: _Ellipses,
) -> NDArray[np.float64]:
    """Measure some of the sources."""
    known = np.isfinite(ellipses.x)
    pixels = ellipses.pixels(np.where(known, _REACH, np.nan), data.shape)
    radii = ellipses.radii(pixels)
    near = radii <= _REACH
    pixels, radii = pixels.where(near), radii[near]
    light = _alone(data, mask, labels, numbers, ellipses, pixels)
    total, moment = (pixels.sums(values, len(numbers)) for values in (light, light * radii))
    radius = np.full(len(numbers), _SMALLEST)
    np.divide(moment, total, out=radius, where=(total > 0) & (moment > 0))
    aperture = _FACTOR * np.maximum(radius, _SMALLEST)
    aperture[~known | (radius > _LARGEST)] = np.nan
    pixels = ellipses.pixels(aperture, data.shape)
    light = _alone(data, mask, labels, numbers, ellipses, pixels)
    flux = pixels.sums(light * ellipses.areas(aperture, pixels), len(numbers))
    return np.where(np.isfinite(aperture), flux, np.nan)


def _alone(
    data: NDArray[np.float32],
    mask: NDArray[np.bool_],
    labels: NDArray[np.integer],
    numbers: NDArray[np.integer],
    ellipses: _Ellipses,
    pixels: _Pixels,
) -> NDArray[np.float32]:
    """Return pixels as if there were no other source than their own; 0 where none counts."""
    source, y, x = pixels
    light = np.where(mask[y, x], np.float32(0), data[y, x])
    label = labels[y, x]
    others = np.flatnonzero((label != 0) & (label != numbers[source]))
    source, y, x = pixels.where(others)
    y = 2 * np.floor(ellipses.y[source] + 0.5).astype(int) - y
    x = 2 * np.floor(ellipses.x[source] + 0.5).astype(int) - x
    light[others] = 0
    there = (y >= 0) & (y < data.shape[0]) & (x >= 0) & (x < data.shape[1])
    others, source, y, x = (each[there] for each in (others, source, y, x))
    label = labels[y, x]
    free = ~mask[y, x] & ((label == 0) | (label == numbers[source]))
    light[others[free]] = data[y[free], x[free]]
    return light
