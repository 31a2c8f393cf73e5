"""Move the WCSs of frames until their stars agree."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from astropy.wcs import WCS
from numpy.typing import NDArray

from ..instrument import pixel_scale
from .ensemble import EnsembleSolution, Sightings, solve_ensemble
from .matching import coarse_shifts, identify
from .plane import common_plane, moved_wcs, reference_positions
from .star_list import StarList

__all__ = ["Registration", "register"]

_TOO_FEW = "shows too few stars that other frames share"
_TOO_FAR = "would need a shift beyond max_shift to agree with the other frames"
_TURNED = "would need an implausible rotation or scale to agree with the other frames"

_FALSE_ALARM = 0.01
_COARSE = 2.5
_FINE = 1.0
_FLOOR = 0.01
"""Error of a centroid that the noise does not explain, in pixels."""
_ROUNDS = 4
_SETTLED = 1e-4
"""Movements that stay below this everywhere, in pixels, are followed by no other round."""
_ROTATION_STARS = 6
_ROTATION_SPREAD = 0.1
"""Least standard deviation of the stars along each axis, in half diagonals."""
_ROTATION_SIGMAS = 8.0
_ROTATION_LEAST = 0.03
"""Smallest displacement by a rotation or a scale, in pixels at the rim, worth correcting."""
_ROTATION_MOST = 0.02
"""Largest rotation (radians) or change of scale of one frame that is believed."""


@dataclass(frozen=True)
class Registration:
    """WCSs that agree, and the stars that say so.

    Attributes
    ----------
    wcss : list of `~astropy.wcs.WCS`
        Corrected WCSs; for frames that are not ``placed``, those given.
    placed : `~numpy.ndarray` of bool
        Which frames the stars hold in their place.
    rms : `~numpy.ndarray`
        Weighted rms of the residuals, per axis, in arcsec; NaN if not placed.
    n_matched : `~numpy.ndarray` of int
        Stars used for each frame.
    numbers : `~numpy.ndarray` of int
        Shape (n_frames, n_stars): index in the list of the frame of each
        star; -1 where it was not used.
    residuals : `~numpy.ndarray`
        Shape (n_frames, n_stars, 2): place of each star by each frame minus
        its mean place, towards east and north, in arcsec.
    weights : `~numpy.ndarray`
        Shape (n_frames, n_stars): inverse squared errors, in arcsec; 0 where a star
        was not used.
    reasons : tuple of str
        Why a frame was not placed; empty for those that were.
    turned : bool
        Whether a rotation or a scale was solved for: without, no other WCSs, placed frames and
        residuals come out where only shifts are looked for.
    """

    wcss: list[WCS]
    placed: NDArray[np.bool_]
    rms: NDArray[np.float64]
    n_matched: NDArray[np.int_]
    numbers: NDArray[np.int_]
    residuals: NDArray[np.float64]
    weights: NDArray[np.float64]
    reasons: tuple[str, ...]
    turned: bool


def register(
    lists: Sequence[StarList],
    wcss: Sequence[WCS],
    shape: tuple[int, int],
    *,
    max_shift: float,
    min_stars: int,
    shifts_only: bool = False,
) -> Registration:
    """Correct the pointings of frames from their stars.

    Parameters
    ----------
    lists : sequence of StarList
        The stars to use, of each frame.
    wcss : sequence of `~astropy.wcs.WCS`
        WCSs of the frames.
    shape : tuple of int
        Shape (ny, nx) of the frames.
    max_shift : float
        Largest correction of a pointing, in arcsec, relative to the median.
    min_stars : int
        Frames with fewer matched stars are not placed.
    shifts_only : bool, optional
        Whether rotations and scales are not looked for. Default: they are.

    Returns
    -------
    Registration
        The median correction of the placed frames is 0 along both axes.
    """
    scale = pixel_scale(wcss[0]).to_value("arcsec")
    plane = common_plane(wcss)
    start = reference_positions(plane, wcss)
    shifts, placed = coarse_shifts(
        [_positions(plane, w, s) for w, s in zip(wcss, lists, strict=True)],
        max_shift=2 * max_shift,
        tolerance=_COARSE * scale,
        false_alarm=_FALSE_ALARM,
    )
    reasons = np.where(placed, "", _TOO_FEW).astype(object)
    moves = np.column_stack([shifts, np.zeros_like(shifts)])
    moves[placed] -= _gauge(start, start + shifts, placed)
    current = _moved(wcss, plane, moves, placed)
    turn, turned = 0, False
    while turn < _ROUNDS:
        correction = reference_positions(plane, current) - start
        _refuse(placed, np.hypot(*correction.T) > max_shift, reasons, _TOO_FAR)
        if placed.sum() < 2:
            return _nothing(wcss, reasons, turned=turned)
        tolerance = (_COARSE if turn == 0 else _FINE) * scale
        sightings, numbers = _sightings(lists, current, plane, placed, scale, tolerance)
        rigid = shifts_only or turn == 0
        solution = _solve(sightings, placed, scale, shape, rigid=rigid)
        turned |= bool(solution.parameters[:, 2:].any())
        few = _refuse(placed, solution.n_matched < min_stars, reasons, _TOO_FEW)
        wild = np.abs(solution.parameters[:, 2:]).max(axis=1) > _ROTATION_MOST
        if few | _refuse(placed, wild, reasons, _TURNED):
            # Whoever leaves must not have pulled the others: solve again.
            continue
        current = _moved(current, plane, solution.parameters, placed)
        current = _centred(wcss, current, plane, placed)
        turn += 1
        if turn > 1 and _displacement(solution, scale, shape) < _SETTLED:
            break
    rms = np.where(placed, solution.rms, np.nan)
    used = np.where(solution.weights > 0, numbers, -1)
    return Registration(
        [new if ok else old for new, old, ok in zip(current, wcss, placed, strict=True)],
        placed,
        rms,
        np.where(placed, solution.n_matched, 0),
        used,
        solution.residuals,
        solution.weights,
        tuple(reasons),
        turned,
    )


def _refuse(
    placed: NDArray[np.bool_], wrong: NDArray[np.bool_], reasons: NDArray[np.object_], why: str
) -> bool:
    """Take the frames that are wrong out of those placed; tell whether there were any."""
    leaving = placed & wrong
    reasons[leaving] = why
    placed &= ~wrong
    return bool(leaving.any())


def _positions(plane: WCS, wcs: WCS, stars: StarList) -> NDArray[np.float64]:
    if len(stars) == 0:
        return np.empty((0, 2))
    sky = wcs.wcs_pix2world(np.column_stack([stars.x, stars.y]), 0)
    return plane.wcs_world2pix(sky, 0)


def _moved(
    wcss: Sequence[WCS], plane: WCS, moves: NDArray[np.float64], placed: NDArray[np.bool_]
) -> list[WCS]:
    return [
        moved_wcs(wcs, plane, move) if ok else wcs
        for wcs, move, ok in zip(wcss, moves, placed, strict=True)
    ]


def _gauge(
    start: NDArray[np.float64], now: NDArray[np.float64], placed: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """Return the common movement: what the headers are right about on the whole."""
    if not placed.any():
        return np.zeros(4)
    return np.append(np.median((now - start)[placed], axis=0), [0.0, 0.0])


def _centred(
    wcss: Sequence[WCS], current: list[WCS], plane: WCS, placed: NDArray[np.bool_]
) -> list[WCS]:
    """Take a movement common to all frames back."""
    common = _gauge(reference_positions(plane, wcss), reference_positions(plane, current), placed)
    return _moved(current, plane, np.broadcast_to(-common, (len(wcss), 4)), placed)


def _sightings(
    lists: Sequence[StarList],
    wcss: Sequence[WCS],
    plane: WCS,
    placed: NDArray[np.bool_],
    scale: float,
    tolerance: float,
) -> tuple[Sightings, NDArray[np.int_]]:
    """Return the stars that at least two of the placed frames share."""
    frames = np.flatnonzero(placed)
    positions = [_positions(plane, wcss[k], lists[k]) for k in frames]
    star, n_stars = identify(positions, tolerance)
    frame = np.repeat(frames, [len(p) for p in positions])
    entry = np.concatenate([np.arange(len(p)) for p in positions])
    usable = star >= 0
    shared = np.bincount(star[usable], minlength=n_stars) >= 2
    usable &= shared[np.maximum(star, 0)]
    column = (np.cumsum(shared) - 1)[star[usable]]
    where = (frame[usable], column)
    size = (len(lists), int(shared.sum()))
    table, errors = np.full((*size, 2), np.nan), np.full(size, np.nan)
    numbers = np.full(size, -1)
    table[where] = np.concatenate(positions)[usable]
    error = np.concatenate([lists[k].error for k in frames])
    errors[where] = scale * np.hypot(error[usable], _FLOOR)
    numbers[where] = entry[usable]
    return Sightings(table, errors), numbers


def _solve(
    sightings: Sightings,
    placed: NDArray[np.bool_],
    scale: float,
    shape: tuple[int, int],
    *,
    rigid: bool,
) -> EnsembleSolution:
    """Solve for shifts, and for rotation and scale where the stars insist."""
    free = np.zeros((len(placed), 4), dtype=bool)
    free[placed, :2] = True
    solution = solve_ensemble(sightings, free)
    rim = scale * float(np.hypot(*shape)) / 2
    able = placed & _well_spread(sightings, solution, _ROTATION_SPREAD * rim)
    if rigid or not able.any():
        return solution
    trial = solve_ensemble(sightings, free | able[:, None])
    turns = trial.parameters[:, 2:] - np.median(trial.parameters[able, 2:], axis=0)
    sure = np.abs(turns) > _ROTATION_SIGMAS * trial.errors[:, 2:]
    matters = np.abs(turns) * rim > _ROTATION_LEAST * scale
    needed = able[:, None] & sure & matters
    if not needed.any():
        return solution
    free[:, 2:] = needed
    return solve_ensemble(sightings, free)


def _displacement(solution: EnsembleSolution, scale: float, shape: tuple[int, int]) -> float:
    """Return by how many pixels frames have been moved, at their rims, at most."""
    rim = float(np.hypot(*shape)) / 2
    return float(np.abs(solution.parameters / [scale, scale, 1 / rim, 1 / rim]).max())


def _well_spread(
    sightings: Sightings, solution: EnsembleSolution, least: float
) -> NDArray[np.bool_]:
    """Tell which frames have enough stars, far enough apart, to show a rotation."""
    enough = np.zeros(len(solution.weights), dtype=bool)
    for frame, weights in enumerate(solution.weights):
        used = sightings.positions[frame, weights > 0]
        if len(used) >= _ROTATION_STARS:
            enough[frame] = np.sqrt(used.var(axis=0).min()) >= least
    return enough


def _nothing(wcss: Sequence[WCS], reasons: NDArray[np.object_], *, turned: bool) -> Registration:
    n_frames = len(wcss)
    return Registration(
        list(wcss),
        np.zeros(n_frames, dtype=bool),
        np.full(n_frames, np.nan),
        np.zeros(n_frames, dtype=int),
        np.empty((n_frames, 0), dtype=int),
        np.empty((n_frames, 0, 2)),
        np.empty((n_frames, 0)),
        tuple(reason or _TOO_FEW for reason in reasons),
        turned,
    )
