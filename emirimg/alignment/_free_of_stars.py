"""Least squares for a distortion and the shifts of frames, free of the places of the stars."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..flat._elimination import normal_equations, without_means

__all__ = ["FrameEquations"]


@dataclass(frozen=True)
class FrameEquations:
    """Equations along both axes of the plane, one for each sighting of a star.

    A sighting tells the sum of the parameters times its slopes and of the shift of its
    frame, up to the place of its star.

    Parameters
    ----------
    slopes : `~numpy.ndarray`
        Shape (n, 2 axes, n_parameters).
    values : `~numpy.ndarray`
        Shape (n, 2): what is to be explained.
    weights : `~numpy.ndarray`
        Shape (n,): inverse squared errors.
    frame, star : `~numpy.ndarray` of int
        Shape (n,): what was sighted, in order of the stars.
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
            products, sums = normal_equations(
                self.slopes[chosen, axis, :n_free],
                self.frame[chosen],
                self.n_frames,
                self.star[chosen],
                self.weights[chosen],
                self.values[chosen, axis],
            )
            normal[np.ix_(place, place)] += products
            right[place] += sums
        found = np.linalg.pinv(normal, rcond=1e-12, hermitian=True) @ right
        n_parameters = self.slopes.shape[2]
        full = np.zeros((2, n_parameters + self.n_frames))
        full[:, :n_free] = found[:n_free]
        full[:, n_parameters:] = found[n_free:].reshape(2, self.n_frames)
        return full

    def deviations(self, solution: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the squared lengths of what is left, in units of the errors."""
        n_parameters = self.slopes.shape[2]
        squares = np.zeros(len(self.weights))
        for axis, found in enumerate(solution):
            explained = self.slopes[:, axis] @ found[:n_parameters]
            explained += found[n_parameters:][self.frame]
            left = without_means(self.values[:, axis] - explained, self.star, self.weights)
            squares += left**2
        return self.weights * squares
