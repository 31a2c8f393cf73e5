"""How much noise there is, and how much is admitted."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...instrument import pixel_scale
from .field import BORDER, WELL_COVERED, Field
from .measure import (
    annulus_level,
    disc_sum,
    matched_filter,
    matched_noise,
    robust_rms,
    sample,
)

__all__ = ["Noise", "background_rms", "measure_noise"]

_APERTURES = 100_000
"""So many that they hold most of the empty pixels: fewer would only be noisier."""
_BLOCK = 64
_FEWEST_STARS = 8


@dataclass(frozen=True)
class Noise:
    """Noise of one area of a mosaic, relative to the ideal stack.

    Parameters
    ----------
    aperture : float
        Noise in apertures of 2 FWHM over that of the ideal stack.
    filtered : float
        The same in a Gaussian filter of the true FWHM.
    claimed : float
        Noise in the apertures over what the image claims; NaN where it
        claims nothing.
    signal : float
        Signal of a star in the filter over that in the ideal stack.
    flux_scale : float
        Unit of the image in catalogue units.
    """

    aperture: float
    filtered: float
    claimed: float
    signal: float
    flux_scale: float

    @property
    def depth_loss(self) -> float:
        """Depth lost in apertures, in magnitudes."""
        return float(2.5 * np.log10(self.aperture / self.flux_scale))

    @property
    def snr_loss(self) -> float:
        """Signal-to-noise ratio of a point source lost, in magnitudes."""
        return float(2.5 * np.log10(self.filtered / self.signal))


def measure_noise(field: Field, flux_scale: float) -> tuple[Noise, Noise]:
    """Measure the noise in the well-covered area and in the border.

    Parameters
    ----------
    field : Field
        The mosaic.
    flux_scale : float
        Unit of the image in catalogue units.
    """
    sky = field.without_sources(flux_scale)
    finite = np.where(np.isfinite(field.ideal.variance), field.ideal.variance, 0)
    smooth_sky = matched_filter(sky, field.fwhm)
    smooth_noise = matched_noise(finite, field.fwhm)
    planes = sky, finite, smooth_sky, smooth_noise
    return (
        _noise_in(field, (WELL_COVERED, np.inf), flux_scale, planes),
        _noise_in(field, (0.0, BORDER), flux_scale, planes),
    )


def _noise_in(
    field: Field,
    limits: tuple[float, float],
    flux_scale: float,
    planes: tuple[NDArray[np.float32], ...],
) -> Noise:
    sky, variance, smooth_sky, smooth_noise = planes
    radius = field.fwhm
    places = field.empty_places(radius, field.area(*limits), _APERTURES)
    if len(places) == 0:
        return Noise(np.nan, np.nan, np.nan, np.nan, flux_scale)
    sums = disc_sum(sky, places, radius)
    ideal = np.sqrt(disc_sum(variance, places, radius))
    claimed = np.nan
    if field.image.variance is not None:
        with np.errstate(invalid="ignore", divide="ignore"):
            own = np.sqrt(disc_sum(field.image.variance, places, radius))
            pull = sums / (own * field.image.correlated_noise)
        claimed = robust_rms(pull[np.isfinite(pull)])
    x, y = places.T
    filtered = robust_rms(smooth_sky[y, x] / smooth_noise[y, x])

    stars = field.stars_in(*limits)
    if len(stars) < _FEWEST_STARS:  # a narrow border has none: the profile is that elsewhere
        stars = field.stars
    positions = field.positions[stars]
    level = annulus_level(field.image.data, positions, field.fwhm, field.image.mask)
    flux = np.asarray(field.truth.catalogue["flux"])[stars]
    expected = flux * field.expected(field.profile.filtered)[stars]
    smooth = sample(matched_filter(field.image.data, field.fwhm), positions)
    signal = np.median((smooth - level) / expected)
    return Noise(robust_rms(sums / ideal), filtered, claimed, float(signal), flux_scale)


def background_rms(field: Field, flux_scale: float, low: float, high: float = np.inf) -> float:
    """Return the robust rms of the medians of blocks, in catalogue units.

    Blocks are 64 pixels of the detector wide, and the rms is that in one of those.

    Parameters
    ----------
    field : Field
        The mosaic.
    flux_scale : float
        Unit of the image in catalogue units.
    low, high : float
        The area, as part of the exposures.
    """
    usable = field.empty & field.area(low, high)
    sky = field.without_sources(flux_scale)
    ny, nx = usable.shape
    medians = []
    relative_scale = float(field.image.grid.scale / pixel_scale(field.truth.wcs(0)))
    width = max(1, round(_BLOCK / relative_scale))
    for y in range(0, ny, width):
        for x in range(0, nx, width):
            block = np.s_[y : y + width, x : x + width]
            good = usable[block]
            if good.sum() > 0.4 * width**2:
                medians.append(np.median(sky[block][good]))
    return robust_rms(np.array(medians)) / flux_scale / relative_scale**2
