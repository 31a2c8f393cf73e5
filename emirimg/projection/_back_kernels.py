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
    bad: NDArray[np.bool_],
    nodes: NDArray[np.float64],
    step: int,
    offset_y: int,
    offset_x: int,
    max_lost: np.float32,
    out: NDArray[np.float32],
    out_mask: NDArray[np.bool_],
) -> None:
    """Interpolate ``image`` by cubic convolution of its good pixels.

    The values of ``bad`` pixels are not looked at. Most places have none near.
    """
    height, width = image.shape
    ny, nx = out.shape
    zero = np.float32(0.0)
    one = np.float32(1.0)
    values, bads = image.reshape(-1), bad.reshape(-1)
    stride = np.uint64(width)
    place = np.empty((3, nx))
    for i in range(ny):
        interpolate_row(nodes, step, offset_y, offset_x, i, place)
        for j in range(nx):
            x = place[0, j]
            y = place[1, j]
            # All 16 pixels must exist; a mosaic is wider than its exposures.
            if not (1.0 <= x < width - 2.0 and 1.0 <= y < height - 2.0):
                out[i, j] = zero
                out_mask[i, j] = True
                continue
            left = int(x) - 1
            low = int(y) - 1
            x0, x1, x2, x3 = _keys(np.float32(x - left - 1))
            y0, y1, y2, y3 = _keys(np.float32(y - low - 1))
            r0 = np.uint64(low * width + left)
            r1, r2 = r0 + stride, r0 + stride + stride
            r3 = r1 + stride + stride
            value = lost = missing = zero
            some = False
            for t, w in enumerate((x0, x1, x2, x3)):
                c = np.uint64(t)
                some |= bads[r0 + c] | bads[r1 + c] | bads[r2 + c] | bads[r3 + c]
                value += w * (
                    y0 * values[r0 + c] + y1 * values[r1 + c]
                    + y2 * values[r2 + c] + y3 * values[r3 + c]
                )  # fmt: skip
            if some:
                value = zero
                for t, w in enumerate((x0, x1, x2, x3)):
                    for r, h in ((r0, y0), (r1, y1), (r2, y2), (r3, y3)):
                        if bads[r + np.uint64(t)]:
                            missing += w * h
                            lost += abs(w * h)
                        else:
                            value += w * h * values[r + np.uint64(t)]
            good = lost <= max_lost
            out[i, j] = value * np.float32(place[2, j]) / (one - missing) if good else zero
            out_mask[i, j] = not good


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


@njit(nogil=True, cache=True, fastmath=_SAFE_MATH, inline="always")
def _keys(f: np.float32) -> tuple[np.float32, np.float32, np.float32, np.float32]:
    """Return the four weights of cubic convolution with a = -1/2 (Keys 1981)."""
    half, one, three_halves = np.float32(0.5), np.float32(1.0), np.float32(1.5)
    five_halves = np.float32(2.5)
    g = one - f
    return (
        -half * f * g * g,
        one + f * f * (three_halves * f - five_halves),
        one + g * g * (three_halves * g - five_halves),
        -half * g * f * f,
    )
