"""The ring of scattered light in the sky: a profile about a centre of its own."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.polynomial import legendre
from numpy.typing import NDArray

__all__ = ["Ring", "find_ring", "polynomial_basis", "polynomial_terms"]

_KNOTS = 14
"""Enough to follow a ring some 200 pixels wide."""

_LARGEST_RADIUS = 1.7
_SMOOTH_DEGREE = 6
"""What polynomials of this degree describe says nothing about where the ring is."""

_SHAPE_ERROR = 0.1
"""By how much the centre (half sides of the detector) and the axes of a ring may be off."""

_LOPSIDED = 0.5
_SPLINE_PRIOR = 1e-2


@dataclass(frozen=True)
class Ring:
    """A ring about any centre, slightly elliptical, brighter on one side than on the other.

    Parameters
    ----------
    shape : tuple of float
        Centre (u, v), and two components of the ellipticity.
    coefficients : `~numpy.ndarray`
        Of the splines of the narrow part of the profile, without what is smooth.
    """

    shape: tuple[float, float, float, float]
    coefficients: NDArray[np.float64]

    def columns(self, u: NDArray[np.float64], v: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return splines of the radius, and the narrow ring times u and times v, as columns."""
        splines = _splines(_radius(self.shape, u, v))
        narrow = np.maximum(splines @ self.coefficients, 0)
        return np.column_stack([splines, narrow * u, narrow * v])

    @property
    def prior(self) -> NDArray[np.float64]:
        """Inverse variances that are expected of the coefficients of the columns."""
        return np.r_[np.full(len(self.coefficients), _SPLINE_PRIOR), [_LOPSIDED**-2] * 2]

    def profile(
        self, solution: NDArray[np.float64], u: NDArray[np.float64], v: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Evaluate the ring with these coefficients of the columns at u (x,) and v (y,)."""
        grid = np.linspace(0, _LARGEST_RADIUS, 2048)
        splines = _splines(grid)
        narrow = np.maximum(splines @ self.coefficients, 0)
        radius = _radius(self.shape, u, v[:, None])
        plane = solution[-2] * u + solution[-1] * v[:, None]
        return np.interp(radius, grid, splines @ solution[:-2]) + plane * np.interp(
            radius, grid, narrow
        )


def find_ring(
    u: NDArray[np.float64], v: NDArray[np.float64], value: NDArray[np.float64], error: float
) -> Ring:
    """Find where the ring is, from whatever no smooth function describes.

    Parameters
    ----------
    u, v : `~numpy.ndarray`
        Places, from -1 to 1 across the detector, shape (n,).
    value : `~numpy.ndarray`
        Relative brightness of the sky there, less 1.
    error : float
        Its error.

    Notes
    -----
    Centre and ellipticity are those with which a polynomial of degree 6 and a radial
    profile together describe the sky best (variable projection). Without a ring they
    stay where they are expected, at 0.
    """
    smooth = np.column_stack([np.ones_like(u), polynomial_basis(u, v, _SMOOTH_DEGREE)])

    def fit(shape: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        design = np.hstack([smooth, _splines(_radius(tuple(shape), u, v))])
        normal = design.T @ design + 1e-6 * np.eye(design.shape[1])
        found = np.linalg.solve(normal, design.T @ value)
        return found, value - design @ found

    def deviations(shape: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.r_[fit(shape)[1] / error, shape / _SHAPE_ERROR]

    from scipy.optimize import least_squares  # noqa: PLC0415 (heavy)

    best = least_squares(deviations, np.zeros(4), loss="soft_l1", f_scale=2.0, max_nfev=15)
    shape = tuple(float(item) for item in best.x)
    splines = _splines(_radius(shape, u, v))
    profile = splines @ fit(best.x)[0][smooth.shape[1] :]
    return Ring(shape, _narrow(splines, _radius(shape, u, v), profile))


def polynomial_terms(degree: int) -> list[tuple[int, int]]:
    """Return the orders in u and v of the terms of a polynomial, without the constant."""
    return [(total - j, j) for total in range(1, degree + 1) for j in range(total + 1)]


def polynomial_basis(
    u: NDArray[np.float64], v: NDArray[np.float64], degree: int
) -> NDArray[np.float64]:
    """Return products of Legendre polynomials, without the constant, as columns."""
    along_x, along_y = legendre.legvander(u, degree), legendre.legvander(v, degree)
    columns = [along_x[:, i] * along_y[:, j] for i, j in polynomial_terms(degree)]
    return np.column_stack(columns) if columns else np.zeros((len(u), 0))


def _narrow(
    splines: NDArray[np.float64], radius: NDArray[np.float64], profile: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the coefficients of a profile less its smooth part."""
    smooth = np.column_stack([radius**power for power in (0, 2, 4, 6)])
    rest = profile - smooth @ np.linalg.lstsq(smooth, profile, rcond=None)[0]
    normal = splines.T @ splines + 1e-6 * np.eye(splines.shape[1])
    return np.linalg.solve(normal, splines.T @ rest)


def _radius(
    shape: tuple[float, ...], u: NDArray[np.float64], v: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the elliptical distance from the centre."""
    centre_u, centre_v, stretch, shear = shape
    x, y = u - centre_u, v - centre_v
    square = (1 + stretch) * x**2 + (1 - stretch) * y**2 + 2 * shear * x * y
    return np.sqrt(np.maximum(square, 0))


def _splines(r: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return cubic B-splines of the distance from the centre (1: middle of an edge)."""
    from scipy.interpolate import BSpline  # noqa: PLC0415 (heavy)

    if r.size == 0:  # which SciPy refuses
        return np.empty((0, _KNOTS + 3))
    inner = np.append(np.linspace(0, np.sqrt(2), _KNOTS), _LARGEST_RADIUS)
    knots = np.r_[[inner[0]] * 3, inner, [inner[-1]] * 3]
    return BSpline.design_matrix(np.clip(r, 0, inner[-1]), knots, 3).toarray()
