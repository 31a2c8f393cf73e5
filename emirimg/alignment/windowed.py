"""Positions, fluxes and shapes of stars in a Gaussian window (compiled)."""

from __future__ import annotations

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

from ..calibration._median import bisected_median, median_and_deviation
from .kernels import mirrored_value

__all__ = ["COLUMNS", "measure_windowed"]

COLUMNS = (
    "x", "y", "error", "flux", "flux_error", "peak", "background", "xx", "yy", "xy", "n_masked",
)  # fmt: skip
"""What `measure_windowed` returns for each star."""

_MAX_ITERATIONS = 30
_CONVERGED = 1e-4
_MAX_ANNULUS = 4096


@njit(nogil=True, cache=True)
def measure_windowed(
    data: NDArray[np.float32],
    mask: NDArray[np.bool_],
    filled: NDArray[np.float32],
    variance: NDArray[np.float32],
    x0: NDArray[np.float64],
    y0: NDArray[np.float64],
    sigma: float,
    aperture: float,
    annulus: tuple[float, float],
) -> NDArray[np.float64]:
    """Measure stars near given places.

    Parameters
    ----------
    data, mask, filled, variance : `~numpy.ndarray`
        Image, its bad pixels, the image with bad pixels interpolated, and
        the variance of the pixels, all of shape (ny, nx).
    x0, y0 : `~numpy.ndarray`
        First guesses.
    sigma : float
        Standard deviation of the window, in pixels.
    aperture : float
        Radius of the aperture for the flux, in pixels.
    annulus : tuple of float
        Inner and outer radius, in pixels, of the ring whose clipped median
        is the local background.

    Returns
    -------
    `~numpy.ndarray`
        Shape (n, 11), the `COLUMNS`. ``xx``, ``yy``, ``xy`` are the second
        moments of the star alone: the window is taken out as if both were
        Gaussian. Rows of NaN where the centroid ran away or left the image.

    Notes
    -----
    The window follows the centroid until both agree. A bad pixel takes the
    value found at the place opposite to it with respect to the centroid, so
    that the pair does not pull the centroid of a point-symmetric star.
    """
    out = np.empty((x0.size, 11))
    out[:] = np.nan
    ring = np.empty((2, _MAX_ANNULUS), dtype=np.float32)
    for star in range(x0.size):
        base = _annulus_level(data, mask, x0[star], y0[star], annulus, ring)
        if math.isnan(base):
            continue
        x, y, converged = x0[star], y0[star], False
        for _ in range(_MAX_ITERATIONS):
            total, mx, my, _, _, _, _ = _moments(data, mask, filled, variance, x, y, sigma, base)
            if not total > 0.0:
                break
            step_x, step_y = 2.0 * mx, 2.0 * my
            x, y = x + step_x, y + step_y
            if not (abs(x - x0[star]) <= 3.0 * sigma and abs(y - y0[star]) <= 3.0 * sigma):
                break
            if abs(step_x) < _CONVERGED and abs(step_y) < _CONVERGED:
                converged = True
                break
        if not converged:
            continue
        total, _, _, xx, yy, xy, spread = _moments(data, mask, filled, variance, x, y, sigma, base)
        if not total > 0.0:
            continue
        out[star, 0] = x
        out[star, 1] = y
        out[star, 2] = 2.0 * math.sqrt(spread) / total
        flux, error, peak, n_masked = _aperture(
            data, mask, filled, variance, x, y, sigma, aperture, base
        )
        out[star, 3] = flux
        out[star, 4] = error
        out[star, 5] = peak
        out[star, 6] = base
        out[star, 7], out[star, 8], out[star, 9] = _without_window(xx, yy, xy, sigma)
        out[star, 10] = n_masked
    return out


@njit(nogil=True, cache=True)
def _annulus_level(
    data: NDArray[np.float32],
    mask: NDArray[np.bool_],
    x: float,
    y: float,
    annulus: tuple[float, float],
    rings: NDArray[np.float32],
) -> float:
    """Return the median of a ring, values beyond 2.5 sigma left out twice."""
    ny, nx = data.shape
    inner, outer = annulus
    ring, scratch = rings[0], rings[1]
    n = np.int64(0)
    for j in range(max(0, math.ceil(y - outer)), min(ny, math.floor(y + outer) + 1)):
        for i in range(max(0, math.ceil(x - outer)), min(nx, math.floor(x + outer) + 1)):
            distance = (j - y) ** 2 + (i - x) ** 2
            if inner * inner <= distance <= outer * outer and not mask[j, i] and n < ring.size:
                ring[n] = data[j, i]
                n += 1
    if n < 16:
        return np.nan
    for _ in range(2):
        middle, deviation = median_and_deviation(ring, n, scratch)
        limit = 2.5 * 1.4826 * deviation
        kept = 0
        for k in range(n):
            if abs(ring[k] - middle) <= limit:
                ring[kept] = ring[k]
                kept += 1
        n = kept
    return bisected_median(ring, n, scratch)


@njit(nogil=True, cache=True)
def _value(
    data: NDArray[np.float32],
    mask: NDArray[np.bool_],
    filled: NDArray[np.float32],
    i: int,
    j: int,
    x: float,
    y: float,
) -> float:
    """Return a pixel, or if it is bad what lies opposite to it."""
    if not mask[j, i]:
        return data[j, i]
    value = mirrored_value(data, mask, filled, 2.0 * x - i, 2.0 * y - j)
    return filled[j, i] if math.isnan(value) else value


@njit(nogil=True, cache=True)
def _moments(
    data: NDArray[np.float32],
    mask: NDArray[np.bool_],
    filled: NDArray[np.float32],
    variance: NDArray[np.float32],
    x: float,
    y: float,
    sigma: float,
    base: float,
) -> tuple[float, float, float, float, float, float, float]:
    """Return the weighted sum, the first and second moments, and sum(w^2 v r^2 / 2)."""
    ny, nx = data.shape
    reach = 4.0 * sigma
    total = mx = my = xx = yy = xy = spread = 0.0
    j0, j1 = math.ceil(y - reach), math.floor(y + reach)
    i0, i1 = math.ceil(x - reach), math.floor(x + reach)
    if j0 < 0 or i0 < 0 or j1 >= ny or i1 >= nx:
        return np.nan, mx, my, xx, yy, xy, spread
    # The Gaussian of a distance is the product of those along the axes.
    along_x = np.empty(i1 - i0 + 1)
    for i in range(i0, i1 + 1):
        along_x[i - i0] = math.exp(-0.5 * (i - x) ** 2 / (sigma * sigma))
    for j in range(j0, j1 + 1):
        dy = j - y
        along_y = math.exp(-0.5 * dy * dy / (sigma * sigma))
        for i in range(i0, i1 + 1):
            dx = i - x
            distance = dx * dx + dy * dy
            if distance > reach * reach:
                continue
            window = along_y * along_x[i - i0]
            value = window * (_value(data, mask, filled, i, j, x, y) - base)
            total += value
            mx += value * dx
            my += value * dy
            xx += value * dx * dx
            yy += value * dy * dy
            xy += value * dx * dy
            if not mask[j, i]:
                spread += window * window * variance[j, i] * 0.5 * distance
    if total > 0.0:
        mx, my = mx / total, my / total
        xx, yy, xy = xx / total, yy / total, xy / total
    return total, mx, my, xx, yy, xy, spread


@njit(nogil=True, cache=True)
def _aperture(
    data: NDArray[np.float32],
    mask: NDArray[np.bool_],
    filled: NDArray[np.float32],
    variance: NDArray[np.float32],
    x: float,
    y: float,
    sigma: float,
    radius: float,
    base: float,
) -> tuple[float, float, float, int]:
    """Return flux, its error, the highest pixel and the bad pixels of the core.

    A pixel on the rim counts with the part of it that lies inside, in the
    approximation of a straight rim.
    """
    ny, nx = data.shape
    flux = noise = 0.0
    peak = -np.inf
    n_masked = 0
    # A bad pixel nearer than this cannot be replaced by its opposite.
    core = max(1.5, 0.6 * sigma)
    j0, j1 = math.ceil(y - radius - 0.5), math.floor(y + radius + 0.5)
    i0, i1 = math.ceil(x - radius - 0.5), math.floor(x + radius + 0.5)
    if j0 < 0 or i0 < 0 or j1 >= ny or i1 >= nx:
        return np.nan, np.nan, np.nan, -1
    for j in range(j0, j1 + 1):
        for i in range(i0, i1 + 1):
            distance = math.sqrt((i - x) ** 2 + (j - y) ** 2)
            inside = min(max(radius + 0.5 - distance, 0.0), 1.0)
            if inside == 0.0:
                continue
            value = _value(data, mask, filled, i, j, x, y)
            flux += inside * (value - base)
            if mask[j, i]:
                if distance <= core:
                    n_masked += 1
            else:
                noise += inside * inside * variance[j, i]
                peak = max(peak, value)
    return flux, math.sqrt(noise), peak, n_masked


@njit(nogil=True, cache=True)
def _without_window(xx: float, yy: float, xy: float, sigma: float) -> tuple[float, float, float]:
    """Take a Gaussian window out of second moments: inverse covariances add up."""
    determinant = xx * yy - xy * xy
    if not determinant > 0.0:
        return np.nan, np.nan, np.nan
    a = yy / determinant - 1.0 / (sigma * sigma)
    b = xx / determinant - 1.0 / (sigma * sigma)
    c = -xy / determinant
    determinant = a * b - c * c
    if not (a > 0.0 and b > 0.0 and determinant > 0.0):
        return np.nan, np.nan, np.nan
    return b / determinant, a / determinant, -c / determinant
