"""Tests of the solution of frames and stars together."""

import numpy as np
import pytest

from emirimg.alignment.ensemble import Sightings, solve_ensemble


def _by_brute_force(positions, weights, free):
    """Solve for the frames and the places of all stars at once, without eliminating these."""
    n_frames, n_stars = weights.shape
    rows, right = [], []
    for f, s in np.argwhere(weights > 0):
        u, v = positions[f, s]
        for axis, slopes in enumerate(([1, 0, -v, u], [0, 1, u, v])):
            row = np.zeros(4 * n_frames + 2 * n_stars)
            row[4 * f : 4 * f + 4] = slopes * free[f]
            row[4 * n_frames + 2 * s + axis] = -1
            root = np.sqrt(weights[f, s])
            rows.append(root * row)
            right.append(-root * positions[f, s, axis])
    for kind in range(4):  # the mean of all frames is held
        if free[:, kind].all():
            row = np.zeros(4 * n_frames + 2 * n_stars)
            row[kind : 4 * n_frames : 4] = 1e6
            rows.append(row)
            right.append(0.0)
    solution = np.linalg.lstsq(np.array(rows), np.array(right), rcond=1e-13)[0]
    return solution[: 4 * n_frames].reshape(n_frames, 4)


@pytest.mark.parametrize("n_free", [2, 3, 4])
def test_solution_is_that_of_all_unknowns_at_once(n_free):
    rng = np.random.default_rng(n_free)
    n_frames, n_stars = 4, 25
    positions = rng.uniform(-20, 20, (n_stars, 2)) + rng.normal(0, 1, (n_frames, 1, 2))
    positions += rng.normal(0, 1e-3, (n_frames, 1, 1)) * positions
    turned = positions[:, :, ::-1] * [-1, 1]
    positions += rng.normal(0, 1e-3, (n_frames, 1, 1)) * turned
    positions += rng.normal(0, 0.01, positions.shape)
    positions[rng.random((n_frames, n_stars)) < 0.2] = np.nan
    free = np.zeros((n_frames, 4), dtype=bool)
    free[:, :n_free] = True
    found = solve_ensemble(Sightings(positions, np.full((n_frames, n_stars), 0.01)), free)
    expected = _by_brute_force(np.nan_to_num(positions), found.weights, free)
    assert np.abs(expected[:, :n_free]).max(axis=0).min() > 1e-4
    assert (found.parameters[:, n_free:] == 0).all()
    # Weights settle to a small part of the errors.
    np.testing.assert_allclose(found.parameters, expected, rtol=2e-3, atol=2e-5)
