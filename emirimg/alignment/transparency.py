"""How clear the sky was in each frame, from the stars that frames share."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["relative_transparency"]

_MAX_ITERATIONS = 50
_STAR_SCATTER = 0.01
"""Scatter of a star's flux between frames that no error bar knows of."""
_LEAST_STARS = 3
_SYSTEMATIC = 0.002


def relative_transparency(
    flux: NDArray[np.float64], error: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Find the transparency of each frame relative to the clearest.

    Parameters
    ----------
    flux, error : `~numpy.ndarray`
        Shape (n_frames, n_stars): fluxes of the same stars, corrected to the
        whole light of the star, and standard errors; NaN where a star was not
        measured.

    Returns
    -------
    `~numpy.ndarray`
        Shape (n_frames,); 1 for frames with fewer than three stars.

    Notes
    -----
    The logarithms of the fluxes are the sum of a magnitude for each star and a
    zero point for each frame; both are found in turn, by weighted means with
    Tukey's biweight. The level of 1 is the mean of the frames that agree, within
    two standard errors, with the frame whose lower confidence limit is the
    highest: one noisy frame cannot set it.
    """
    good = np.isfinite(flux) & (flux > 0) & np.isfinite(error)
    good &= good.sum(axis=0) >= 2
    known = good.sum(axis=1) >= _LEAST_STARS
    good &= known[:, None]
    if known.sum() < 2:
        return np.ones(len(flux))
    log = np.log(np.where(good, flux, 1.0))
    sigma = np.hypot(np.where(good, error / np.where(good, flux, 1.0), 1.0), _STAR_SCATTER)
    base = np.where(good, sigma**-2, 0.0)
    weights = base
    zero = np.zeros(len(flux))
    for _ in range(_MAX_ITERATIONS):
        star = _mean(log - zero[:, None], weights, axis=0)
        new = _mean(log - star, weights, axis=1)
        moved, zero = np.abs(new - zero).max(), new
        size = np.abs(log - star - zero[:, None]) / sigma
        spread = max(1.0, 1.4826 * float(np.median(size[good])))
        weights = base * np.maximum(1 - (size / (6 * spread)) ** 2, 0) ** 2
        if moved < 1e-5:
            break
    total = weights.sum(axis=1)
    known &= total > 0
    if not known.any():
        return np.ones(len(flux))
    zero_error = np.hypot(spread / np.sqrt(np.where(total > 0, total, np.inf)), _SYSTEMATIC)
    return np.where(known, np.exp(zero - _clearest(zero[known], zero_error[known])), 1.0)


def _mean(
    values: NDArray[np.float64], weights: NDArray[np.float64], axis: int
) -> NDArray[np.float64]:
    total = weights.sum(axis=axis)
    return (weights * values).sum(axis=axis) / np.where(total > 0, total, 1.0)


def _clearest(zero: NDArray[np.float64], error: NDArray[np.float64]) -> float:
    """Return the zero point of the clearest frames together."""
    best = np.argmax(zero - 2 * error)
    alike = np.abs(zero - zero[best]) <= 2 * np.hypot(error, error[best])
    return float(np.average(zero[alike], weights=error[alike] ** -2))
