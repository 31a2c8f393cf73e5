"""Compiled loops of the search for trails. Axis order (y, x), masks True: not to be used."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

__all__ = ["bin_differences", "line_sums", "mark_band", "profile_sums", "running_median"]


@njit(nogil=True, cache=True, error_model="numpy")
def bin_differences(
    data: NDArray[np.float32],
    variance: NDArray[np.float32],
    mask: NDArray[np.bool_],
    reference: NDArray[np.float32],
    scale: np.float32,
    most: np.float32,
    faint: np.float32,
    step: int,
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return bins of the difference of a frame and its reference in units of its noise.

    The difference is cut at ``most``; it is not known under the mask and where the
    reference shows more than ``faint``. The bins, of ``step`` pixels square,
    are the sums of the known differences and their numbers.
    """
    ny, nx = data.shape
    shape = (-(-ny // step), -(-nx // step))
    total, count = np.zeros(shape, np.float32), np.zeros(shape, np.float32)
    # Rows are added to rows first, without a branch: that is done for many pixels at once.
    values, numbers = np.zeros(nx, np.float32), np.zeros(nx, np.float32)
    zero, one = np.float32(0), np.float32(1)
    for y in range(ny):
        for x in range(nx):
            expected = scale * reference[y, x]
            sigma = np.sqrt(variance[y, x])
            known = (not mask[y, x]) & (sigma > zero) & (abs(expected) <= faint * sigma)
            value = min(max((data[y, x] - expected) / sigma, -most), most)
            values[x] += value if known else zero
            numbers[x] += one if known else zero
        if (y + 1) % step == 0 or y == ny - 1:
            for x in range(nx):
                total[y // step, x // step] += values[x]
                count[y // step, x // step] += numbers[x]
                values[x] = numbers[x] = zero
    return total, count


@njit(nogil=True, cache=True)
def line_sums(image: NDArray[np.float32], slopes: NDArray[np.float64]) -> NDArray[np.float32]:
    """Return the sums along all lines x + slope * y = u, shape (n_slopes, nx + ny).

    x and y are measured from the centre of the image; u is that of a line of
    slope 0 through column ``j`` at ``j + ny // 2``. Of each row, a line takes the nearest
    pixel: rows are added to rows, shifted by whole pixels. The slopes are 1 at most.
    """
    ny, nx = image.shape
    sums = np.zeros((slopes.size, nx + ny), np.float32)
    for k in range(slopes.size):
        for y in range(ny):
            first = ny // 2 + int(np.rint((y - 0.5 * (ny - 1)) * slopes[k]))
            line = sums[k, first : first + nx]
            for x in range(nx):
                line[x] += image[y, x]
    return sums


@njit(nogil=True, cache=True)
def profile_sums(
    difference: NDArray[np.float32],
    cosine: float,
    sine: float,
    rho: float,
    reach: int,
    segments: int,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return sums and numbers of pixels across a line, in segments along it.

    Shape (segments, 2 reach + 1); the distance from the line is rounded to
    whole pixels, and the segments divide the longer of the line's extents in x
    and y over the image.
    """
    ny, nx = difference.shape
    sums = np.zeros((segments, 2 * reach + 1))
    numbers = np.zeros((segments, 2 * reach + 1))
    steep = abs(cosine) >= abs(sine)
    length, width = (ny, nx) if steep else (nx, ny)
    across, along = (cosine, sine) if steep else (sine, cosine)
    half = (reach + 1) / abs(across)
    for i in range(length):
        middle = (rho - (i - 0.5 * (length - 1)) * along) / across + 0.5 * (width - 1)
        for j in range(max(0, int(middle - half)), min(width, int(middle + half) + 2)):
            place = int(np.rint((j - middle) * across)) + reach
            value = difference[i, j] if steep else difference[j, i]
            if 0 <= place <= 2 * reach and not np.isnan(value):
                sums[i * segments // length, place] += value
                numbers[i * segments // length, place] += 1
    return sums, numbers


@njit(nogil=True, cache=True)
def mark_band(
    out: NDArray[np.bool_], cosine: float, sine: float, rho: float, half_width: float
) -> None:
    """Set all pixels within a distance of a line to True."""
    ny, nx = out.shape
    for y in range(ny):
        for x in range(nx):
            away = (x - 0.5 * (nx - 1)) * cosine + (y - 0.5 * (ny - 1)) * sine - rho
            if abs(away) <= half_width:
                out[y, x] = True


@njit(nogil=True, cache=True)
def running_median(image: NDArray[np.float32], width: int) -> NDArray[np.float32]:
    """Return the median of ``width`` (odd) values of a row around each pixel.

    The outermost pixels are repeated beyond the ends of the row.
    """
    ny, nx = image.shape
    half = width // 2
    result = np.empty((ny, nx), np.float32)
    ordered = np.empty(width, np.float32)
    for y in range(ny):
        for k in range(width):
            new = image[y, min(max(k - half, 0), nx - 1)]
            place = k
            while place > 0 and ordered[place - 1] > new:
                ordered[place] = ordered[place - 1]
                place -= 1
            ordered[place] = new
        result[y, 0] = ordered[half]
        for x in range(1, nx):
            old, new = image[y, max(x - half - 1, 0)], image[y, min(x + half, nx - 1)]
            place = 0
            while place < width - 1 and ordered[place] < old:
                place += 1
            # The new value moves to its place from that of the old one.
            while place < width - 1 and ordered[place + 1] < new:
                ordered[place] = ordered[place + 1]
                place += 1
            while place > 0 and ordered[place - 1] > new:
                ordered[place] = ordered[place - 1]
                place -= 1
            ordered[place] = new
            result[y, x] = ordered[half]
    return result
