"""Least squares for a distortion and the shifts of frames, free of the places of the stars."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..flat.equations import without_means

__all__ = ["FrameEquations"]


@dataclass(frozen=True)
class FrameEquations:
    """Equations along both axes of the plane, one for each sighting of a star.

    A sighting tells the sum of the parameters times its slopes and of the shift of its
    frame, up to the place of its star. Of the matrix of all that, which has a column for
    each frame, only its products are ever made: those of hundreds of frames would not fit
    the memory.

    Parameters
    ----------
    slopes : `~numpy.ndarray`
        Shape (n, 2 axes, n_parameters).
    values : `~numpy.ndarray`
        Shape (n, 2): what is to be explained.
    weights : `~numpy.ndarray`
        Shape (n,): inverse squared errors.
    frame, star : `~numpy.ndarray` of int
        Shape (n,): what was sighted, each star in a frame once, in order of the stars.
    n_frames : int
        How many frames there are; shifts of those without a sighting are 0.
    """

    slopes: NDArray[np.float64]
    values: NDArray[np.float64]
    weights: NDArray[np.float64]
    frame: NDArray[np.int_]
    star: NDArray[np.int_]
    n_frames: int

    def solve(self, n_free: int, chosen: NDArray[np.bool_]) -> NDArray[np.float64]:
        """Return the parameters and the shifts, shape (2, n_parameters + n_frames).

        Parameters
        ----------
        n_free : int
            How many of the parameters are free; the others are 0.
        chosen : `~numpy.ndarray` of bool
            Shape (n,): which sightings count; all or none of each star.
        """
        size = n_free + 2 * self.n_frames
        normal, right = np.zeros((size, size)), np.zeros(size)
        for axis in range(2):
            first = n_free + axis * self.n_frames
            place = np.r_[:n_free, first : first + self.n_frames]
            products, sums = self._products(axis, n_free, chosen)
            normal[np.ix_(place, place)] += products
            right[place] += sums
        found = np.linalg.pinv(normal, rcond=1e-12, hermitian=True) @ right
        n_parameters = self.slopes.shape[2]
        full = np.zeros((2, n_parameters + self.n_frames))
        full[:, :n_free] = found[:n_free]
        full[:, n_parameters:] = found[n_free:].reshape(2, self.n_frames)
        return full

    def _products(
        self, axis: int, n_free: int, chosen: NDArray[np.bool_]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the matrix and the right side of the normal equations along an axis."""
        weights, frame = self.weights[chosen], self.frame[chosen]
        slopes = self.slopes[chosen, axis, :n_free]
        weighted = weights[:, None] * slopes
        values = _without_means(self.values[:, axis], self)[chosen]
        star = np.unique(self.star[chosen], return_inverse=True)[1]
        # Of each star, the sums of its equations: what its free place takes away.
        total = np.bincount(star, weights)
        sums = np.zeros((len(total), n_free + self.n_frames))
        sums[star, n_free + frame] = weights
        for column in range(n_free):
            sums[:, column] = np.bincount(star, weighted[:, column])
        normal = np.diag(np.concatenate([np.zeros(n_free), sums[:, n_free:].sum(axis=0)]))
        normal[:n_free, :n_free] = slopes.T @ weighted
        for column in range(n_free):
            across = np.bincount(frame, weighted[:, column], self.n_frames)
            normal[column, n_free:] = normal[n_free:, column] = across
        sums /= np.sqrt(total)[:, None]
        right = np.bincount(frame, weights * values, self.n_frames)
        return normal - sums.T @ sums, np.concatenate([weighted.T @ values, right])

    def deviations(self, solution: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the squared lengths of what is left, in units of the errors."""
        n_parameters = self.slopes.shape[2]
        squares = np.zeros(len(self.weights))
        for axis, found in enumerate(solution):
            explained = self.slopes[:, axis] @ found[:n_parameters]
            explained += found[n_parameters:][self.frame]
            squares += _without_means(self.values[:, axis] - explained, self) ** 2
        return self.weights * squares


def _without_means(values: NDArray[np.float64], equations: FrameEquations) -> NDArray[np.float64]:
    return without_means(values[:, None], equations.star, equations.weights)[:, 0]
