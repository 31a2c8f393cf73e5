"""A quick look at the pixels of a raw exposure."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from astropy.nddata import CCDData
from numpy.typing import NDArray

from ...alignment import find_stars, measure_psf, psf_stars
from ...instrument import Detector
from ...sky._regions import channels_of, quadrants_of

__all__ = ["PixelLook", "look_at_pixels", "quick_seeing"]

_STRIDE = 4
"""Step between the rows and columns that are looked at."""
_WINDOW = 896
"""Sides of the middle part on which stars are looked for, in pixels."""
_MOST_STARS, _MEASURED = 150, 20
"""Stars that are found, and those whose mean profile is the seeing."""
_LEVEL_RANGE = 0.5, 2.0
_NOISE_RANGE = 0.3, 4.0
"""Levels and noises of a healthy part of the detector, in units of the typical one."""
_NEIGHBOURS = 4
"""Other exposures, nearest in time, with which one is compared."""


@dataclass(frozen=True)
class PixelLook:
    """What the pixels of an exposure show.

    Parameters
    ----------
    level : float
        Median, in ADU; NaN without any finite pixel.
    saturated, not_finite : float
        Parts of the pixels.
    is_constant : bool
        Whether all pixels have the same value.
    bad_quadrants, bad_channels : tuple of int
        Numbers, from 1, of those whose level or noise is far from the others'.
    digest : str
        Checksum of the pixels: equal for equal exposures.
    middle : `~numpy.ndarray`
        Middle part of the frame, for `quick_seeing`.

    Examples
    --------
    >>> from emirimg.dither import look_at_pixels
    >>> from emirimg.instrument import HAWAII2
    >>> from emirimg.simulation import Scene
    >>> raw = Scene(shape=(256, 256), n_stars=20, n_galaxies=0).exposure(3)
    >>> look = look_at_pixels(raw, HAWAII2)
    >>> look.is_constant, look.bad_quadrants, look.not_finite
    (False, (), 0.0)
    """

    level: float
    saturated: float
    not_finite: float
    is_constant: bool
    bad_quadrants: tuple[int, ...]
    bad_channels: tuple[int, ...]
    digest: str
    middle: NDArray[np.float32]


def look_at_pixels(frame: CCDData, detector: Detector) -> PixelLook:
    """Take a quick look at a raw exposure.

    Parameters
    ----------
    frame : `~astropy.nddata.CCDData`
        Raw exposure, in ADU; masked where it is not finite.
    detector : Detector
        The detector that took it.

    Returns
    -------
    PixelLook

    Notes
    -----
    Levels are medians of every fourth row and column, noises the median
    absolute differences of neighbours in a row, which no slope of the sky
    changes. A quadrant or channel is bad where its level is less than half
    or more than twice, or its noise less than 0.3 or more than 4 times, that
    of the median of all. A channel in a bad quadrant is not reported again.

    Examples
    --------
    >>> from emirimg.dither import look_at_pixels
    >>> from emirimg.instrument import HAWAII2
    >>> from emirimg.simulation import Scene
    >>> raw = Scene(shape=(256, 256), n_stars=20, n_galaxies=0).exposure(3)
    >>> raw.data[:] = 0
    >>> look_at_pixels(raw, HAWAII2).is_constant
    True
    """
    data = frame.data
    bad = np.zeros(data.shape, dtype=bool) if frame.mask is None else frame.mask
    sample = np.where(bad, np.nan, data)[::_STRIDE, ::_STRIDE]
    finite = sample[np.isfinite(sample)]
    good = data[~bad] if bad.any() else data
    regions = [quadrants_of(data.shape), channels_of(detector, data.shape)]
    bad_quadrants, bad_channels = (_unhealthy(data, bad, parts) for parts in regions)
    dead = np.zeros(data.shape, dtype=bool)
    for number in bad_quadrants:
        dead[regions[0][number]] = True
    ny, nx = data.shape
    y, x = max(0, (ny - _WINDOW) // 2), max(0, (nx - _WINDOW) // 2)
    middle = (slice(y, y + _WINDOW), slice(x, x + _WINDOW))
    return PixelLook(
        level=float(np.median(finite)) if finite.size else np.nan,
        saturated=float(np.mean(data >= detector.saturation)),
        not_finite=float(np.mean(bad)),
        is_constant=bool(good.size and good.min() == good.max()),
        bad_quadrants=tuple(number + 1 for number in bad_quadrants),
        bad_channels=tuple(
            number + 1 for number in bad_channels if not dead[regions[1][number]].all()
        ),
        digest=hashlib.blake2b(np.ascontiguousarray(data), digest_size=16).hexdigest(),
        middle=np.where(bad[middle], np.float32(np.nan), data[middle]),
    )


def quick_seeing(
    looks: Sequence[PixelLook], index: int, offsets: NDArray[np.floating]
) -> tuple[float, int]:
    """Measure the seeing of one exposure on a few stars.

    Parameters
    ----------
    looks : sequence of PixelLook
        All exposures of a group, in order of time.
    index : int
        Which of them to measure.
    offsets : `~numpy.ndarray`
        Pointings of all of them, shape (n, 2), in pixels.

    Returns
    -------
    fwhm : float
        Full width at half maximum of a Moffat profile, in pixels; NaN without stars.
    n_stars : int
        How many stars it was measured on.

    Notes
    -----
    The median of the (up to four) nearest exposures with other pointings is
    taken away first, and with it the sky and what is fixed on the detector.

    Examples
    --------
    >>> import numpy as np
    >>> from emirimg.dither import look_at_pixels, quick_seeing
    >>> from emirimg.instrument import HAWAII2
    >>> from emirimg.simulation import Scene
    >>> scene = Scene(shape=(256, 256), n_exposures=3, n_stars=60, n_galaxies=0, dither_scale=0.3)
    >>> looks = [look_at_pixels(scene.exposure(index), HAWAII2) for index in range(3)]
    >>> fwhm, n_stars = quick_seeing(looks, 0, np.array([(0, 0), (40, 30), (-30, 50)]))
    >>> bool(3 < fwhm < 6)  # in pixels
    True
    """
    here = looks[index].middle
    away = np.hypot(*(offsets - offsets[index]).T) > 10
    alike = [look.middle.shape == here.shape and not look.is_constant for look in looks]
    comparable = [k for k in np.flatnonzero(away & alike).tolist() if np.isfinite(looks[k].level)]
    others = sorted(comparable, key=lambda k: abs(k - index))[:_NEIGHBOURS]
    level = looks[index].level
    if not np.isfinite(level) or min(here.shape) < 32:
        return np.nan, 0
    clean = here - np.float32(level)
    if others:
        skies = [looks[k].middle * np.float32(_ratio(level, looks[k].level)) for k in others]
        clean = here - np.median(skies, axis=0)
    bad = ~np.isfinite(clean)
    stars = psf_stars(find_stars(clean, bad, max_stars=_MOST_STARS), max_stars=_MEASURED)
    psf = measure_psf(clean, bad, stars)
    return float(psf.fwhm), psf.n_stars


def _ratio(level: float, other: float) -> float:
    return level / other if level > 0 and other > 0 else 1.0


def _unhealthy(
    data: NDArray[np.float32],
    bad: NDArray[np.bool_],
    regions: Sequence[tuple[slice, slice]],
) -> list[int]:
    """Return the indices of regions that differ from the others as no sky does."""
    figures = np.array([_level_and_noise(data[part], bad[part]) for part in regions])
    if not np.isfinite(figures).any():
        return []
    unhealthy = ~np.isfinite(figures).all(axis=1)
    typical = np.nanmedian(figures, axis=0)
    for values, middle, (low, high) in zip(
        figures.T, typical, (_LEVEL_RANGE, _NOISE_RANGE), strict=True
    ):
        if middle > 0:
            ratio = np.where(np.isfinite(values), values, middle) / middle
            unhealthy |= (ratio < low) | (ratio > high)
    return [int(number) for number in np.flatnonzero(unhealthy)]


def _level_and_noise(data: NDArray[np.float32], bad: NDArray[np.bool_]) -> tuple[float, float]:
    values = np.where(bad, np.nan, data)[::_STRIDE]
    left, right = values[:, :-1:_STRIDE], values[:, 1::_STRIDE]
    difference = np.abs(right[:, : left.shape[1]] - left)
    level, noise = (part[np.isfinite(part)] for part in (left, difference))
    if level.size < 0.05 * left.size or noise.size == 0:
        return np.nan, np.nan
    return float(np.median(level)), float(np.median(noise))
