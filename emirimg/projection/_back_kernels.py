"""Compiled transport of a mosaic to the plane of a frame."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from ._map_kernels import interpolate_row
from ._runs import EXACT_ENOUGH, LANES, rounded_up, run_end

__all__ = ["cubic", "nearest"]

_TAPS = 4


@njit(nogil=True, cache=True, fastmath=EXACT_ENOUGH)
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

    The values of ``bad`` pixels do not matter. Most places have none near.
    """
    height, width = image.shape
    ny, nx = out.shape
    values, bads, near = image.reshape(-1), bad.reshape(-1), _near(bad).reshape(-1)
    place = np.empty((3, nx))
    start = np.empty(nx, np.int64)
    weights_x = np.empty((_TAPS, nx + LANES), np.float32)
    weights_y = np.empty((_TAPS, nx + LANES), np.float32)
    sums = np.zeros(nx + LANES, np.float32)
    for i in range(ny):
        interpolate_row(nodes, step, offset_y, offset_x, i, place)
        for j in range(nx):
            x, y = place[0, j], place[1, j]
            # All 16 pixels must exist; a mosaic is wider than its exposures.
            inside = (x >= 1.0) & (x < width - 2.0) & (y >= 1.0) & (y < height - 2.0)
            start[j] = (int(y) - 1) * width + int(x) - 1 if inside else -1
        _row_weights(place[0], weights_x)
        _row_weights(place[1], weights_y)
        j = 0
        while j < nx:
            end = run_end(start, j)
            if start[j] >= 0:
                there = image.size - start[j] - (_TAPS - 1) * (width + 1)
                points = min(rounded_up(end - j), there)
                _sum(values, start[j], width, weights_x, weights_y, j, points, sums)
            j = end
        for j in range(nx):
            out[i, j] = sums[j] * np.float32(place[2, j])
        for j in range(nx):
            out_mask[i, j] = start[j] < 0
            if start[j] < 0:
                out[i, j] = 0.0
            elif near[start[j]]:
                value, lost = _sum_of_good(
                    values, bads, start[j], width, weights_x[:, j], weights_y[:, j]
                )
                out_mask[i, j] = lost > max_lost
                out[i, j] = value * np.float32(place[2, j]) if lost <= max_lost else 0.0


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
    flags = mask.reshape(-1)
    place = np.empty((2, nx))
    pixel = np.empty(nx, np.int64)
    for i in range(ny):
        interpolate_row(nodes, step, offset_y, offset_x, i, place)
        for j in range(nx):
            x, y = np.floor(place[0, j] + 0.5), np.floor(place[1, j] + 0.5)
            inside = (x >= 0) & (x < width) & (y >= 0) & (y < height)
            pixel[j] = int(y) * width + int(x) if inside else -1
        for j in range(nx):
            out[i, j] = pixel[j] >= 0 and flags[pixel[j]]


@njit(nogil=True, cache=True, inline="always")
def _near(bad: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Say of each pixel whether it, or one of the 4 x 4 from it on, is bad."""
    ny, nx = bad.shape
    near = np.zeros((ny, nx), np.bool_)
    column = np.zeros(nx, np.bool_)
    for y in range(ny - _TAPS + 1):
        for x in range(nx):
            column[x] = bad[y, x] | bad[y + 1, x] | bad[y + 2, x] | bad[y + 3, x]
        for x in range(nx - _TAPS + 1):
            near[y, x] = column[x] | column[x + 1] | column[x + 2] | column[x + 3]
    return near


@njit(nogil=True, cache=True, fastmath=EXACT_ENOUGH, inline="always")
def _row_weights(place: NDArray[np.float64], weights: NDArray[np.float32]) -> None:
    """Fill ``weights`` (4, n) with those of cubic convolution with a = -1/2 (Keys 1981)."""
    half, one, three_halves = np.float32(0.5), np.float32(1.0), np.float32(1.5)
    five_halves = np.float32(2.5)
    for j in range(place.size):
        f = np.float32(place[j] - np.floor(place[j]))
        g = one - f
        weights[0, j] = -half * f * g * g
        weights[1, j] = one + f * f * (three_halves * f - five_halves)
    for j in range(place.size):
        f = np.float32(place[j] - np.floor(place[j]))
        g = one - f
        weights[2, j] = one + g * g * (three_halves * g - five_halves)
        weights[3, j] = -half * g * f * f


# The rows are written out, and indices have no sign, so that the compiler makes of many points
# one instruction.
@njit(nogil=True, cache=True, fastmath=EXACT_ENOUGH, inline="always")
def _sum(
    values: NDArray[np.float32],
    start: int,
    stride: int,
    weights_x: NDArray[np.float32],
    weights_y: NDArray[np.float32],
    first: int,
    points: int,
    out: NDArray[np.float32],
) -> None:
    """Fill ``out`` with the sums of weights times values, for points from ``first`` on."""
    r0, step, f = np.uint64(start), np.uint64(stride), np.uint64(first)
    r1, r2 = r0 + step, r0 + step + step
    r3 = r2 + step
    for t in range(f, f + np.uint64(points)):
        y0, y1, y2, y3 = weights_y[0, t], weights_y[1, t], weights_y[2, t], weights_y[3, t]
        total = np.float32(0.0)
        for k in range(np.uint64(_TAPS)):
            c = t - f + k
            total += weights_x[k, t] * (
                y0 * values[r0 + c] + y1 * values[r1 + c]
                + y2 * values[r2 + c] + y3 * values[r3 + c]
            )  # fmt: skip
        out[t] = total


@njit(nogil=True, cache=True, fastmath=EXACT_ENOUGH, inline="always")
def _sum_of_good(
    values: NDArray[np.float32],
    bads: NDArray[np.bool_],
    start: int,
    stride: int,
    weights_x: NDArray[np.float32],
    weights_y: NDArray[np.float32],
) -> tuple[np.float32, np.float32]:
    """Return the weighted mean of the good pixels, and the magnitudes of the others' weights."""
    value = lost = missing = np.float32(0.0)
    for k in range(_TAPS):
        for r in range(_TAPS):
            w = weights_x[k] * weights_y[r]
            at = start + r * stride + k
            if bads[at]:
                missing += w
                lost += abs(w)
            else:
                value += w * values[at]
    # Without any of them there is no mean.
    return value / max(np.float32(1.0) - missing, np.float32(1e-3)), lost
