"""Compiled transport of a mosaic to the plane of a frame."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from ._map_kernels import interpolate_row

__all__ = ["cubic", "nearest"]

_SAFE_MATH = {"contract", "reassoc", "nsz", "arcp"}
"""Everything of fast mathematics but the promise that there is no NaN."""


@njit(nogil=True, cache=True, fastmath=_SAFE_MATH)
def cubic(
    image: NDArray[np.float32],
    mask: NDArray[np.bool_],
    nodes: NDArray[np.float64],
    step: int,
    offset_y: int,
    offset_x: int,
    max_lost: np.float32,
    out: NDArray[np.float32],
    out_mask: NDArray[np.bool_],
) -> None:
    """Interpolate ``image`` by cubic convolution of its unmasked pixels."""
    height, width = image.shape
    ny, nx = out.shape
    zero = np.float32(0.0)
    place = np.empty((3, nx))
    wx = np.empty(4, np.float32)
    wy = np.empty(4, np.float32)
    for i in range(ny):
        interpolate_row(nodes, step, offset_y, offset_x, i, place)
        for j in range(nx):
            x = place[0, j]
            y = place[1, j]
            out[i, j] = zero
            out_mask[i, j] = True
            # All 16 pixels must exist; a mosaic is wider than its exposures.
            if not (1.0 <= x < width - 2.0 and 1.0 <= y < height - 2.0):
                continue
            left = int(x) - 1
            low = int(y) - 1
            _keys(x - left - 1, wx)
            _keys(y - low - 1, wy)
            value = weight = lost = zero
            for k in range(4):
                for t in range(4):
                    w = wy[k] * wx[t]
                    bad = mask[low + k, left + t]
                    value += zero if bad else w * image[low + k, left + t]
                    weight += zero if bad else w
                    lost += abs(w) if bad else zero
            if lost <= max_lost and np.isfinite(value):
                out[i, j] = value * np.float32(place[2, j]) / weight
                out_mask[i, j] = False


@njit(nogil=True, cache=True)
def nearest(
    mask: NDArray[np.bool_],
    nodes: NDArray[np.float64],
    step: int,
    offset_y: int,
    offset_x: int,
    out: NDArray[np.bool_],
) -> None:
    """Fill ``out`` with the nearest values of ``mask``, False outside of it."""
    height, width = mask.shape
    ny, nx = out.shape
    place = np.empty((2, nx))
    for i in range(ny):
        interpolate_row(nodes, step, offset_y, offset_x, i, place)
        for j in range(nx):
            x = int(np.floor(place[0, j] + 0.5))
            y = int(np.floor(place[1, j] + 0.5))
            out[i, j] = 0 <= x < width and 0 <= y < height and mask[y, x]


@njit(nogil=True, cache=True, fastmath=_SAFE_MATH)
def _keys(f: float, weights: NDArray[np.float32]) -> None:
    """Fill in the four weights of cubic convolution with a = -1/2 (Keys 1981)."""
    g = 1.0 - f
    weights[0] = -0.5 * f * g * g
    weights[1] = 1.0 + f * f * (1.5 * f - 2.5)
    weights[2] = 1.0 + g * g * (1.5 * g - 2.5)
    weights[3] = -0.5 * g * f * f
