"""How the large-scale shape of the sky changes with time, judged by frames left out."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ._blocks import Blocks, interpolate_blocks, smooth_blocks

__all__ = [
    "Drift",
    "find_drift",
    "left_out_of_window",
    "left_out_residuals",
    "mean_square",
    "odd_frames",
]

_SMOOTHING = 1.0
"""Standard deviation of the Gaussian that smooths a map, in blocks."""

_ROUNDS = 3
"""How often what the smoothing removed is smoothed, too: sharp parts come back."""

_SPARE_FRAMES = 3
"""Frames that a block must have beyond the number of coefficients."""

_SIGNIFICANT = 5.0
"""A higher order must lower the sum of squares by so many of its standard deviations."""

_CLIP = 6.0
"""Residuals count as no more than so many times the typical one."""

_ODD = 9.0
"""Frames whose mean square is so many times that of a typical frame are odd."""


@dataclass(frozen=True)
class Drift:
    """A smooth change of the shape with time.

    Parameters
    ----------
    times : `~numpy.ndarray`
        Powers of the time, from the first on, of each frame, shape (n_frames, order); their
        means are 0.
    maps : `~numpy.ndarray` of float32
        What they multiply, relative to the level, shape (order, ny, nx).
    """

    times: NDArray[np.float64]
    maps: NDArray[np.float32]

    @property
    def order(self) -> int:
        """Order of the polynomial in time; 0: the shape does not change."""
        return len(self.maps)

    def __call__(self, index: int, rows: slice = slice(None)) -> NDArray[np.float32]:
        """Return some rows of the change in one frame."""
        return sum(
            np.float32(time) * plane[rows]
            for time, plane in zip(self.times[index], self.maps, strict=True)
        )


def find_drift(
    own: NDArray[np.float64],
    error: NDArray[np.float64],
    seconds: NDArray[np.float64],
    blocks: Blocks,
    max_order: int,
) -> Drift:
    """Find the polynomial in time that predicts the frames left out best.

    Parameters
    ----------
    own : `~numpy.ndarray`
        Block medians of the frames, relative to their levels, less what they
        have in common, shape (n_frames, n_y, n_x); NaN: not known.
    error : `~numpy.ndarray`
        Their errors.
    seconds : `~numpy.ndarray`
        Times of the frames.
    blocks : Blocks
        Says where the blocks lie.
    max_order : int
        Largest order of the polynomial.

    Notes
    -----
    A higher order is taken if it lowers the sum of the squares of the
    residuals of the frames left out, in units of their errors, by more than
    5 standard deviations of a sum over as many blocks. Frames that the fit to
    the others predicts much worse than most do not take part.
    """
    shape = (int(blocks.y_edges[-1]), int(blocks.x_edges[-1]))
    times = _powers(seconds, max_order)
    own = np.where(odd_frames(own, error, times)[:, None, None], np.nan, own)
    n_frames = np.isfinite(own).any(axis=(1, 2)).sum()
    best, lowest = 0, None
    for order in range(max_order + 1):
        if order and n_frames < order + 1 + _SPARE_FRAMES:
            break
        residual = left_out_residuals(own, error, times[:, :order])
        total = mean_square(residual / error) * np.isfinite(residual).sum()
        n_blocks = np.isfinite(own).any(axis=0).sum()
        if lowest is None or total < lowest - _SIGNIFICANT * np.sqrt(2 * n_blocks):
            best, lowest = order, total
    if best == 0:
        return Drift(times[:, :0], np.zeros((0, *shape), dtype=np.float32))
    coefficients, _ = _fit(own, error, times[:, :best])
    maps = [_smooth(replace(blocks, median=plane)) for plane in coefficients[1:]]
    return Drift(times[:, :best], np.array(maps, dtype=np.float32))


def odd_frames(
    own: NDArray[np.float64], error: NDArray[np.float64], times: NDArray[np.float64]
) -> NDArray[np.bool_]:
    """Return which frames are unlike all others."""
    odd = np.zeros(len(own), dtype=bool)
    for _ in range(len(own) // 3):
        kept = np.where(odd[:, None, None], np.nan, own)
        residual = left_out_residuals(kept, error, times) / error
        power = np.array([mean_square(plane) for plane in residual])
        worst = int(np.argmax(np.where(odd, 0, power)))
        if power[worst] < _ODD * max(float(np.median(power[~odd])), 1.0):
            break
        odd[worst] = True
    return odd


def left_out_residuals(
    own: NDArray[np.float64], error: NDArray[np.float64], times: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the blocks of each frame minus what the fit to all others predicts."""
    coefficients, leverage = _fit(own, error, times)
    terms = np.column_stack([np.ones(len(own)), times])
    residual = own - np.tensordot(terms, coefficients, axes=1)
    residual = residual / np.maximum(1 - leverage, 1e-3)
    return _centred(residual)


def left_out_of_window(
    own: NDArray[np.float64], seconds: NDArray[np.float64], n_frames: int
) -> NDArray[np.float64]:
    """Return the blocks of each frame minus the mean of those of its neighbours in time."""
    residual = np.full_like(own, np.nan)
    for index in range(len(own)):
        separation = np.abs(seconds - seconds[index])
        nearest = np.argsort(separation, kind="stable")
        chosen = own[nearest[nearest != index][:n_frames]]
        known = np.isfinite(chosen)
        count = known.sum(axis=0)
        mean = np.where(known, chosen, 0).sum(axis=0) / np.maximum(count, 1)
        residual[index] = np.where(count > 0, own[index] - mean, np.nan)
    return _centred(residual)


def _centred(residual: NDArray[np.float64]) -> NDArray[np.float64]:
    """Subtract the median of each frame, whose level is measured apart."""
    middle = [
        np.median(plane[np.isfinite(plane)]) if np.isfinite(plane).any() else np.nan
        for plane in residual
    ]
    return residual - np.array(middle)[:, None, None]


def mean_square(values: NDArray[np.float64]) -> float:
    """Return the mean square of what is known and not absurd."""
    known = np.abs(values[np.isfinite(values)])
    if known.size == 0:
        return 0.0
    limit = _CLIP * max(1.4826 * float(np.median(known)), 1e-30)
    return float(np.mean(np.square(np.minimum(known, limit))))


def _powers(seconds: NDArray[np.float64], order: int) -> NDArray[np.float64]:
    """Return powers of the time, scaled to -1 ... 1, with the means 0."""
    span = max(float(np.ptp(seconds)), 1e-9)
    time = 2 * (seconds - seconds.min()) / span - 1
    powers = np.column_stack([np.ones_like(time), *(time**k for k in range(1, order + 1))])[:, 1:]
    return powers - powers.mean(axis=0)


def _fit(
    own: NDArray[np.float64], error: NDArray[np.float64], times: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the coefficients of each block, and the leverage of each value.

    Blocks that too few frames know are fitted by a constant.
    """
    n, *grid = own.shape
    terms = np.column_stack([np.ones(n), times])
    known = np.isfinite(own) & np.isfinite(error) & (error > 0)
    weight = np.where(known, 1 / np.where(known, error, 1) ** 2, 0).reshape(n, -1)
    value = np.where(known, own, 0).reshape(n, -1)
    matrix = np.einsum("ia,ib,ip->pab", terms, terms, weight)
    vector = np.einsum("ia,ip->pa", terms, weight * value)
    k = terms.shape[1]
    poor = (weight > 0).sum(axis=0) < k + _SPARE_FRAMES
    matrix[poor, 1:, :] = matrix[poor, :, 1:] = 0
    vector[poor, 1:] = 0
    diagonal = np.arange(1, k)
    matrix[np.flatnonzero(poor)[:, None], diagonal, diagonal] = 1
    empty = weight.sum(axis=0) == 0
    matrix[empty, 0, 0] = 1
    inverse = np.linalg.inv(matrix)
    inverse[poor, 1:, 1:] = 0
    coefficients = np.einsum("pab,pb->pa", inverse, vector)
    leverage = np.einsum("ia,pab,ib->ip", terms, inverse, terms) * weight
    coefficients[empty] = np.nan
    return coefficients.T.reshape(k, *grid), leverage.reshape(n, *grid)


def _smooth(blocks: Blocks) -> NDArray[np.float32]:
    """Smooth a map of blocks, and again what that removed; interpolate it to the pixels."""
    smooth = np.zeros_like(blocks.median)
    for _ in range(_ROUNDS):
        rest = replace(blocks, median=blocks.median - smooth)
        smooth = smooth + smooth_blocks(rest, _SMOOTHING)
    return interpolate_blocks(blocks, smooth)
