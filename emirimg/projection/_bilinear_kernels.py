"""Compiled bilinear interpolation that keeps the values under the mask."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from ._map_kernels import interpolate_row

__all__ = ["interpolate_bilinear"]


@njit(nogil=True, cache=True)
def interpolate_bilinear(
    data: NDArray[np.float32],
    variance: NDArray[np.float32],
    mask: NDArray[np.bool_],
    nodes: NDArray[np.float64],
    step: int,
    offset_y: int,
    offset_x: int,
    first_row: int,
    out: NDArray[np.float32],
    out_variance: NDArray[np.float32],
    out_mask: NDArray[np.bool_],
) -> None:
    """Fill rows from ``first_row`` on of a resampled frame, and its variance and mask.

    The outermost pixels are repeated for half a pixel; beyond, the result is 0
    and masked. It is masked, but not 0, where a masked pixel has a weight. The
    map is given by its ``nodes``, as in `interpolate_row`.
    """
    height, width = data.shape
    ny, nx = out.shape
    place = np.empty((3, nx))
    for i in range(ny):
        interpolate_row(nodes, step, offset_y, offset_x, first_row + i, place)
        for j in range(nx):
            x = place[0, j]
            y = place[1, j]
            if not (-0.5 <= x <= width - 0.5 and -0.5 <= y <= height - 0.5):
                out[i, j] = 0.0
                out_variance[i, j] = 0.0
                out_mask[i, j] = True
                continue
            x = min(max(x, 0.0), width - 1.0)
            y = min(max(y, 0.0), height - 1.0)
            left = min(int(x), max(width - 2, 0))
            low = min(int(y), max(height - 2, 0))
            right = min(left + 1, width - 1)
            up = min(low + 1, height - 1)
            fx = np.float32(x - left)
            fy = np.float32(y - low)
            gx = np.float32(1.0) - fx
            gy = np.float32(1.0) - fy
            w00, w01, w10, w11 = gy * gx, gy * fx, fy * gx, fy * fx
            scale = np.float32(place[2, j])
            out[i, j] = scale * (
                w00 * data[low, left]
                + w01 * data[low, right]
                + w10 * data[up, left]
                + w11 * data[up, right]
            )
            out_variance[i, j] = (
                scale
                * scale
                * (
                    w00 * w00 * variance[low, left]
                    + w01 * w01 * variance[low, right]
                    + w10 * w10 * variance[up, left]
                    + w11 * w11 * variance[up, right]
                )
            )
            out_mask[i, j] = (
                (mask[low, left] and w00 > 0.0)
                or (mask[low, right] and w01 > 0.0)
                or (mask[up, left] and w10 > 0.0)
                or (mask[up, right] and w11 > 0.0)
            )
