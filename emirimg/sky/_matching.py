"""Backgrounds of overlapping frames, by how they differ from each other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ._blocks import Blocks
from ._surface import fit_surface

__all__ = ["Matched", "match_backgrounds"]

_SWEEPS = 20
"""Most times that all frames are gone through."""

_TOLERANCE = 0.05
"""Change of a surface, in errors of a block, that no longer matters."""

_FEWEST_OTHERS = 2
"""One other frame alone does not tell which of the two is odd."""

_MEDIAN_COSTS = np.pi / 2
"""Variance of a median over that of a mean."""

Places = tuple[NDArray[np.float64], NDArray[np.float64]]


@dataclass(frozen=True)
class Matched:
    """What one frame has besides what all share.

    Parameters
    ----------
    level : float
        Median of its own background.
    common : `~numpy.ndarray`
        What the others show of the error of that light at each block, shape of the
        blocks; NaN where too few of them do.
    """

    level: float
    common: NDArray[np.float64]


def match_backgrounds(
    blocks: Sequence[Blocks],
    places: Sequence[Places],
    nodes: Sequence[Places],
    shape: tuple[int, int],
    *,
    max_order: int = 3,
    quadrants: bool = True,
) -> list[Matched]:
    """Find what each frame has that the others at the same place of the sky have not.

    Parameters
    ----------
    blocks : sequence of Blocks
        Medians of blocks of each frame less its sky and the light of the target;
        NaN: not known. All of the same edges.
    places : sequence of (y, x)
        Where the centres of the blocks lie on a lattice of nodes that is fixed on
        the sky, in units of its spacing.
    nodes : sequence of (y, x)
        Where the nodes lie in each frame, in pixels; shape of the lattice, the
        same for all frames.
    shape : tuple of int
        Shape (ny, nx) of a frame.
    max_order : int, optional
        Largest order of the polynomials. Default: 3.
    quadrants : bool, optional
        Whether quadrants may have surfaces of their own. Default: True.

    Notes
    -----
    With the background :math:`B_i` of frame i and the unknown error m of the light
    that was subtracted, a block shows :math:`B_i(p) - m(x_i(p))`. The error is the same for
    all frames that show the place x, so it is the median over the others
    of what they show there, less their own backgrounds. What is left is fitted as by
    `fit_surface`, after the levels alone. That is done with one frame after the other, the
    most deviant ones first, so that the others are compared with what is left of those, and
    repeated until nothing changes. What all frames have in common cannot be told from the
    target: the median of their levels is made 0.
    """
    n = len(blocks)
    reach = [_Sampler(blocks[0], *where, shape) for where in nodes]
    lattice = np.array([reach[k](blocks[k].median) for k in range(n)])
    own = [np.zeros_like(item.median) for item in blocks]

    def sweep(fit: Callable[[Blocks], NDArray[np.float64] | float], order: Sequence[int]) -> float:
        moved = 0.0
        for k in order:
            deviation, known = _deviation(blocks[k], lattice, k, places[k])
            if known.any():
                before, own[k] = own[k], np.zeros_like(own[k]) + fit(deviation)
                change = np.abs(own[k] - before).max() / np.median(deviation.error[known])
                moved = max(moved, float(change))
                lattice[k] = reach[k](blocks[k].median - own[k])
        return moved

    def surface(deviation: Blocks) -> NDArray[np.float64]:
        found = fit_surface(deviation, shape, max_order=max_order, quadrants=quadrants)
        return found.at(*deviation.centres)

    # Surfaces through levels that do not match would be shared by all frames, as a tilt is.
    for fit in (_level, surface):
        rest = [_deviation(blocks[k], lattice, k, places[k])[0].median - own[k] for k in range(n)]
        order = sorted(range(n), key=lambda k: -_mean_square(rest[k]))
        for _ in range(_SWEEPS):
            if sweep(fit, order) < _TOLERANCE:
                break
    levels = np.array([np.median(item) for item in own])
    seen = [bool(np.isfinite(item.median).any()) for item in blocks]
    offset = float(np.median(levels[seen])) if any(seen) else 0.0
    return [
        Matched(float(levels[k]) - offset, _at(_others(lattice, k)[0], places[k]) + offset)
        for k in range(n)
    ]


def _deviation(
    blocks: Blocks, lattice: NDArray[np.float64], number: int, place: Places
) -> tuple[Blocks, NDArray[np.bool_]]:
    """Return what a frame shows besides what the others do, and where that is known."""
    median, n_others = _others(lattice, number)
    deviation = blocks.median - _at(median, place)
    typical = np.median(n_others[n_others > 0]) if (n_others > 0).any() else 1
    error = blocks.error * np.sqrt(1 + _MEDIAN_COSTS / typical)
    return replace(blocks, median=deviation, error=error), np.isfinite(deviation)


def _level(deviation: Blocks) -> float:
    return float(np.nanmedian(deviation.median))


class _Sampler:
    """Takes values at the centres of blocks to the nodes of the lattice (bilinear)."""

    def __init__(
        self,
        blocks: Blocks,
        y: NDArray[np.float64],
        x: NDArray[np.float64],
        shape: tuple[int, int],
    ) -> None:
        ny, nx = shape
        self.outside = ~((y > -0.5) & (y < ny - 0.5) & (x > -0.5) & (x < nx - 0.5))
        self.place = tuple(
            # Beyond the last centres, the last blocks speak for themselves.
            np.interp(np.where(self.outside, 0.0, where), centres, np.arange(len(centres)))
            for where, centres in zip((y, x), blocks.centres, strict=True)
        )

    def __call__(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        result = _at(values, self.place)
        result[self.outside] = np.nan
        return result


def _at(values: NDArray[np.float64], place: Places) -> NDArray[np.float64]:
    """Interpolate between values of which some are NaN; NaN where less than half is known."""
    y, x = (np.clip(w, 0, n - 1) for w, n in zip(place, values.shape, strict=True))
    j = np.clip(np.floor(y).astype(int), 0, max(values.shape[0] - 2, 0))
    i = np.clip(np.floor(x).astype(int), 0, max(values.shape[1] - 2, 0))
    up, right = np.minimum(j + 1, values.shape[0] - 1), np.minimum(i + 1, values.shape[1] - 1)
    fy, fx = y - j, x - i
    total, weight = np.zeros(y.shape), np.zeros(y.shape)
    for row, wy in ((j, 1 - fy), (up, fy)):
        for column, wx in ((i, 1 - fx), (right, fx)):
            part = values[row, column]
            w = np.where(np.isfinite(part), wy * wx, 0.0)
            total += w * np.where(w > 0, part, 0.0)
            weight += w
    return np.where(weight >= 0.5, total / np.maximum(weight, 0.5), np.nan)


def _others(
    lattice: NDArray[np.float64], left_out: int
) -> tuple[NDArray[np.float64], NDArray[np.int_]]:
    """Return the median over the other frames at each node, and how many there are."""
    others = np.sort(np.delete(lattice, left_out, axis=0), axis=0)  # NaN come last
    number = np.isfinite(others).sum(axis=0)
    fewest = min(_FEWEST_OTHERS, len(others))
    if len(others) == 0:
        return np.full(number.shape, np.nan), number
    low, high = np.maximum(number - 1, 0) // 2, number // 2
    high = np.minimum(high, len(others) - 1)
    pair = [np.take_along_axis(others, which[None], axis=0)[0] for which in (low, high)]
    median = (pair[0] + pair[1]) / 2
    return np.where(number >= fewest, median, np.nan), number


def _mean_square(values: NDArray[np.float64]) -> float:
    known = np.isfinite(values)
    return float(np.mean(values[known] ** 2)) if known.any() else 0.0
