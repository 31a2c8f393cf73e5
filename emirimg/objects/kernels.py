"""Compiled loops of the object mask."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

__all__ = ["aperture_sums", "grow_labels"]


@njit(nogil=True, cache=True)
def grow_labels(
    labels: NDArray[np.int32], radius: NDArray[np.float64], out: NDArray[np.bool_]
) -> None:
    """Mark every labelled pixel and all within the radius of its label.

    Labels of a negative radius are left out.

    Parameters
    ----------
    labels : `~numpy.ndarray` of int32
        Shape (ny, nx); 0 is background.
    radius : `~numpy.ndarray` of float
        Radius to grow each label by, in pixels; the first entry (of label 0)
        does not count.
    out : `~numpy.ndarray` of bool
        Shape (ny, nx); set to True in place.
    """
    ny, nx = labels.shape
    for y in range(ny):
        for x in range(nx):
            label = labels[y, x]
            if label == 0 or radius[label] < 0:
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
    sums, variances = np.zeros(places.size), np.zeros(places.size)
    for k in range(places.size):
        for offset in offsets:
            sums[k] += data[places[k] + offset]
            variances[k] += variance[places[k] + offset]
    return sums, variances
