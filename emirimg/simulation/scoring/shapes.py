"""How sharp and how well placed the stars are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .field import WELL_COVERED, Field
from .measure import annulus_level, fit_moffat, windowed_centroid

__all__ = ["StarShapes", "measure_shapes"]


@dataclass(frozen=True)
class StarShapes:
    """Positions and widths of the isolated bright stars of the well-covered area.

    Parameters
    ----------
    offsets : `~numpy.ndarray`
        Measured minus true position (x, y), in mas, shape (n, 2).
    positions : `~numpy.ndarray`
        True positions, in pixels, shape (n, 2).
    width_ratio : `~numpy.ndarray`
        FWHM over that of the mean point-spread function of the exposures that
        show the star.
    ellipticity : `~numpy.ndarray`
        1 - b/a.
    """

    offsets: NDArray[np.float64]
    positions: NDArray[np.float64]
    width_ratio: NDArray[np.float64]
    ellipticity: NDArray[np.float64]

    @property
    def rms(self) -> float:
        """Rms per axis after one shift, in mas."""
        return _rms(self.offsets - self.offsets.mean(axis=0), 2)

    @property
    def rms_affine(self) -> float:
        """Rms per axis after an affine transformation, in mas."""
        design = np.column_stack([np.ones(len(self.positions)), self.positions])
        solution, *_ = np.linalg.lstsq(design, self.offsets, rcond=None)
        return _rms(self.offsets - design @ solution, 6)


def measure_shapes(field: Field) -> StarShapes:
    """Measure centroids and widths."""
    stars = field.stars_in(WELL_COVERED)
    positions = field.positions[stars]
    data = field.image.data
    levels = annulus_level(data, positions, field.fwhm, field.image.mask)
    centroids, fits = [], []
    for position, level in zip(positions, levels, strict=True):
        centroids.append(windowed_centroid(data, position, field.fwhm, level))
        fits.append(fit_moffat(data, position, field.fwhm, level))
    widths, ellipticity = np.transpose(fits)
    # The width of a mean profile is nearly, not exactly, the mean of the widths.
    mean_of_widths = field.truth.weights @ field.profile.fwhm
    expected = field.expected(field.profile.fwhm)[stars] * field.fwhm / mean_of_widths
    scale = field.image.grid.scale.to_value("mas")
    return StarShapes(
        (np.array(centroids) - positions) * scale, positions, widths / expected, ellipticity
    )


def _rms(offsets: NDArray[np.float64], n_parameters: int) -> float:
    freedom = offsets.size - n_parameters
    return float(np.sqrt(np.sum(offsets**2) / freedom)) if freedom > 0 else np.nan
