"""How well the fluxes of stars are kept."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...exceptions import InputError
from .field import WELL_COVERED, Field
from .image import ScoredImage
from .measure import annulus_level, aperture_sum, disc_sum, robust_rms

__all__ = ["Photometry", "cell_rms", "flux_kept", "measure_photometry"]

_CELLS = 6
_FEWEST = 3
"""Stars in a cell that counts."""
_VERY_BRIGHT = 1000.0


@dataclass(frozen=True)
class Photometry:
    """Fluxes of the isolated bright stars of the well-covered area.

    Parameters
    ----------
    ratio : `~numpy.ndarray`
        Measured over true flux.
    error : `~numpy.ndarray`
        Ideal error of ``ratio``.
    positions : `~numpy.ndarray`
        (x, y) of the stars, shape (n, 2).
    """

    ratio: NDArray[np.float64]
    error: NDArray[np.float64]
    positions: NDArray[np.float64]

    @property
    def scale(self) -> float:
        """Median ratio: the unit of the image in catalogue units."""
        return float(np.median(self.ratio))

    @property
    def scatter(self) -> float:
        """Robust relative scatter of the ratio."""
        return robust_rms(self.ratio) / self.scale

    @property
    def cells(self) -> float:
        """Relative rms of the medians in 6 x 6 cells, without their expected errors."""
        return cell_rms(self.ratio / self.scale, self.error, self.positions)


def measure_photometry(field: Field) -> Photometry:
    """Measure the stars in apertures of 1.5 FWHM, with a local annulus.

    Raises
    ------
    InputError
        If there is no isolated bright star.
    """
    stars = field.stars_in(WELL_COVERED)
    if stars.size == 0:
        msg = (
            "the well-covered area has no isolated star with a signal-to-noise ratio above 100,"
            " which fluxes and widths are measured with; a scene with more stars can be scored"
        )
        raise InputError(msg)
    positions = field.positions[stars]
    flux = np.asarray(field.truth.catalogue["flux"])[stars]
    expected = flux * field.expected(field.profile.aperture)[stars]
    radius = 1.5 * field.fwhm
    total = field.ideal.variance + field.ideal.source_variance
    total = np.where(np.isfinite(total), total, 0)
    noise = np.sqrt(disc_sum(total, np.rint(positions).astype(int), radius))
    return Photometry(
        _net_flux(field, field.image, positions) / expected, noise / expected, positions
    )


def cell_rms(
    ratio: NDArray[np.float64], error: NDArray[np.float64], positions: NDArray[np.float64]
) -> float:
    r"""Return the rms of the medians of a ratio over the cells of the field.

    Parameters
    ----------
    ratio, error : `~numpy.ndarray`
        Values and their expected errors, shape (n,).
    positions : `~numpy.ndarray`
        (x, y), shape (n, 2).

    Notes
    -----
    The variance of the median of n values with normal errors
    :math:`\sigma_i` is :math:`n / (4 (\sum_i f_i)^2)`, where :math:`f_i = 1 /
    (\sqrt{2 \pi} \sigma_i)` are their probability densities at the centre. It is
    subtracted in quadrature.
    """
    low, high = positions.min(axis=0), positions.max(axis=0)
    place = np.clip(((positions - low) / (high - low) * _CELLS).astype(int), 0, _CELLS - 1)
    number = place[:, 0] + _CELLS * place[:, 1]
    medians, variances = [], []
    for cell in np.unique(number):
        inside = number == cell
        if inside.sum() >= _FEWEST:
            medians.append(np.median(ratio[inside]))
            density = np.sum(1 / (np.sqrt(2 * np.pi) * error[inside]))
            variances.append(inside.sum() / (4 * density**2))
    if len(medians) < _FEWEST:
        return np.nan
    return float(np.sqrt(max(0.0, np.var(medians, ddof=1) - np.mean(variances))))


def flux_kept(field: Field, unrejected: ScoredImage) -> float:
    """Return the median part of the flux of very bright stars that rejection has left.

    Parameters
    ----------
    field : Field
        The mosaic.
    unrejected : ScoredImage
        The same mosaic, combined without rejection.
    """
    stars = field.stars_in(WELL_COVERED)
    stars = stars[field.snr[stars] > _VERY_BRIGHT]
    if stars.size == 0:
        return np.nan
    positions = field.positions[stars]
    kept = _net_flux(field, field.image, positions)
    return float(np.median(kept / _net_flux(field, unrejected.cleaned(), positions)))


def _net_flux(
    field: Field, image: ScoredImage, positions: NDArray[np.float64]
) -> NDArray[np.float64]:
    radius = 1.5 * field.fwhm
    level = annulus_level(image.data, positions, field.fwhm, image.mask)
    return aperture_sum(image.data, positions, radius) - np.pi * radius**2 * level
