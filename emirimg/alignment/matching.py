"""Which star of one frame is which star of the others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy
from numpy.typing import NDArray

__all__ = ["CoarseShift", "coarse_shifts", "identify", "moving", "vote_shift"]

_BRIGHTEST = 250


@dataclass(frozen=True)
class CoarseShift:
    """The shift that most pairs of two lists of positions agree on.

    Attributes
    ----------
    shift : `~numpy.ndarray`
        Shape (2,): to be added to the first list to fall on the second.
    n_pairs : int
        How many pairs agree.
    false_alarm : float
        Expected number of places within the search area where as many pairs
        would agree by accident.
    """

    shift: NDArray[np.float64]
    n_pairs: int
    false_alarm: float


def vote_shift(
    first: NDArray[np.float64],
    second: NDArray[np.float64],
    *,
    max_shift: float,
    tolerance: float,
) -> CoarseShift | None:
    """Find the shift between two lists of positions.

    Parameters
    ----------
    first, second : `~numpy.ndarray`
        Shapes (n, 2) and (m, 2): positions in a plane.
    max_shift : float
        Largest shift to look for, in the unit of the positions.
    tolerance : float
        How well the pairs must agree, in the same unit.

    Returns
    -------
    CoarseShift or None
        `None` if there is no pair at all.

    Notes
    -----
    Every pair votes for its difference. The votes within ``tolerance`` of each
    vote are counted; the shift is the median of the fullest place. An accident
    is as likely as the Poisson distribution with the mean density of votes
    says.
    """
    # Few pairs are near each other along x: only of these more is worked out.
    one, other = np.nonzero(np.abs(second[:, 0] - first[:, :1]) <= max_shift)
    differences = second[other] - first[one]
    differences = differences[np.hypot(*differences.T) <= max_shift]
    if len(differences) == 0:
        return None
    tree = scipy.spatial.cKDTree(differences)
    votes = tree.query_ball_point(differences, tolerance, return_length=True)
    centre = differences[np.argmax(votes)]
    for _ in range(3):
        # Move to the middle of the votes around.
        centre = np.median(differences[tree.query_ball_point(centre, tolerance)], axis=0)
    n_pairs = len(tree.query_ball_point(centre, tolerance))
    places = (max_shift / tolerance) ** 2
    accident = places * scipy.special.gammainc(n_pairs, len(differences) / places)
    return CoarseShift(centre, n_pairs, float(accident))


def coarse_shifts(
    positions: Sequence[NDArray[np.float64]],
    *,
    max_shift: float,
    tolerance: float,
    false_alarm: float,
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Shift lists of positions, one after the other, onto what they share.

    Parameters
    ----------
    positions : sequence of `~numpy.ndarray`
        For each frame, positions of shape (n, 2) in a common plane, the
        brightest star first.
    max_shift : float
        Largest shift between two frames.
    tolerance : float
        How well positions agree before anything is fitted.
    false_alarm : float
        Shifts that are more likely to be accidents than this are refused.

    Returns
    -------
    shifts : `~numpy.ndarray`
        Shape (n_frames, 2): to be added to the positions of each frame.
    placed : `~numpy.ndarray` of bool
        Which frames could be placed.

    Notes
    -----
    The frame with most stars comes first. Again and again, the frames that agree
    with those already placed join them, so a chain of overlapping frames is
    followed to its end.
    """
    n_frames = len(positions)
    shifts, placed = np.zeros((n_frames, 2)), np.zeros(n_frames, dtype=bool)
    counts = [len(p) for p in positions]
    if max(counts) == 0:
        return shifts, placed
    seed = int(np.argmax(counts))
    placed[seed] = True
    ensemble, seen = positions[seed], np.ones(counts[seed])
    waiting = [index for index in range(n_frames) if not placed[index] and counts[index]]
    while waiting:
        votes = {
            index: vote
            for index in waiting
            if (vote := _vote_nearby(positions[index], ensemble, seen, max_shift, tolerance))
            and vote.false_alarm < false_alarm
        }
        if not votes:
            break
        for index, vote in votes.items():
            shifts[index] = vote.shift
            placed[index] = True
            ensemble, seen = _joined(ensemble, seen, positions[index] + vote.shift, tolerance)
        waiting = [index for index in waiting if not placed[index]]
    if placed.sum() == 1:
        placed[seed] = False
    return shifts, placed


def identify(
    positions: Sequence[NDArray[np.float64]], tolerance: float
) -> tuple[NDArray[np.int_], int]:
    """Number the stars that several lists share.

    Parameters
    ----------
    positions : sequence of `~numpy.ndarray`
        For each frame, positions of shape (n, 2), already shifted onto each
        other.
    tolerance : float
        Largest distance between two sightings of a star.

    Returns
    -------
    numbers : `~numpy.ndarray` of int
        The number of the star for every position of every frame, one frame
        after the other. -1 where two positions of one frame compete.
    n_stars : int
        How many stars there are.
    """
    ensemble = np.empty((0, 2))
    seen = np.empty(0)
    for frame in positions:
        ensemble, seen = _joined(ensemble, seen, frame, tolerance)
    tree = scipy.spatial.cKDTree(ensemble)
    numbers = []
    for frame in positions:
        number = tree.query(frame)[1] if len(frame) else np.empty(0, dtype=int)
        count = np.bincount(number, minlength=len(ensemble))
        numbers.append(np.where(count[number] == 1, number, -1))
    return np.concatenate(numbers).astype(int), len(ensemble)


def moving(
    positions: Sequence[NDArray[np.float64]],
    pointings: NDArray[np.int_],
    *,
    tolerance: float = 1.0,
    most: float = 0.5,
) -> list[NDArray[np.bool_]]:
    """Tell what moves on the detector with the telescope, as stars do.

    Parameters
    ----------
    positions : sequence of `~numpy.ndarray`
        For each frame, positions of shape (n, 2) on the detector, in pixels.
    pointings : `~numpy.ndarray` of int
        For each frame, a number that frames at the same pointing share.
    tolerance : float, optional
        Largest distance between two sightings of a hot pixel. Default: 1.
    most : float, optional
        What is seen at the same place in more than this part of the other
        pointings, and in at least two of them, does not move. Default: 0.5.

    Returns
    -------
    list of `~numpy.ndarray` of bool
        For each frame, which of its positions move.
    """
    kinds = np.unique(pointings)
    trees = [
        scipy.spatial.cKDTree(
            np.concatenate([positions[k] for k in np.flatnonzero(pointings == kind)])
        )
        for kind in kinds
    ]
    result = []
    for places, own in zip(positions, pointings, strict=True):
        seen = np.zeros(len(places))
        for kind, tree in zip(kinds, trees, strict=True):
            if kind != own and len(places) and tree.n:
                distance, _ = tree.query(places, distance_upper_bound=tolerance)
                seen += np.isfinite(distance)
        result.append(seen < max(2, most * (len(kinds) - 1)))
    return result


def _vote_nearby(
    frame: NDArray[np.float64],
    ensemble: NDArray[np.float64],
    seen: NDArray[np.float64],
    max_shift: float,
    tolerance: float,
) -> CoarseShift | None:
    """Vote with the brightest stars of the area that the frame can share."""
    low, high = frame.min(axis=0) - max_shift, frame.max(axis=0) + max_shift
    near = np.flatnonzero(np.all((ensemble >= low) & (ensemble <= high), axis=1))
    # What most frames saw is a star; what came first is bright.
    near = near[np.argsort(-seen[near], kind="stable")][: 2 * _BRIGHTEST]
    return vote_shift(frame[:_BRIGHTEST], ensemble[near], max_shift=max_shift, tolerance=tolerance)


def _joined(
    ensemble: NDArray[np.float64],
    seen: NDArray[np.float64],
    frame: NDArray[np.float64],
    tolerance: float,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Add a frame: known stars move to their mean position, new ones follow."""
    if len(ensemble) == 0 or len(frame) == 0:
        return (frame, np.ones(len(frame))) if len(ensemble) == 0 else (ensemble, seen)
    distance, number = scipy.spatial.cKDTree(ensemble).query(frame, distance_upper_bound=tolerance)
    known = np.isfinite(distance)
    ensemble, seen = ensemble.copy(), seen.copy()
    # Where two positions claim one star, the one that comes first is taken.
    star, where = np.unique(number[known], return_index=True)
    weight = 1 / (seen[star] + 1)
    ensemble[star] += weight[:, None] * (frame[known][where] - ensemble[star])
    seen[star] += 1
    return np.vstack([ensemble, frame[~known]]), np.append(seen, np.ones((~known).sum()))
