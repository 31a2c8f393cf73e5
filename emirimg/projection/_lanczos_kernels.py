"""Compiled mask-aware Lanczos interpolation."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from ._map_kernels import interpolate_row

__all__ = ["REACH", "lanczos_table", "resample"]

REACH = 3
"""How many pixels to each side of a point have a weight."""

_TAPS = 2 * REACH
_SAFE_MATH = {"contract", "reassoc", "nsz", "arcp"}
"""Everything of fast mathematics but the promise that there is no NaN."""


def lanczos_table(divisions: int = 512) -> NDArray[np.float32]:
    """Return the weights of the six nearest pixels for fractions of a pixel.

    Parameters
    ----------
    divisions : int, optional
        Fractions k / divisions, k from 0 to ``divisions``. Weights between
        two of them are interpolated linearly, with an error of 2e-6 for 512.

    Returns
    -------
    `~numpy.ndarray` of float32
        Shape (divisions + 1, 6); each row has the sum 1.
    """
    fractions = np.arange(divisions + 1) / divisions
    distance = fractions[:, np.newaxis] - np.arange(1 - REACH, REACH + 1)
    weights = np.sinc(distance) * np.sinc(distance / REACH)
    weights[np.abs(distance) >= REACH] = 0.0
    return (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)


@njit(nogil=True, cache=True, fastmath=_SAFE_MATH)
def resample(
    data: NDArray[np.float32],
    variance: NDArray[np.float32],
    mask: NDArray[np.bool_],
    first_row: int,
    height: int,
    nodes: NDArray[np.float64],
    step: int,
    offset_y: int,
    offset_x: int,
    table: NDArray[np.float32],
    max_lost: np.float32,
    out: NDArray[np.float32],
    out_variance: NDArray[np.float32],
    out_mask: NDArray[np.bool_],
) -> None:
    """Fill ``out``, ``out_variance`` and ``out_mask`` with a resampled frame.

    ``data``, ``variance`` and ``mask`` are the rows of the frame from
    ``first_row`` on; the frame has ``height`` rows. The map is given by its
    ``nodes``, as in `interpolate_row`.
    """
    n_rows, width = data.shape
    ny, nx = out.shape
    place = np.empty((3, nx))
    wx = np.empty(_TAPS, np.float32)
    wy = np.empty(_TAPS, np.float32)
    for i in range(ny):
        interpolate_row(nodes, step, offset_y, offset_x, i, place)
        for j in range(nx):
            x = place[0, j]
            y = place[1, j]
            out[i, j] = 0.0
            out_variance[i, j] = 0.0
            out_mask[i, j] = True
            if not (-0.5 <= x <= width - 0.5 and -0.5 <= y <= height - 0.5):
                continue
            left = int(np.floor(x)) - (REACH - 1)
            low = int(np.floor(y)) - (REACH - 1) - first_row
            total_x = _weights(table, x - np.floor(x), wx)
            total_y = _weights(table, y - np.floor(y), wy)
            if left >= 0 and low >= 0 and left + _TAPS <= width and low + _TAPS <= n_rows:
                sums = _sums(data, variance, mask, low, left, wy, wx, 0, _TAPS, 0, _TAPS)
            else:
                k0, k1 = max(0, -low), min(_TAPS, n_rows - low)
                l0, l1 = max(0, -left), min(_TAPS, width - left)
                sums = _sums(data, variance, mask, low, left, wy, wx, k0, k1, l0, l1)
            value, spread, weight, found = sums
            lost = total_x * total_y - found
            if lost <= max_lost and np.isfinite(value):
                scale = np.float32(place[2, j]) / weight
                out[i, j] = value * scale
                out_variance[i, j] = spread * scale * scale
                out_mask[i, j] = False


@njit(nogil=True, cache=True, fastmath=_SAFE_MATH)
def _weights(
    table: NDArray[np.float32], fraction: float, weights: NDArray[np.float32]
) -> np.float32:
    """Fill in the weights for a fraction of a pixel; return the sum of their magnitudes."""
    place = fraction * (table.shape[0] - 1)
    k = min(int(place), table.shape[0] - 2)
    f = np.float32(place - k)
    total = np.float32(0.0)
    for t in range(_TAPS):
        weights[t] = table[k, t] + f * (table[k + 1, t] - table[k, t])
        total += abs(weights[t])
    return total


@njit(nogil=True, cache=True, fastmath=_SAFE_MATH)
def _sums(
    data: NDArray[np.float32],
    variance: NDArray[np.float32],
    mask: NDArray[np.bool_],
    low: int,
    left: int,
    wy: NDArray[np.float32],
    wx: NDArray[np.float32],
    k0: int,
    k1: int,
    l0: int,
    l1: int,
) -> tuple[np.float32, np.float32, np.float32, np.float32]:
    """Return the sums of w d, w^2 v, w and abs(w) over the unmasked pixels."""
    zero = np.float32(0.0)
    value = spread = weight = found = zero
    for k in range(k0, k1):
        for t in range(l0, l1):
            w = wy[k] * wx[t]
            bad = mask[low + k, left + t]
            # A choice, not a product with 0: a masked pixel may be NaN.
            value += zero if bad else w * data[low + k, left + t]
            spread += zero if bad else w * w * variance[low + k, left + t]
            weight += zero if bad else w
            found += zero if bad else abs(w)
    return value, spread, weight, found
