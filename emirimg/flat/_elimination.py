"""Least squares free of the places, or the magnitudes, of the stars."""

from __future__ import annotations

import numpy as np
import scipy
from numpy.typing import NDArray

__all__ = ["normal_equations", "without_means"]


def without_means(
    values: NDArray[np.float64], star: NDArray[np.int_], weight: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Subtract from values their weighted mean over the measurements of each star.

    The measurements are in order of the stars.
    """
    first = np.flatnonzero(np.diff(star, prepend=-1))
    means = np.add.reduceat(weight * values, first) / np.add.reduceat(weight, first)
    return values - np.repeat(means, np.diff(first, append=len(star)))


def normal_equations(
    columns: NDArray[np.float64],
    frame: NDArray[np.int_],
    n_frames: int,
    star: NDArray[np.int_],
    weight: NDArray[np.float64],
    value: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the normal equations of measurements of stars, free of one unknown of each star.

    A measurement is the sum of ``columns`` times parameters, of a number for its frame and
    of one for its star. Of the matrix of all measurements and frames only products are
    ever made: that of hundreds of frames would not fit the memory.

    Parameters
    ----------
    columns : `~numpy.ndarray`
        Shape (n, k).
    frame, star : `~numpy.ndarray` of int
        Shape (n,): what was measured, in order of the stars.
    n_frames : int
        How many frames there are.
    weight : `~numpy.ndarray`
        Shape (n,): inverse squared errors.
    value : `~numpy.ndarray`
        Shape (n,): what was measured.

    Returns
    -------
    matrix, right : `~numpy.ndarray`
        Shapes (k + n_frames, k + n_frames) and (k + n_frames,).
    """
    k = columns.shape[1]
    weighted = weight[:, None] * columns
    place = np.cumsum(np.diff(star, prepend=-1) != 0) - 1
    # Of each star, the sums of its measurements: what its own unknown takes away.
    total = np.bincount(place, weight)
    sums = np.zeros((len(total), k + n_frames))
    np.add.at(sums, (place, k + frame), weight)
    sums[:, :k] = _sums(weighted, place, len(total))
    across = _sums(weighted, frame, n_frames).T
    counts = np.diag(np.bincount(frame, weight, n_frames))
    matrix = np.block([[columns.T @ weighted, across], [across.T, counts]])
    sums /= np.sqrt(total)[:, None]
    matrix -= sums.T @ sums
    value = without_means(value, star, weight)
    right = np.concatenate([weighted.T @ value, np.bincount(frame, weight * value, n_frames)])
    return matrix, right


def _sums(rows: NDArray[np.float64], group: NDArray[np.int_], n: int) -> NDArray[np.float64]:
    """Return the sums of the rows of each of n groups."""
    one_each = np.arange(len(group) + 1)
    members = scipy.sparse.csr_array((np.ones(len(group)), group, one_each), (len(group), n))
    return members.T @ rows
