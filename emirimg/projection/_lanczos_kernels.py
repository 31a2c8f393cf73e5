"""Compiled mask-aware Lanczos interpolation."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from ._lanczos_weights import REACH, TAPS, row_weights
from ._map_kernels import interpolate_row
from ._runs import EXACT_ENOUGH, LANES, rounded_up, run_end

__all__ = ["padded_planes", "resample"]

_MARGIN = TAPS + LANES
"""Columns more than a frame has, for the reach of the kernel and for runs that are rounded up."""
_OUTSIDE = np.float32(2.0)
"""Weights lost by a point that is not on the frame: more than all there are."""


def padded_planes(
    data: NDArray[np.float32], variance: NDArray[np.float32], mask: NDArray[np.bool_]
) -> NDArray[np.float32]:
    """Return data, variance and badness with a margin, so that every kernel finds its pixels.

    Parameters
    ----------
    data, variance, mask : `~numpy.ndarray`
        Shape (n_rows, width). Pixels that are not finite are bad as well.

    Returns
    -------
    `~numpy.ndarray` of float32
        Shape (3, n_rows + 6, width + 22). Bad pixels and the margin are (0, 0, 1),
        good ones have the badness 0.
    """
    n_rows, width = data.shape
    planes = np.empty((3, n_rows + TAPS, width + _MARGIN), dtype=np.float32)
    _pad(data, variance, mask, planes)
    return planes


@njit(nogil=True, cache=True)
def _pad(
    data: NDArray[np.float32],
    variance: NDArray[np.float32],
    mask: NDArray[np.bool_],
    planes: NDArray[np.float32],
) -> None:
    n_rows, width = data.shape
    zero, one = np.float32(0.0), np.float32(1.0)
    for k, value in enumerate((zero, zero, one)):
        planes[k, :REACH] = value
        planes[k, REACH + n_rows :] = value
        planes[k, :, :REACH] = value
        planes[k, :, REACH + width :] = value
    for i in range(n_rows):
        bad = planes[2, REACH + i, REACH:]
        for j in range(width):
            # Not finite, too, is what differs from itself less itself.
            bad[j] = one if mask[i, j] or data[i, j] - data[i, j] != zero else zero
        for j in range(width):
            planes[0, REACH + i, REACH + j] = data[i, j] if bad[j] == zero else zero
        for j in range(width):
            planes[1, REACH + i, REACH + j] = variance[i, j] if bad[j] == zero else zero


@njit(nogil=True, cache=True, fastmath=EXACT_ENOUGH, error_model="numpy")
def resample(
    planes: NDArray[np.float32],
    first_row: int,
    height: int,
    nodes: NDArray[np.float64],
    step: int,
    offset_y: int,
    offset_x: int,
    polynomials: NDArray[np.float32],
    max_lost: np.float32,
    out: NDArray[np.float32],
    out_variance: NDArray[np.float32],
    out_mask: NDArray[np.bool_],
) -> None:
    """Fill ``out``, ``out_variance`` and ``out_mask`` with a resampled frame.

    ``planes`` are the rows of the frame from ``first_row`` on, as `padded_planes`
    returns them; the frame has ``height`` rows. The map is given by its ``nodes``,
    as in `interpolate_row`.
    """
    ny, nx = out.shape
    stride = planes.shape[2]
    place = np.empty((3, nx))
    part = np.zeros((2, nx + LANES), np.float32)
    weights_x = np.empty((TAPS, nx + LANES), np.float32)
    weights_y = np.empty((TAPS, nx + LANES), np.float32)
    squares_x, squares_y = np.empty_like(weights_x), np.empty_like(weights_y)
    sums = np.zeros((4, nx + LANES), np.float32)
    start = np.empty(nx, np.int64)
    data = planes[0].reshape(-1)
    variance = planes[1].reshape(-1)
    badness = planes[2].reshape(-1)
    for i in range(ny):
        interpolate_row(nodes, step, offset_y, offset_x, i, place)
        _first_pixels(place, first_row, height, planes.shape[1] - TAPS, stride, start, part)
        row_weights(part[0], polynomials, weights_x)
        row_weights(part[1], polynomials, weights_y)
        _square(weights_x, squares_x)
        _square(weights_y, squares_y)
        j = 0
        while j < nx:
            first, end = start[j], run_end(start, j)
            if first < 0:
                sums[3, j] = _OUTSIDE
            else:
                points = rounded_up(end - j)
                _sum(data, first, stride, weights_x, weights_y, j, points, sums[0])
                _sum(variance, first, stride, squares_x, squares_y, j, points, sums[1])
                _sum_bad(badness, first, stride, weights_x, weights_y, j, points, sums[2], sums[3])
            j = end
        _normalise(sums, place[2], max_lost, out[i], out_variance[i], out_mask[i])


@njit(nogil=True, cache=True, inline="always")
def _square(weights: NDArray[np.float32], squares: NDArray[np.float32]) -> None:
    # Less to compile than the same of whole arrays.
    for k in range(TAPS):
        weight, square = weights[k], squares[k]
        for j in range(weight.size):
            square[j] = weight[j] * weight[j]


@njit(nogil=True, cache=True, fastmath=EXACT_ENOUGH, inline="always")
def _first_pixels(
    place: NDArray[np.float64],
    first_row: int,
    height: int,
    n_rows: int,
    stride: int,
    start: NDArray[np.int64],
    part: NDArray[np.float32],
) -> None:
    """Find the first pixel that each point needs, -1 off the frame, and the place within one."""
    width = stride - _MARGIN
    half = np.float32(0.5)
    for j in range(start.size):
        x, y = place[0, j], place[1, j]
        left, low = np.floor(x), np.floor(y)
        part[0, j] = np.float32(x - left) - half
        part[1, j] = np.float32(y - low) - half
        # The margin makes up for the reach of the kernel.
        row = min(max(int(low) + 1 - first_row, 0), n_rows)
        inside = (x >= -0.5) & (x <= width - 0.5) & (y >= -0.5) & (y <= height - 0.5)
        start[j] = row * stride + int(left) + 1 if inside else -1


# The rows are written out, and indices have no sign, so that the compiler makes of many points
# one instruction. It does so only with one plane at a time: more might overlap, for all it knows.
@njit(nogil=True, cache=True, fastmath=EXACT_ENOUGH, inline="always")
def _sum(
    plane: NDArray[np.float32],
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
    r1 = r0 + step
    r2, r3 = r1 + step, r1 + step + step
    r4, r5 = r3 + step, r3 + step + step
    for t in range(f, f + np.uint64(points)):
        y0, y1, y2 = weights_y[0, t], weights_y[1, t], weights_y[2, t]
        y3, y4, y5 = weights_y[3, t], weights_y[4, t], weights_y[5, t]
        total = np.float32(0.0)
        for k in range(np.uint64(TAPS)):
            c = t - f + k
            total += weights_x[k, t] * (
                y0 * plane[r0 + c] + y1 * plane[r1 + c] + y2 * plane[r2 + c]
                + y3 * plane[r3 + c] + y4 * plane[r4 + c] + y5 * plane[r5 + c]
            )  # fmt: skip
        out[t] = total


@njit(nogil=True, cache=True, fastmath=EXACT_ENOUGH, inline="always")
def _sum_bad(
    plane: NDArray[np.float32],
    start: int,
    stride: int,
    weights_x: NDArray[np.float32],
    weights_y: NDArray[np.float32],
    first: int,
    points: int,
    missing: NDArray[np.float32],
    lost: NDArray[np.float32],
) -> None:
    """Fill ``missing`` and ``lost`` with the sums of w b and abs(w) b."""
    r0, step, f = np.uint64(start), np.uint64(stride), np.uint64(first)
    r1 = r0 + step
    r2, r3 = r1 + step, r1 + step + step
    r4, r5 = r3 + step, r3 + step + step
    for t in range(f, f + np.uint64(points)):
        y0, y1, y2 = weights_y[0, t], weights_y[1, t], weights_y[2, t]
        y3, y4, y5 = weights_y[3, t], weights_y[4, t], weights_y[5, t]
        a0, a1, a2, a3, a4, a5 = abs(y0), abs(y1), abs(y2), abs(y3), abs(y4), abs(y5)
        total = magnitudes = np.float32(0.0)
        for k in range(np.uint64(TAPS)):
            c = t - f + k
            b0, b1, b2 = plane[r0 + c], plane[r1 + c], plane[r2 + c]
            b3, b4, b5 = plane[r3 + c], plane[r4 + c], plane[r5 + c]
            w = weights_x[k, t]
            total += w * (y0 * b0 + y1 * b1 + y2 * b2 + y3 * b3 + y4 * b4 + y5 * b5)
            magnitudes += abs(w) * (a0 * b0 + a1 * b1 + a2 * b2 + a3 * b3 + a4 * b4 + a5 * b5)
        missing[t] = total
        lost[t] = magnitudes


@njit(nogil=True, cache=True, fastmath=EXACT_ENOUGH, inline="always")
def _normalise(
    sums: NDArray[np.float32],
    area: NDArray[np.float64],
    max_lost: np.float32,
    out: NDArray[np.float32],
    out_variance: NDArray[np.float32],
    out_mask: NDArray[np.bool_],
) -> None:
    """Turn the sums of a row into values and variances, where not too much is lost."""
    value, spread, missing, lost = sums[0], sums[1], sums[2], sums[3]
    zero, one = np.float32(0.0), np.float32(1.0)
    for j in range(out.size):
        out_mask[j] = lost[j] > max_lost
    for j in range(out.size):
        scale = np.float32(area[j]) / (one - missing[j])
        out[j] = value[j] * scale if lost[j] <= max_lost else zero
    for j in range(out.size):
        scale = np.float32(area[j]) / (one - missing[j])
        out_variance[j] = spread[j] * scale * scale if lost[j] <= max_lost else zero
