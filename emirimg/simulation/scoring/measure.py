"""Measurements on stars and on empty sky."""

from __future__ import annotations

import numpy as np
from astropy.stats import SigmaClip, mad_std
from numpy.typing import NDArray
from photutils.aperture import (
    ApertureStats,
    CircularAnnulus,
    CircularAperture,
    aperture_photometry,
)
from scipy.ndimage import gaussian_filter, map_coordinates
from scipy.optimize import least_squares

__all__ = [
    "SIGMA_OF_FWHM",
    "annulus_level",
    "aperture_sum",
    "disc_sum",
    "fit_moffat",
    "matched_filter",
    "matched_noise",
    "robust_rms",
    "sample",
    "windowed_centroid",
]

SIGMA_OF_FWHM = 1 / (2 * np.sqrt(2 * np.log(2)))
"""Standard deviation of a Gaussian, in units of its full width at half maximum."""

Positions = NDArray[np.float64]
"""Shape (n, 2), (x, y), 0-based."""


def aperture_sum(
    image: NDArray[np.floating], positions: Positions, radius: float
) -> NDArray[np.float64]:
    """Return the sums in circular apertures (exact areas of overlap)."""
    table = aperture_photometry(image, CircularAperture(positions, radius))
    return np.asarray(table["aperture_sum"], dtype=float)


def disc_sum(
    image: NDArray[np.floating], pixels: NDArray[np.int_], radius: float
) -> NDArray[np.float64]:
    """Return the sums over discs of whole pixels, at least ``radius`` from the edges.

    The variance of such a sum is the sum of the variances, which is not so
    where pixels count in part.

    Parameters
    ----------
    image : `~numpy.ndarray`
        Image.
    pixels : `~numpy.ndarray` of int
        Pixels (x, y) at the centres, shape (n, 2).
    radius : float
        Pixels with their centre within it belong to the disc.
    """
    reach = int(radius)
    dy, dx = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    inside = np.hypot(dx, dy) <= radius
    x, y = pixels.T
    return image[y[:, None] + dy[inside], x[:, None] + dx[inside]].sum(axis=1, dtype=float)


def annulus_level(
    image: NDArray[np.floating], positions: Positions, fwhm: float, mask: NDArray[np.bool_] | None
) -> NDArray[np.float64]:
    """Return the clipped median between 4 and 6 FWHM around each position."""
    annuli = CircularAnnulus(positions, 4 * fwhm, 6 * fwhm)
    statistics = ApertureStats(image, annuli, mask=mask, sigma_clip=SigmaClip(3.0, maxiters=5))
    return np.atleast_1d(statistics.median)


def matched_filter(image: NDArray[np.floating], fwhm: float) -> NDArray[np.float32]:
    """Smooth with a Gaussian of the width of a star, of sum 1."""
    return gaussian_filter(image, SIGMA_OF_FWHM * fwhm, mode="constant", truncate=5.0)


def matched_noise(variance: NDArray[np.floating], fwhm: float) -> NDArray[np.float32]:
    """Return the noise in a smoothed image, were that of the pixels independent.

    The square of a Gaussian is a Gaussian, narrower by the root of 2, with
    the sum 1 / (4 pi sigma**2).
    """
    sigma = SIGMA_OF_FWHM * fwhm
    smooth = gaussian_filter(variance, sigma / np.sqrt(2), mode="nearest", truncate=5.0)
    return np.sqrt(smooth / (4 * np.pi)) / sigma


def sample(image: NDArray[np.floating], positions: Positions) -> NDArray[np.float64]:
    """Return the values between pixels, by cubic splines."""
    return map_coordinates(
        image, [positions[:, 1], positions[:, 0]], output=float, order=3, mode="nearest"
    )


def robust_rms(values: NDArray[np.floating]) -> float:
    """Return the rms that the median absolute deviation stands for."""
    return float(mad_std(values)) if len(values) else np.nan


def windowed_centroid(
    image: NDArray[np.floating], position: NDArray[np.float64], fwhm: float, level: float
) -> NDArray[np.float64]:
    """Return the centroid (x, y) in a Gaussian window that follows the star.

    Parameters
    ----------
    image : `~numpy.ndarray`
        Image.
    position : `~numpy.ndarray`
        Where to begin, (x, y).
    fwhm : float
        Full width at half maximum of a star and of the window, in pixels.
    level : float
        Background to be subtracted.

    Notes
    -----
    The fixed point of ``r += 2 sum(w I (p - r)) / sum(w I)``: for a Gaussian
    star it is as precise as a fit of the profile.
    """
    sigma = SIGMA_OF_FWHM * fwhm
    place = np.array(position, dtype=float)
    values, x, y = _cutout(image, place, int(np.ceil(3 * fwhm)))
    values = values - level
    for _ in range(12):
        window = np.exp(-0.5 * ((x - place[0]) ** 2 + (y - place[1]) ** 2) / sigma**2) * values
        step = 2 * np.array([(window * (x - place[0])).sum(), (window * (y - place[1])).sum()])
        step /= window.sum()
        place += np.clip(step, -fwhm, fwhm)
        if abs(step).max() < 1e-5:
            break
    return place


def fit_moffat(
    image: NDArray[np.floating], position: NDArray[np.float64], fwhm: float, level: float
) -> tuple[float, float]:
    """Fit an elliptical Moffat profile to a star.

    Parameters
    ----------
    image : `~numpy.ndarray`
        Image.
    position : `~numpy.ndarray`
        Where the star is, (x, y).
    fwhm : float
        About its full width at half maximum, in pixels.
    level : float
        Background to be subtracted.

    Returns
    -------
    fwhm : float
        Geometric mean of the widths along both axes, in pixels.
    ellipticity : float
        1 - b/a.
    """
    values, x, y = _cutout(image, position, int(np.ceil(2.5 * fwhm)))
    values = (values - level).astype(float)
    peak = values.max()
    values /= peak

    def residuals(p: NDArray[np.float64]) -> NDArray[np.float64]:
        height, x0, y0, a, b, c, log_beta = p
        dx, dy = x - x0, y - y0
        t = 1 + np.exp(a) * ((1 + b) * dx**2 + 2 * c * dx * dy + (1 - b) * dy**2)
        return (height * np.maximum(t, 1e-3) ** -np.exp(log_beta) - values).ravel()

    start = [1.0, *position, -2 * np.log(fwhm), 0.0, 0.0, np.log(3.0)]
    found = least_squares(residuals, start, method="lm", xtol=1e-6).x
    _, _, _, a, b, c, log_beta = found
    # The widths are those of the eigenvectors of exp(a) [[1 + b, c], [c, 1 - b]].
    stretch = min(np.hypot(b, c), 0.99)
    core = np.sqrt(2 ** np.exp(-log_beta) - 1)
    major, minor = (2 * core / np.sqrt(np.exp(a) * (1 + s * stretch)) for s in (-1, 1))
    return float(np.sqrt(major * minor)), float(1 - minor / major)


def _cutout(
    image: NDArray[np.floating], position: NDArray[np.float64], half_size: int
) -> tuple[NDArray[np.floating], NDArray[np.int_], NDArray[np.int_]]:
    i, j = (round(float(value)) for value in position)
    rows = slice(max(0, j - half_size), j + half_size + 1)
    columns = slice(max(0, i - half_size), i + half_size + 1)
    values = image[rows, columns]
    y, x = np.mgrid[
        rows.start : rows.start + values.shape[0], columns.start : columns.start + values.shape[1]
    ]
    return values, x, y
