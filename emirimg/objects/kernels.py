"""Compiled loops of the object mask."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

__all__ = ["aperture_sums", "grow_labels", "squared_distances"]


@njit(nogil=True, cache=True)
def grow_labels(
    labels: NDArray[np.int32],
    places: NDArray[np.int64],
    radius: NDArray[np.float64],
    out: NDArray[np.bool_],
) -> None:
    """Mark every labelled pixel and all within the radius of its label.

    Labels of a negative radius are left out.

    Parameters
    ----------
    labels : `~numpy.ndarray` of int32
        Shape (ny, nx); 0 is background.
    places : `~numpy.ndarray` of int
        Where they are not 0, in the flattened image.
    radius : `~numpy.ndarray` of float
        Radius to grow each label by, in pixels; the first entry (of label 0)
        does not count.
    out : `~numpy.ndarray` of bool
        Shape (ny, nx); set to True in place.
    """
    ny, nx = labels.shape
    for place in places:
        y, x = place // nx, place % nx
        label = labels[y, x]
        if radius[label] < 0:
            continue
        out[y, x] = True
        # A disc about a pixel inside the segment lies within those of its rim.
        inside = 0 < y < ny - 1 and 0 < x < nx - 1
        if (
            inside
            and labels[y - 1, x] == label
            and labels[y + 1, x] == label
            and labels[y, x - 1] == label
            and labels[y, x + 1] == label
        ):
            continue
        reach = radius[label]
        whole = int(reach)
        for j in range(max(0, y - whole), min(ny, y + whole + 1)):
            half = int(np.sqrt(reach * reach - (j - y) ** 2))
            for i in range(max(0, x - half), min(nx, x + half + 1)):
                out[j, i] = True


@njit(nogil=True, cache=True)
def aperture_sums(
    data: NDArray[np.float32],
    variance: NDArray[np.float32],
    places: NDArray[np.int64],
    offsets: NDArray[np.int64],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the sums of data and of variance over apertures.

    Parameters
    ----------
    data, variance : `~numpy.ndarray` of float32
        Shape (n_pixels,): images, row after row.
    places : `~numpy.ndarray` of int
        Middle pixels of the apertures.
    offsets : `~numpy.ndarray` of int
        How far from these the pixels of an aperture are.
    """
    sums, variances = np.empty(places.size), np.empty(places.size)
    for k in range(places.size):
        total, variance_of_it = 0.0, 0.0
        for offset in offsets:
            total += data[places[k] + offset]
            variance_of_it += variance[places[k] + offset]
        sums[k], variances[k] = total, variance_of_it
    return sums, variances


def squared_distances(free: NDArray[np.bool_], reach: int) -> NDArray[np.float32]:
    """Return the squared distance of each pixel from the nearest that is not free.

    Parameters
    ----------
    free : `~numpy.ndarray` of bool
        Shape (ny, nx). What is beyond its border counts as free.
    reach : int
        Distances, in pixels, beyond this need not be known: they become ``reach + 1``.

    Returns
    -------
    `~numpy.ndarray` of float32
        Shape (ny, nx).

    Notes
    -----
    The distance to the nearest such pixel of the same column comes first. The least sum of
    its square, in the columns around, and of that of the distance of the column follows [1]_.

    References
    ----------
    .. [1] Felzenszwalb, P. & Huttenlocher, D. 2012, Theory of Computing, 8, 415
    """
    result = np.empty(free.shape, dtype=np.float32)
    _distances(free, np.float32(reach + 1), result)
    return result


@njit(nogil=True, cache=True)
def _distances(free: NDArray[np.bool_], most: np.float32, result: NDArray[np.float32]) -> None:
    ny, nx = free.shape
    reach = int(most) - 1
    one, nothing = np.float32(1), np.float32(0)
    along_y = np.full(nx, most, np.float32)
    for y in range(ny):
        line, out = free[y], result[y]
        for x in range(nx):
            along_y[x] = min(along_y[x] + one, most) if line[x] else nothing
            out[x] = along_y[x]
    squares = np.full(nx + 2 * reach, most * most, np.float32)
    middle = squares[reach : reach + nx]
    along_y[:] = most
    for y in range(ny - 1, -1, -1):
        out = result[y]
        for x in range(nx):
            along_y[x] = min(along_y[x] + one, out[x])
            middle[x] = along_y[x] * along_y[x]
            out[x] = middle[x]
        for k in range(1, reach + 1):
            left, right, along_x = squares[reach - k :], squares[reach + k :], np.float32(k * k)
            for x in range(nx):
                out[x] = min(out[x], min(left[x], right[x]) + along_x)
