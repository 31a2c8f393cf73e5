"""Stars of one frame, and what may be wrong with each."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import IntFlag
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["StarFlag", "StarList"]


class StarFlag(IntFlag):
    """What is wrong with a star; 0 is a star to rely on.

    Examples
    --------
    >>> from emirimg.alignment import StarFlag
    >>> flags = StarFlag.SATURATED | StarFlag.CROWDED
    >>> bool(flags & StarFlag.SATURATED)
    True
    """

    SATURATED = 1
    """Its highest pixel reaches the saturation level."""
    MASKED = 2
    """A bad pixel lies so near to its centre that it cannot be made up for."""
    CROWDED = 4
    """A neighbour reaches into the aperture."""
    EXTENDED = 8
    """It is wider, or less round, than the stars of the frame."""


@dataclass(frozen=True)
class StarList:
    """Stars of one frame, the brightest first.

    Attributes
    ----------
    x, y : `~numpy.ndarray`
        Windowed centroids: 0-based pixel coordinates.
    error : `~numpy.ndarray`
        Standard error of ``x`` and of ``y``, in pixels, from the variance.
    flux, flux_error : `~numpy.ndarray`
        Sum in a circular aperture above the local background and its standard
        error, in the unit of the frame.
    fwhm : `~numpy.ndarray`
        Full width at half maximum of the Gaussian with the same windowed
        moments, in pixels.
    ellipticity : `~numpy.ndarray`
        1 - b/a of the windowed moments.
    peak : `~numpy.ndarray`
        Highest usable pixel, in the unit of the frame.
    background : `~numpy.ndarray`
        Local background, in the unit of the frame.
    flags : `~numpy.ndarray` of int
        Combination of `StarFlag`.
    aperture : float
        Radius of the aperture, in pixels.
    noise : float
        Robust standard deviation of the pixels of the background.

    Examples
    --------
    >>> import numpy as np
    >>> from emirimg.alignment import find_stars
    >>> y, x = np.mgrid[:100, :100]
    >>> image = np.random.default_rng(1).normal(0, 2, (100, 100)).astype("f4")
    >>> for x0, y0, peak in ((30.25, 40.5, 900), (70.0, 60.75, 300)):
    ...     image += peak * np.exp(-((x - x0) ** 2 + (y - y0) ** 2) / (2 * 1.7**2))
    >>> stars = find_stars(image)
    >>> stars.x.round(1), stars.y.round(1), stars.good
    (array([30.2, 70. ]), array([40.5, 60.8]), array([ True,  True]))
    >>> bright = stars.select(stars.flux > 10000)
    >>> len(bright.x)
    1
    """

    x: NDArray[np.float64]
    y: NDArray[np.float64]
    error: NDArray[np.float64]
    flux: NDArray[np.float64]
    flux_error: NDArray[np.float64]
    fwhm: NDArray[np.float64]
    ellipticity: NDArray[np.float64]
    peak: NDArray[np.float64]
    background: NDArray[np.float64]
    flags: NDArray[np.int_]
    aperture: float
    noise: float

    def __len__(self) -> int:
        return self.x.size

    @property
    def good(self) -> NDArray[np.bool_]:
        """Which stars have no flag."""
        return self.flags == 0

    def select(self, which: NDArray[np.bool_ | np.int_] | slice) -> StarList:
        """Return the stars at some indices, or where a boolean array is True."""
        columns: dict[str, Any] = {
            name: column[which]
            for name, column in vars(self).items()
            if isinstance(column, np.ndarray)
        }
        return replace(self, **columns)
