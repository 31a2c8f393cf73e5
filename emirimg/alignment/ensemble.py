"""Frames and stars together: the least-squares solution of all positions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["EnsembleSolution", "Sightings", "solve_ensemble"]

_MAX_ITERATIONS = 20
_BIWEIGHT = 6.0
_STIFF = 1e4
_TINY = np.finfo(float).tiny
_SLOPES = np.array(
    [
        [[1.0, 0, 0], [0, 0, 0], [0, 0, -1], [0, 1, 0]],
        [[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]],
    ]
)
"""d(position) / d(parameter) in terms of 1, u and v, shape (2 axes, 4, 3)."""


@dataclass(frozen=True)
class Sightings:
    """Positions of the same stars on several frames.

    Attributes
    ----------
    positions : `~numpy.ndarray`
        Shape (n_frames, n_stars, 2), in a common plane; NaN where a star was
        not seen.
    errors : `~numpy.ndarray`
        Shape (n_frames, n_stars): standard error of each coordinate.
    """

    positions: NDArray[np.float64]
    errors: NDArray[np.float64]


@dataclass(frozen=True)
class EnsembleSolution:
    """How each frame has to be moved to agree with all others.

    Attributes
    ----------
    parameters : `~numpy.ndarray`
        Shape (n_frames, 4): shift along both axes, rotation (radians,
        from the first axis to the second) and relative scale, about the origin
        of the plane. To first order a position p becomes
        ``p + shift + scale * p + rotation * (-p[1], p[0])``.
    errors : `~numpy.ndarray`
        Shape (n_frames, 4): standard errors; 0 where a parameter was not free.
    residuals : `~numpy.ndarray`
        Shape (n_frames, n_stars, 2): moved positions minus the mean of the
        star; NaN where it was not seen.
    weights : `~numpy.ndarray`
        Shape (n_frames, n_stars): final weights; 0 for outliers.
    """

    parameters: NDArray[np.float64]
    errors: NDArray[np.float64]
    residuals: NDArray[np.float64]
    weights: NDArray[np.float64]

    @property
    def n_matched(self) -> NDArray[np.int_]:
        """Stars that hold each frame in its place."""
        return (self.weights > 0).sum(axis=1)

    @property
    def rms(self) -> NDArray[np.float64]:
        """Weighted rms of the residuals of each frame, per axis; NaN without stars."""
        total = self.weights.sum(axis=1)
        squares = np.nansum(self.weights[:, :, None] * self.residuals**2, axis=(1, 2))
        return np.sqrt(
            np.divide(squares, 2 * total, out=np.full(total.shape, np.nan), where=total > 0)
        )


def solve_ensemble(sightings: Sightings, free: NDArray[np.bool_]) -> EnsembleSolution:
    """Find the movement of each frame and the mean place of each star.

    Parameters
    ----------
    sightings : Sightings
        The positions; a star seen by one frame only has no influence.
    free : `~numpy.ndarray` of bool
        Shape (n_frames, 4): which parameters of which frame to solve for; the
        others are 0.

    Returns
    -------
    EnsembleSolution
        A movement common to all frames cannot be seen: only differences between
        frames have a meaning.

    Notes
    -----
    The places of the stars are linear unknowns of their own and eliminated
    from the normal equations, which leaves 4 unknowns a frame; the mean of a
    parameter that is free in all frames is held at 0. Weights are the inverse
    squares of the errors times Tukey's biweight of the residuals, repeated
    until they settle; the errors of a frame are raised where its residuals are
    larger than they say.
    """
    seen = np.isfinite(sightings.positions).all(axis=2)
    seen &= seen.sum(axis=0) >= 2
    positions = np.where(seen[:, :, None], sightings.positions, 0.0)
    errors = np.where(seen, sightings.errors, 1.0)
    base = np.where(seen, errors**-2.0, 0.0)
    weights = base
    parameters = np.zeros((len(seen), 4))
    residuals = np.zeros_like(positions)
    for iteration in range(_MAX_ITERATIONS):
        previous = parameters
        parameters, covariance = _solve(positions, weights, free)
        residuals = _residuals(positions, weights, parameters)
        size = np.hypot(*np.moveaxis(residuals, 2, 0)) / errors
        # A star that only one frame carries fits that frame too well.
        size /= np.sqrt(np.maximum(1 - weights / np.maximum(weights.sum(axis=0), _TINY), 0.01))
        spread = _spreads(size, weights > 0)
        # Begin gently: the first solution may be led astray by outliers.
        cut = _BIWEIGHT * max(1.0, 4.0 - iteration)
        weights = base / spread**2 * np.maximum(1 - (size / (spread * cut)) ** 2, 0.0) ** 2
        weights = np.where((weights > 0).sum(axis=0) >= 2, weights, 0.0)
        moved = np.abs(parameters - previous).max()
        if iteration > 4 and moved < 1e-4 * np.min(errors, initial=1.0):
            break
    error = np.sqrt(np.maximum(np.diag(covariance), 0)).reshape(parameters.shape)
    known = seen & (weights.sum(axis=0) > 0)
    return EnsembleSolution(
        parameters, error, np.where(known[:, :, None], residuals, np.nan), weights
    )


def _spreads(size: NDArray[np.float64], used: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return by how much the residuals of each frame exceed their errors, at least 1."""
    ordered = np.sort(np.where(used, size, np.inf), axis=1)
    number = used.sum(axis=1, keepdims=True)
    middle = np.maximum([(number - 1) // 2, number // 2], 0)
    median = np.mean([np.take_along_axis(ordered, place, axis=1) for place in middle], axis=0)
    # The median of the length of a plane vector is 1.177 sigma.
    return np.where(number > 0, np.maximum(1.0, median / 1.177), 1.0)


def _places(positions: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return 1, u and v of the positions, shape (3, n_frames, n_stars)."""
    return np.array([np.ones(positions.shape[:2]), positions[:, :, 0], positions[:, :, 1]])


def _solve(
    positions: NDArray[np.float64], weights: NDArray[np.float64], free: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    n_frames = len(weights)
    total = weights.sum(axis=0)
    seen = total > 0
    weights, positions, total = weights[:, seen], positions[:, seen], total[seen]
    mean = np.einsum("fs,fsk->sk", weights, positions) / total[:, None]
    # Sums over stars are taken of 1, u and v only: all equations are made of these.
    places = _places(positions)
    weighted = weights * places
    own = np.einsum("ifs,jfs->ijf", weighted, places)
    off = np.einsum("ifs,fsk->kif", weighted, mean - positions)
    flat = (weighted / np.sqrt(total)).reshape(3 * n_frames, -1)
    sums = -(flat @ flat.T).reshape(3, n_frames, 3, n_frames)
    for frame in range(n_frames):
        sums[:, frame, :, frame] += own[:, :, frame]
    normal = sum(
        np.tensordot(np.tensordot(slopes, sums, 1), slopes, (2, 1)).swapaxes(2, 3)
        for slopes in _SLOPES
    )
    right = np.einsum("kai,kif->af", _SLOPES, off)
    keep = (free & weights.any(axis=1)[:, None]).T.ravel()
    matrix = normal.reshape(4 * n_frames, -1)
    matrix = (matrix + _gauge(matrix, free, weights))[np.ix_(keep, keep)]
    # Angles and lengths differ by orders of magnitude: work with a diagonal of 1.
    scale = np.sqrt(np.maximum(np.diag(matrix), _TINY))
    inverse = np.linalg.pinv(matrix / np.outer(scale, scale), rcond=1e-9, hermitian=True)
    inverse /= np.outer(scale, scale)
    solution = np.zeros(4 * n_frames)
    solution[keep] = inverse @ right.ravel()[keep]
    covariance = np.zeros((4 * n_frames, 4 * n_frames))
    covariance[np.ix_(keep, keep)] = inverse
    order = np.arange(4 * n_frames).reshape(4, n_frames).T.ravel()
    return solution.reshape(4, n_frames).T, covariance[np.ix_(order, order)]


def _gauge(
    matrix: NDArray[np.float64], free: NDArray[np.bool_], weights: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return a penalty that keeps the mean of a parameter free in all frames at 0.

    Without it a common scale would shrink all residuals by shrinking the field.
    """
    used = weights.any(axis=1)
    penalty = np.zeros((4, len(free), 4, len(free)))
    for kind in range(4):
        if free[used, kind].all():
            block = np.arange(kind * len(free), (kind + 1) * len(free))[used]
            strength = _STIFF * np.trace(matrix[np.ix_(block, block)])
            penalty[kind, :, kind, :] = strength * np.outer(used, used) / max(used.sum(), 1) ** 2
    return penalty.reshape(matrix.shape)


def _residuals(
    positions: NDArray[np.float64],
    weights: NDArray[np.float64],
    parameters: NDArray[np.float64],
) -> NDArray[np.float64]:
    moves = np.einsum("kai,fa->kif", _SLOPES, parameters)
    moved = positions + np.einsum("kif,ifs->fsk", moves, _places(positions))
    total = weights.sum(axis=0)
    mean = np.einsum("fs,fsk->sk", weights, moved) / np.where(total > 0, total, 1)[:, None]
    return np.where((total > 0)[None, :, None], moved - mean[None], np.inf)
