"""Profiles of stars and galaxies, drawn on a pixel grid."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import astropy.units as u
import numpy as np
from astropy.table import QTable
from astropy.wcs import WCS
from numpy.typing import NDArray
from scipy.optimize import nnls
from scipy.special import gammaincinv

from .pointing import jacobian
from .rendering import add_gaussians, add_moffats

__all__ = ["MoffatPSF", "draw_catalogue", "psf_image"]

_FAINTEST_LEVEL = 0.01
"""Profiles end where they have fallen below this, in ADU for each pixel."""


@dataclass(frozen=True)
class MoffatPSF:
    """An elliptical Moffat profile on the sky.

    Parameters
    ----------
    fwhm : float
        Geometric mean of the full widths at half maximum along the axes, in
        arcsec.
    beta : float
        Exponent.
    ellipticity : float
        1 - b/a.
    angle : float
        Position angle of the major axis, from north to east, in degrees.

    Examples
    --------
    >>> from emirimg.simulation import MoffatPSF
    >>> psf = MoffatPSF(fwhm=0.8, beta=3.0, ellipticity=0.1, angle=30.0)
    >>> psf.inverse_shape.shape
    (2, 2)
    """

    fwhm: float
    beta: float
    ellipticity: float = 0.0
    angle: float = 0.0

    @property
    def inverse_shape(self) -> NDArray[np.float64]:
        """Matrix M, in 1/arcsec**2, so that the profile goes as (1 + r M r)**-beta.

        ``r`` is (east, north).
        """
        alpha = self.fwhm / (2 * np.sqrt(2 ** (1 / self.beta) - 1))
        ratio = 1 - self.ellipticity
        return np.linalg.inv(_shape(alpha**2 / ratio, alpha**2 * ratio, self.angle))


def draw_catalogue(
    image: NDArray[np.float32], wcs: WCS, catalogue: QTable, psf: MoffatPSF, *, scale: float = 1.0
) -> None:
    """Add all sources of a catalogue to an image, in place.

    Parameters
    ----------
    image : `~numpy.ndarray` of float32
        Image, axis order (y, x).
    wcs : `~astropy.wcs.WCS`
        Its WCS. The profiles are those on the sky, and hence distorted as the
        sky is on the detector.
    catalogue : `~astropy.table.QTable`
        True catalogue, see `~emirimg.simulation.Truth`.
    psf : MoffatPSF
        Profile of a star.
    scale : float, optional
        Factor on all fluxes.

    Notes
    -----
    Stars are integrated over each pixel by Gauss-Legendre quadrature. A
    profile is cut off where it is fainter than 0.01 ADU a pixel, but not
    before 99.9 % of its flux is inside. Galaxies are mixtures of Gaussians
    [1]_, convolved with a mixture that stands for the Moffat profile.

    References
    ----------
    .. [1] Hogg, D. W. & Lang, D. 2013, PASP, 125, 719
    """
    x, y = wcs.wcs_world2pix(catalogue["ra"].to_value(u.deg), catalogue["dec"].to_value(u.deg), 0)
    flux = scale * np.asarray(catalogue["flux"], dtype=float)
    jacobians = jacobian(wcs, x, y)
    stars = catalogue["type"] == "star"
    shapes = np.swapaxes(jacobians, 1, 2) @ psf.inverse_shape @ jacobians
    determinant = np.linalg.det(shapes)
    peaks = flux * (psf.beta - 1) / np.pi * np.sqrt(determinant)
    # In units of r M r: where 0.1 % is outside, and where it is too faint to see.
    limit = np.maximum(0.001 ** (-1 / (psf.beta - 1)), (peaks / _FAINTEST_LEVEL) ** (1 / psf.beta))
    add_moffats(image, x[stars], y[stars], peaks[stars], shapes[stars], psf.beta, limit[stars] - 1)
    for index in np.flatnonzero(~stars):
        weights, covariances = _galaxy(catalogue[index], psf)
        to_pixels = np.linalg.inv(jacobians[index])
        in_pixels = to_pixels @ covariances @ to_pixels.T + np.eye(2) / 12
        add_gaussians(image, x[index], y[index], flux[index] * weights, in_pixels, _FAINTEST_LEVEL)


def psf_image(psf: MoffatPSF, to_sky: NDArray[np.float64], half_size: int) -> NDArray[np.float32]:
    """Return a star of flux 1 at the centre of a square image.

    Parameters
    ----------
    psf : MoffatPSF
        Profile of a star.
    to_sky : `~numpy.ndarray`
        Shape (2, 2): how the sky (east, north; arcsec) moves with the pixel (x, y).
    half_size : int
        The image has ``2 half_size + 1`` pixels on a side.
    """
    image = np.zeros((2 * half_size + 1,) * 2, dtype=np.float32)
    shape = to_sky.T @ psf.inverse_shape @ to_sky
    peak = (psf.beta - 1) / np.pi * np.sqrt(np.linalg.det(shape))
    centre = np.array([float(half_size)])
    everywhere = np.array([1e9])
    add_moffats(image, centre, centre, np.array([peak]), shape[None], psf.beta, everywhere)
    return image


def _galaxy(row: QTable.Row, psf: MoffatPSF) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the weights and the covariances, in arcsec**2, of a galaxy as it is seen."""
    weights, variances = _sersic_mixture(4.0 if row["type"] == "spheroid" else 1.0)
    radius = row["radius"].to_value(u.arcsec)
    unit = _shape(
        radius**2, (radius * row["axis_ratio"]) ** 2, row["position_angle"].to_value(u.deg)
    )
    psf_weights, psf_variances = _moffat_mixture(psf.beta)
    psf_unit = np.linalg.inv(psf.inverse_shape)
    covariances = (
        variances[:, None, None, None] * unit + psf_variances[None, :, None, None] * psf_unit
    )
    return np.outer(weights, psf_weights).ravel(), covariances.reshape(-1, 2, 2)


def _shape(major: float, minor: float, angle: float) -> NDArray[np.float64]:
    """Return the (east, north) matrix with these squared axes and that position angle."""
    sine, cosine = np.sin(np.radians(angle)), np.cos(np.radians(angle))
    axes = np.array([[sine, cosine], [cosine, -sine]])
    return axes @ np.diag([major, minor]) @ axes.T


@cache
def _sersic_mixture(index: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Fit a Sersic profile, half-light radius 1, by Gaussians of total weight 1."""
    b = gammaincinv(2 * index, 0.5)
    r = np.geomspace(0.01, 8, 400)
    return _mixture(r, np.exp(-b * r ** (1 / index)), np.geomspace(0.02, 4, 9))


@cache
def _moffat_mixture(beta: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Fit a Moffat profile of scale radius 1 by Gaussians of total weight 1."""
    r = np.geomspace(0.01, 12, 400)
    return _mixture(r, (1 + r**2) ** -beta, np.geomspace(0.25, 6, 6))


def _mixture(
    r: NDArray[np.float64], profile: NDArray[np.float64], widths: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    weight = r  # equal steps in log r: every annulus counts by the root of its area
    gaussians = np.exp(-0.5 * (r[:, None] / widths) ** 2) / (2 * np.pi * widths**2)
    found, _ = nnls(gaussians * weight[:, None], profile * weight)
    used = found > 0
    return found[used] / found.sum(), widths[used] ** 2
