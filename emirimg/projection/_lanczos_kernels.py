"""Compiled mask-aware Lanczos interpolation."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from ._map_kernels import interpolate_row

__all__ = ["REACH", "lanczos_table", "padded_planes", "resample"]

REACH = 3
"""How many pixels to each side of a point have a weight."""

_TAPS = 2 * REACH
_LANES = 8
"""Weights of a row of pixels, two of them always 0: as many as a processor multiplies at once."""

_SAFE_MATH = {"contract", "reassoc", "nsz", "arcp"}
"""Everything of fast mathematics but the promise that there is no NaN."""


def lanczos_table(divisions: int = 512) -> NDArray[np.float32]:
    """Return the weights of the six nearest pixels, and two zeros, for fractions of a pixel.

    Parameters
    ----------
    divisions : int, optional
        Fractions k / divisions, k from 0 to ``divisions``. Weights between
        two of them are interpolated linearly, with an error of 2e-6 for 512.

    Returns
    -------
    `~numpy.ndarray` of float32
        Shape (divisions + 1, 8); each row has the sum 1.
    """
    fractions = np.arange(divisions + 1) / divisions
    distance = fractions[:, np.newaxis] - np.arange(1 - REACH, REACH + 1)
    weights = np.sinc(distance) * np.sinc(distance / REACH)
    weights[np.abs(distance) >= REACH] = 0.0
    table = np.zeros((divisions + 1, _LANES), dtype=np.float32)
    table[:, :_TAPS] = weights / weights.sum(axis=1, keepdims=True)
    return table


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
        Shape (3, n_rows + 6, width + 8). Bad pixels and the margin are (0, 0, 1),
        good ones have the badness 0.
    """
    n_rows, width = data.shape
    planes = np.zeros((3, n_rows + 2 * REACH, width + _LANES), dtype=np.float32)
    inner = slice(REACH, REACH + n_rows), slice(REACH, REACH + width)
    good = np.isfinite(data)
    good &= ~mask
    np.copyto(planes[0][inner], data, where=good)
    np.copyto(planes[1][inner], variance, where=good)
    planes[2] = 1
    np.logical_not(good, out=planes[2][inner])
    return planes


@njit(nogil=True, cache=True, fastmath=_SAFE_MATH)
def resample(
    planes: NDArray[np.float32],
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

    ``planes`` are the rows of the frame from ``first_row`` on, as `padded_planes`
    returns them; the frame has ``height`` rows. The map is given by its ``nodes``,
    as in `interpolate_row`.
    """
    n_rows, width = planes.shape[1] - _TAPS, planes.shape[2] - _LANES
    stride = planes.shape[2]
    data = planes[0].reshape(-1)
    variance = planes[1].reshape(-1)
    badness = planes[2].reshape(-1)
    ny, nx = out.shape
    place = np.empty((3, nx))
    weights = table.reshape(-1)
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
            left, low = np.floor(x), np.floor(y)
            entry_x, part_x = _entry(weights, x - left)
            entry_y, part_y = _entry(weights, y - low)
            # From the first pixel of the kernel; the margin makes up for its reach.
            row = min(max(int(low) + 1 - first_row, 0), n_rows)
            value, spread, lost, missing = _sums(
                data, variance, badness, np.uint64(row * stride + int(left) + 1),
                np.uint64(stride), weights, entry_y, part_y, entry_x, part_x,
            )  # fmt: skip
            if lost <= max_lost:
                scale = np.float32(place[2, j]) / (np.float32(1.0) - missing)
                out[i, j] = value * scale
                out_variance[i, j] = spread * scale * scale
                out_mask[i, j] = False


@njit(nogil=True, cache=True, fastmath=_SAFE_MATH, inline="always")
def _entry(table: NDArray[np.float32], fraction: float) -> tuple[np.uint64, np.float32]:
    """Return where the weights for a fraction of a pixel begin, and how far on they are."""
    place = fraction * (table.size // _LANES - 1)
    k = min(int(place), table.size // _LANES - 2)
    return np.uint64(k * _LANES), np.float32(place - k)


@njit(nogil=True, cache=True, fastmath=_SAFE_MATH, inline="always")
def _sums(
    data: NDArray[np.float32],
    variance: NDArray[np.float32],
    badness: NDArray[np.float32],
    start: np.uint64,
    stride: np.uint64,
    weights: NDArray[np.float32],
    entry_y: np.uint64,
    part_y: np.float32,
    entry_x: np.uint64,
    part_x: np.float32,
) -> tuple[np.float32, np.float32, np.float32, np.float32]:
    """Return the sums of w d and w^2 v, and of abs(w) and w of the bad pixels.

    The six rows are written out, and indices have no sign, so that the compiler
    makes of eight columns one instruction.
    """
    value = spread = lost = missing = np.float32(0.0)
    y0 = _between(weights, entry_y, part_y)
    y1 = _between(weights, entry_y + np.uint64(1), part_y)
    y2 = _between(weights, entry_y + np.uint64(2), part_y)
    y3 = _between(weights, entry_y + np.uint64(3), part_y)
    y4 = _between(weights, entry_y + np.uint64(4), part_y)
    y5 = _between(weights, entry_y + np.uint64(5), part_y)
    r0 = start
    r1, r2, r3 = r0 + stride, r0 + stride + stride, r0 + stride + stride + stride
    r4, r5 = r3 + stride, r3 + stride + stride
    for t in range(np.uint64(_LANES)):
        w = _between(weights, entry_x + t, part_x)
        value += w * (
            y0 * data[r0 + t] + y1 * data[r1 + t] + y2 * data[r2 + t]
            + y3 * data[r3 + t] + y4 * data[r4 + t] + y5 * data[r5 + t]
        )  # fmt: skip
        spread += w * w * (
            y0 * y0 * variance[r0 + t] + y1 * y1 * variance[r1 + t]
            + y2 * y2 * variance[r2 + t] + y3 * y3 * variance[r3 + t]
            + y4 * y4 * variance[r4 + t] + y5 * y5 * variance[r5 + t]
        )  # fmt: skip
        b0, b1, b2 = badness[r0 + t], badness[r1 + t], badness[r2 + t]
        b3, b4, b5 = badness[r3 + t], badness[r4 + t], badness[r5 + t]
        missing += w * (y0 * b0 + y1 * b1 + y2 * b2 + y3 * b3 + y4 * b4 + y5 * b5)
        lost += abs(w) * (
            abs(y0) * b0 + abs(y1) * b1 + abs(y2) * b2
            + abs(y3) * b3 + abs(y4) * b4 + abs(y5) * b5
        )  # fmt: skip
    return value, spread, lost, missing


@njit(nogil=True, cache=True, fastmath=_SAFE_MATH, inline="always")
def _between(weights: NDArray[np.float32], entry: np.uint64, part: np.float32) -> np.float32:
    """Interpolate between the weight at ``entry`` and that of the next fraction."""
    return weights[entry] + part * (weights[entry + np.uint64(_LANES)] - weights[entry])
