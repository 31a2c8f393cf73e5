"""Positions, fluxes and shapes of stars in a Gaussian window (compiled)."""

from __future__ import annotations

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

from ..calibration._median import median_and_deviation, selected_median

__all__ = ["COLUMNS", "measure_windowed"]

COLUMNS = (
    "x", "y", "error", "flux", "flux_error", "peak", "background", "xx", "yy", "xy", "n_masked",
)  # fmt: skip
"""What `measure_windowed` returns for each star."""

_REACH = 4.0
"""Radius of the window, in its standard deviations."""
_MAX_ITERATIONS = 30
_CONVERGED = 1e-4
_MAX_ANNULUS = 4096


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
    out = np.full((x0.size, len(COLUMNS)), np.nan)
    _measure(
        data, mask, filled, variance, x0, y0, sigma, aperture, *annulus,
        np.empty(_MAX_ANNULUS, dtype=np.float32), np.empty(_MAX_ANNULUS, dtype=np.float32),
        np.empty(int(2 * _REACH * sigma) + 2), np.empty(7), out,
    )  # fmt: skip
    out[:, 7:10] = _without_window(*out[:, 7:10].T, sigma)
    return out


@njit(nogil=True, cache=True)
def _measure(
    data: NDArray[np.float32],
    mask: NDArray[np.bool_],
    filled: NDArray[np.float32],
    variance: NDArray[np.float32],
    x0: NDArray[np.float64],
    y0: NDArray[np.float64],
    sigma: float,
    aperture: float,
    inner: float,
    outer: float,
    ring: NDArray[np.float32],
    scratch: NDArray[np.float32],
    along_x: NDArray[np.float64],
    sums: NDArray[np.float64],
    out: NDArray[np.float64],
) -> None:
    """Fill the rows of ``out``, the moments with those of star times window."""
    for star in range(x0.size):
        base = _annulus_level(data, mask, x0[star], y0[star], inner, outer, ring, scratch)
        if math.isnan(base):
            continue
        x, y, converged = x0[star], y0[star], False
        # The first pass after convergence takes the moments there.
        for iteration in range(_MAX_ITERATIONS + 1):
            _moments(data, mask, filled, variance, x, y, sigma, base, along_x, sums)
            if converged or iteration == _MAX_ITERATIONS or not sums[0] > 0.0:
                break
            step_x, step_y = 2.0 * sums[1], 2.0 * sums[2]
            x, y = x + step_x, y + step_y
            if not (abs(x - x0[star]) <= 3.0 * sigma and abs(y - y0[star]) <= 3.0 * sigma):
                break
            converged = abs(step_x) < _CONVERGED and abs(step_y) < _CONVERGED
        if not (converged and sums[0] > 0.0):
            continue
        out[star, 0] = x
        out[star, 1] = y
        out[star, 2] = 2.0 * math.sqrt(sums[6]) / sums[0]
        _aperture(data, mask, filled, variance, x, y, sigma, aperture, base, out[star])
        out[star, 6] = base
        out[star, 7], out[star, 8], out[star, 9] = sums[3], sums[4], sums[5]


@njit(nogil=True, cache=True, inline="always")
def _annulus_level(
    data: NDArray[np.float32],
    mask: NDArray[np.bool_],
    x: float,
    y: float,
    inner: float,
    outer: float,
    ring: NDArray[np.float32],
    scratch: NDArray[np.float32],
) -> float:
    """Return the median of a ring, values beyond 2.5 sigma left out twice."""
    ny, nx = data.shape
    n = np.int64(0)
    for j in range(max(0, math.ceil(y - outer)), min(ny, math.floor(y + outer) + 1)):
        for i in range(max(0, math.ceil(x - outer)), min(nx, math.floor(x + outer) + 1)):
            distance = (j - y) ** 2 + (i - x) ** 2
            if inner * inner <= distance <= outer * outer and not mask[j, i] and n < ring.size:
                ring[n] = data[j, i]
                n += 1
    if n < 16:
        return np.nan
    middle, deviation = 0.0, 1.0
    for _ in range(2):
        middle, deviation = median_and_deviation(ring, n, n, scratch, middle, deviation)
        limit = 2.5 * 1.4826 * deviation
        kept = 0
        for k in range(n):
            if abs(ring[k] - middle) <= limit:
                ring[kept] = ring[k]
                kept += 1
        n = kept
    return selected_median(ring, n, n, scratch, middle, 0.1 * deviation)


@njit(nogil=True, cache=True)
def _opposite(
    data: NDArray[np.float32],
    mask: NDArray[np.bool_],
    filled: NDArray[np.float32],
    i: int,
    j: int,
    x: float,
    y: float,
) -> float:
    """Return what lies opposite to a bad pixel, by bicubic interpolation.

    The convolution kernel of Keys (1981) with a = -1/2. Where one of the 4 x 4
    pixels is masked its filled value stands in. (It is not called for good pixels:
    handing arrays over takes ten times as long as all else that is done for them.)
    """
    ny, nx = data.shape
    u, v = 2.0 * x - i, 2.0 * y - j
    i0, j0 = math.floor(u), math.floor(v)
    if i0 < 1 or j0 < 1 or i0 > nx - 3 or j0 > ny - 3:
        return filled[j, i]
    total = 0.0
    for row in range(j0 - 1, j0 + 3):
        weight_y = _keys(v - row)
        for column in range(i0 - 1, i0 + 3):
            value = filled[row, column] if mask[row, column] else data[row, column]
            total += weight_y * _keys(u - column) * value
    return filled[j, i] if math.isnan(total) else total


@njit(nogil=True, cache=True)
def _keys(t: float) -> float:
    t = abs(t)
    if t < 1.0:
        return 1.0 + t * t * (1.5 * t - 2.5)
    if t < 2.0:
        return 2.0 + t * (-4.0 + t * (2.5 - 0.5 * t))
    return 0.0


@njit(nogil=True, cache=True, inline="always")
def _moments(
    data: NDArray[np.float32],
    mask: NDArray[np.bool_],
    filled: NDArray[np.float32],
    variance: NDArray[np.float32],
    x: float,
    y: float,
    sigma: float,
    base: float,
    along_x: NDArray[np.float64],
    sums: NDArray[np.float64],
) -> None:
    """Fill in the weighted sum, the first and second moments, and sum(w^2 v r^2 / 2)."""
    ny, nx = data.shape
    reach = _REACH * sigma
    total = mx = my = xx = yy = xy = spread = 0.0
    j0, j1 = math.ceil(y - reach), math.floor(y + reach)
    i0, i1 = math.ceil(x - reach), math.floor(x + reach)
    if j0 < 0 or i0 < 0 or j1 >= ny or i1 >= nx:
        sums[0] = np.nan
        return
    # The Gaussian of a distance is the product of those along the axes.
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
            light = np.float64(data[j, i])
            if mask[j, i]:
                light = _opposite(data, mask, filled, i, j, x, y)
            else:
                spread += window * window * variance[j, i] * 0.5 * distance
            value = window * (light - base)
            total += value
            mx += value * dx
            my += value * dy
            xx += value * dx * dx
            yy += value * dy * dy
            xy += value * dx * dy
    sums[0], sums[6] = total, spread
    if total > 0.0:
        sums[1], sums[2] = mx / total, my / total
        sums[3], sums[4], sums[5] = xx / total, yy / total, xy / total


@njit(nogil=True, cache=True, inline="always")
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
    row: NDArray[np.float64],
) -> None:
    """Fill in flux, its error, the highest pixel and the number of bad pixels of the core.

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
        row[10] = -1
        return
    for j in range(j0, j1 + 1):
        for i in range(i0, i1 + 1):
            distance = math.sqrt((i - x) ** 2 + (j - y) ** 2)
            inside = min(max(radius + 0.5 - distance, 0.0), 1.0)
            if inside == 0.0:
                continue
            value = np.float64(data[j, i])
            if mask[j, i]:
                value = _opposite(data, mask, filled, i, j, x, y)
                if distance <= core:
                    n_masked += 1
            else:
                noise += inside * inside * variance[j, i]
                peak = max(peak, value)
            flux += inside * (value - base)
    row[3], row[4], row[5], row[10] = flux, math.sqrt(noise), peak, n_masked


def _without_window(
    xx: NDArray[np.float64], yy: NDArray[np.float64], xy: NDArray[np.float64], sigma: float
) -> NDArray[np.float64]:
    """Take a Gaussian window out of second moments: inverse covariances add up.

    Shape (n, 3); NaN where nothing positive is left.
    """
    with np.errstate(all="ignore"):  # stars that are none
        determinant = xx * yy - xy * xy
        a = yy / determinant - 1.0 / (sigma * sigma)
        b = xx / determinant - 1.0 / (sigma * sigma)
        c = -xy / determinant
        left = a * b - c * c
        good = (determinant > 0.0) & (a > 0.0) & (b > 0.0) & (left > 0.0)
        return np.where(good, (b / left, a / left, -c / left), np.nan).T
