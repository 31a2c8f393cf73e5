"""Weights of the Lanczos kernel of three lobes, as polynomials."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from ._runs import EXACT_ENOUGH

__all__ = ["REACH", "TAPS", "lanczos_polynomials", "row_weights"]

REACH = 3
"""How many pixels to each side of a point have a weight."""
TAPS = 2 * REACH

_TERMS = 6


def lanczos_polynomials() -> NDArray[np.float32]:
    """Return polynomials for the weights of the six nearest pixels.

    With u the distance of a point from the middle between its two nearest
    pixels, -0.5 to 0.5, and E and O polynomials in the square of u, the
    weights of the pixels k and 5 - k, counted from the left, are E + u O and
    E - u O.

    Returns
    -------
    `~numpy.ndarray` of float32
        Shape (2, 3, 6): coefficients of E and of O, the constant one first,
        for k = 0, 1, 2. The weights are those of the kernel, normalised to
        the sum 1, to 2e-8; what is left is the rounding of single precision.
    """
    # Fitted at Chebyshev's nodes: hardly worse than the best polynomials there are.
    u = np.cos(np.pi * (np.arange(64) + 0.5) / 64) / 2
    distance = u[:, np.newaxis] + 0.5 - np.arange(1 - REACH, REACH + 1)
    weights = np.sinc(distance) * np.sinc(distance / REACH)
    weights /= weights.sum(axis=1, keepdims=True)
    left, right = weights[:, :REACH], weights[:, : REACH - 1 : -1]
    halves = np.stack([left + right, (left - right) / u[:, np.newaxis]]) / 2
    powers = np.vander(u**2, _TERMS, increasing=True)
    return np.array([np.linalg.lstsq(powers, one)[0].T for one in halves], dtype=np.float32)


@njit(nogil=True, cache=True, fastmath=EXACT_ENOUGH, inline="always")
def row_weights(
    places: NDArray[np.float32],
    polynomials: NDArray[np.float32],
    weights: NDArray[np.float32],
) -> None:
    """Fill ``weights`` (6, n) with the weights for points at ``places`` (n,), -0.5 to 0.5."""
    for k in range(REACH):
        e, o = polynomials[0, k], polynomials[1, k]
        e0, e1, e2, e3, e4, e5 = e[0], e[1], e[2], e[3], e[4], e[5]
        o0, o1, o2, o3, o4, o5 = o[0], o[1], o[2], o[3], o[4], o[5]
        for j in range(places.size):
            u = places[j]
            s = u * u
            even = e0 + s * (e1 + s * (e2 + s * (e3 + s * (e4 + s * e5))))
            odd = u * (o0 + s * (o1 + s * (o2 + s * (o3 + s * (o4 + s * o5)))))
            weights[k, j] = even + odd
            weights[TAPS - 1 - k, j] = even - odd
