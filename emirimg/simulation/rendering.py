"""Compiled kernels that add profiles to an image."""

from __future__ import annotations

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

__all__ = ["add_gaussians", "add_moffats"]

_TWO = np.array([-0.5, 0.5]) / math.sqrt(3.0)
_TWO_WEIGHTS = np.array([0.5, 0.5])
_THREE = np.array([-0.5, 0.0, 0.5]) * math.sqrt(0.6)
_THREE_WEIGHTS = np.array([5.0, 8.0, 5.0]) / 18.0


@njit(nogil=True, cache=True)
def add_moffats(
    image: NDArray[np.float32],
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    peaks: NDArray[np.float64],
    shapes: NDArray[np.float64],
    beta: float,
    limits: NDArray[np.float64],
) -> None:
    """Add Moffat profiles ``peak (1 + d M d)**-beta``, integrated over pixels.

    ``shapes`` (n, 2, 2) holds M in 1/pixel**2; a profile ends where d M d
    exceeds its limit.
    """
    ny, nx = image.shape
    for n in range(x.size):
        a, b, c = shapes[n, 0, 0], shapes[n, 0, 1], shapes[n, 1, 1]
        determinant = a * c - b * b
        reach_x = math.sqrt(limits[n] * c / determinant)
        reach_y = math.sqrt(limits[n] * a / determinant)
        for j in range(max(0, math.ceil(y[n] - reach_y)), min(ny, math.floor(y[n] + reach_y) + 1)):
            dy = j - y[n]
            for i in range(
                max(0, math.ceil(x[n] - reach_x)), min(nx, math.floor(x[n] + reach_x) + 1)
            ):
                dx = i - x[n]
                t = a * dx * dx + 2 * b * dx * dy + c * dy * dy
                if t < 5.0:
                    value = _moffat_pixel(dx, dy, a, b, c, beta, _THREE, _THREE_WEIGHTS)
                elif t < limits[n]:
                    value = _moffat_pixel(dx, dy, a, b, c, beta, _TWO, _TWO_WEIGHTS)
                else:
                    continue
                image[j, i] += peaks[n] * value


@njit(nogil=True, cache=True)
def _moffat_pixel(
    dx: float,
    dy: float,
    a: float,
    b: float,
    c: float,
    beta: float,
    nodes: NDArray[np.float64],
    weights: NDArray[np.float64],
) -> float:
    """Integrate one pixel by a product rule."""
    total = 0.0
    for q in range(nodes.size):
        v = dy + nodes[q]
        for p in range(nodes.size):
            u = dx + nodes[p]
            t = 1.0 + a * u * u + 2 * b * u * v + c * v * v
            total += weights[p] * weights[q] * (1 / (t * t * t) if beta == 3.0 else t**-beta)
    return total


@njit(nogil=True, cache=True)
def add_gaussians(
    image: NDArray[np.float32],
    x: float,
    y: float,
    fluxes: NDArray[np.float64],
    covariances: NDArray[np.float64],
    faintest: float,
) -> None:
    """Add concentric Gaussians, each down to the level ``faintest`` or 4 sigma.

    ``covariances`` (n, 2, 2) is in pixel**2.
    """
    ny, nx = image.shape
    for n in range(fluxes.size):
        xx, xy, yy = covariances[n, 0, 0], covariances[n, 0, 1], covariances[n, 1, 1]
        determinant = xx * yy - xy * xy
        peak = fluxes[n] / (2 * math.pi * math.sqrt(determinant))
        limit = max(16.0, 2 * math.log(max(peak / faintest, 1.0)))
        a, b, c = yy / determinant, -xy / determinant, xx / determinant
        reach_x, reach_y = math.sqrt(limit * xx), math.sqrt(limit * yy)
        for j in range(max(0, math.ceil(y - reach_y)), min(ny, math.floor(y + reach_y) + 1)):
            dy = j - y
            for i in range(max(0, math.ceil(x - reach_x)), min(nx, math.floor(x + reach_x) + 1)):
                dx = i - x
                t = a * dx * dx + 2 * b * dx * dy + c * dy * dy
                if t < limit:
                    image[j, i] += peak * math.exp(-0.5 * t)
