"""Two mosaics of the same field against each other."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import astropy.units as u
import numpy as np
from astropy.io.fits import Header
from astropy.nddata import CCDData
from astropy.stats import mad_std
from astropy.table import Table
from astropy.wcs import WCS
from numpy.typing import NDArray

from ..alignment import StarList
from ..combine import Mosaic
from ..io import ImagePlanes
from ..objects import MosaicQuality, measure_quality
from ..projection import LanczosResampler, MosaicGrid
from ._common_stars import (
    SEEING,
    common_stars,
    isolated_stars,
    mean_ratio,
    ratio_by_magnitude,
    ratio_tilt,
)

__all__ = ["Comparison", "compare_images"]

_APERTURE = 3.0
"""Radius of apertures, in units of the FWHM of the less sharp image."""


@dataclass(frozen=True, eq=False)
class Comparison:
    """What two images of the same field have in common, and what not.

    Attributes
    ----------
    quality : tuple of MosaicQuality
        Of both images; the magnitudes are those of the first image, for which
        1 unit is 25 mag.
    stars : `~astropy.table.Table`
        Stars on both: ``x``, ``y`` (in the first), ``magnitude``, ``ratio`` of the
        fluxes (second over first), its ``error``, ``east`` and ``north``
        (second minus first, after the common shift, arcsec).
    shift : `~astropy.units.Quantity`
        Second minus first (east, north), in arcsec: the median of the stars.
    shift_error : `~astropy.units.Quantity`
        Its standard error.
    flux_ratio, flux_ratio_error : float
        Weighted mean of the ratios without outliers, and its standard error.
    flux_scatter : float
        Robust scatter of the ratios about that.
    tilt : tuple of float
        Change of the ratio from one side of the field to the other along x and
        along y, relative to ``flux_ratio``; NaN with fewer than ten stars.
    by_magnitude : `~astropy.table.Table`
        ``magnitude``, ``n``, median ``ratio`` and its ``error`` in bins of 0.5 mag.
    background : tuple of float
        Level of the empty sky of both, in the unit of the first per pixel of
        the first.
    difference : `~numpy.ndarray` of float32
        Second, on the pixels and the scale of the first, minus first; NaN where
        one of them has no value.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from emirimg import DitherReducer
    >>> from emirimg.io import read_image_planes
    >>> from emirimg.report import compare_images
    >>> from emirimg.simulation import Scene
    >>> scene = Scene(n_exposures=3, shape=(256, 256), n_stars=60, n_galaxies=5, dither_scale=0.2)
    >>> exposures = [scene.exposure(index) for index in range(3)]
    >>> result = DitherReducer(passes=1).reduce(exposures)  # doctest: +IGNORE_WARNINGS
    >>> with TemporaryDirectory() as directory:
    ...     image = read_image_planes(result.write(f"{directory}/mosaic.fits"))
    >>> comparison = compare_images(image, image)  # doctest: +IGNORE_WARNINGS
    >>> comparison.difference.shape == image.data.shape
    True
    >>> print(f"{comparison.difference_rms / image.data.std():.3f}")
    0.000
    >>> sorted(comparison.to_dict())[:3]
    ['background', 'by_magnitude', 'difference_rms']
    """

    quality: tuple[MosaicQuality, MosaicQuality]
    stars: Table
    shift: u.Quantity
    shift_error: u.Quantity
    flux_ratio: float
    flux_ratio_error: float
    flux_scatter: float
    tilt: tuple[float, float]
    by_magnitude: Table
    background: tuple[float, float]
    difference: NDArray[np.float32]

    def to_dict(self) -> dict[str, Any]:
        """Return plain numbers and lists; `None` for NaN."""
        bins = [
            dict(zip(row.colnames, map(_plain, row), strict=True)) for row in self.by_magnitude
        ]
        return {
            "n_stars": len(self.stars),
            "shift": [_plain(value) for value in self.shift.to_value(u.arcsec)],
            "shift_error": [_plain(value) for value in self.shift_error.to_value(u.arcsec)],
            **{
                name: _plain(getattr(self, name))
                for name in ("flux_ratio", "flux_ratio_error", "flux_scatter")
            },
            "tilt": [_plain(value) for value in self.tilt],
            "by_magnitude": bins,
            "background": [_plain(value) for value in self.background],
            "difference_rms": _plain(self.difference_rms),
            "quality": [quality.to_dict() for quality in self.quality],
        }

    @property
    def difference_rms(self) -> float:
        """Robust rms of the difference, in the unit of the first."""
        return float(mad_std(self.difference, ignore_nan=True))


def compare_images(first: ImagePlanes, second: ImagePlanes) -> Comparison:
    """Compare two images of the same field.

    Parameters
    ----------
    first, second : ImagePlanes
        The images, of any unit, pixel scale and grid, as from
        `emirimg.io.read_image_planes`.

    Returns
    -------
    Comparison

    Raises
    ------
    InputError
        If they have fewer than five stars in common.

    Notes
    -----
    Stars are found in both images and matched after the shift that most pairs agree
    on, up to 20 arcsec. Fluxes are sums in apertures of the same size on the sky,
    3 FWHM of the less sharp image, so that their ratio does not depend on the seeing.
    The second image is resampled once (Lanczos-3) to the pixels of the first,
    moved by the common shift and divided by the flux ratio.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from emirimg import DitherReducer
    >>> from emirimg.io import read_image_planes
    >>> from emirimg.report import compare_images
    >>> from emirimg.simulation import Scene
    >>> scene = Scene(n_exposures=3, shape=(256, 256), n_stars=60, n_galaxies=5, dither_scale=0.2)
    >>> exposures = [scene.exposure(index) for index in range(3)]
    >>> result = DitherReducer(passes=1).reduce(exposures)  # doctest: +IGNORE_WARNINGS
    >>> with TemporaryDirectory() as directory:
    ...     image = read_image_planes(result.write(f"{directory}/mosaic.fits"))
    >>> comparison = compare_images(image, image)  # doctest: +IGNORE_WARNINGS
    >>> print(f"{comparison.flux_ratio:.2f}")
    1.00
    """
    grids = [MosaicGrid(image.wcs, image.data.shape) for image in (first, second)]
    mosaics = [_mosaic(image, grid) for image, grid in zip((first, second), grids, strict=True)]
    one, two = (measure_quality(mosaic) for mosaic in mosaics)
    widths = [quality.seeing for quality in (one, two) if np.isfinite(quality.seeing)]
    radius = _APERTURE * max(widths, default=SEEING)
    lists = [isolated_stars(mosaic, radius) for mosaic in mosaics]
    stars, shift, moved = common_stars(lists, grids)
    ratio, error, scatter = mean_ratio(stars)
    scale = float(grids[1].scale / grids[0].scale)
    levels = [_level(mosaic, found) for mosaic, found in zip(mosaics, lists, strict=True)]
    two = replace(
        two,
        depth=two.depth + 2.5 * math.log10(ratio),
        depth_flux=two.depth_flux / ratio,
        background_rms=two.background_rms / ratio / scale**2,
    )
    n = len(stars)
    spread = [1.2533 * mad_std(stars[name]) / math.sqrt(n) for name in ("east", "north")]
    return Comparison(
        quality=(one, two),
        stars=stars,
        shift=shift,
        shift_error=np.array(spread) * u.arcsec,
        flux_ratio=ratio,
        flux_ratio_error=error,
        flux_scatter=scatter,
        tilt=ratio_tilt(stars, first.data.shape, ratio),
        by_magnitude=ratio_by_magnitude(stars),
        background=(levels[0], levels[1] / ratio / scale**2),
        difference=_difference(mosaics[0], mosaics[1], moved, ratio),
    )


def _mosaic(image: ImagePlanes, grid: MosaicGrid) -> Mosaic:
    """Make up the planes that the file does not have."""
    mask = image.mask | ~np.isfinite(image.data)
    data = np.where(mask, np.float32(0), image.data)
    if image.variance is None:
        noise = float(mad_std(np.diff(data[~mask]))) / math.sqrt(2)
        variance = np.full_like(data, max(noise, 1e-30) ** 2)
    else:
        variance = np.where(mask, np.float32(0), image.variance)
    coverage = image.coverage
    if coverage is None:  # the noise tells where it is high
        known = variance > 0
        best = np.percentile(variance[known], 10) if known.any() else 1.0
        relative = np.divide(best, variance, out=np.zeros_like(variance), where=known)
        coverage = np.rint(100 * np.clip(relative, 0, 1)).astype(np.int16)
    return Mosaic(grid, data, variance, mask, coverage, np.zeros_like(data), Header())


def _level(mosaic: Mosaic, stars: StarList) -> float:
    """Return the median of the sky without what stands out of it."""
    values = mosaic.data[~mosaic.mask]
    if values.size == 0:
        return math.nan
    for _ in range(5):
        middle, noise = np.median(values), stars.noise or mad_std(values)
        values = values[np.abs(values - middle) < 3 * max(float(noise), float(mad_std(values)))]
    return float(np.median(values))


def _difference(first: Mosaic, second: Mosaic, moved: WCS, ratio: float) -> NDArray[np.float32]:
    frame = CCDData(second.data, unit=u.adu, mask=second.mask, wcs=moved)
    projected = LanczosResampler()(frame, first.grid)
    difference = np.full(first.data.shape, np.nan, dtype=np.float32)
    there = first.data[projected.window]
    bad = projected.mask | first.mask[projected.window]
    difference[projected.window] = np.where(
        bad, np.float32(np.nan), projected.data / np.float32(ratio) - there
    )
    return difference


def _plain(value: Any) -> Any:
    if isinstance(value, int | np.integer):
        return int(value)
    number = float(value)
    return number if math.isfinite(number) else None
