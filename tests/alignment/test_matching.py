import numpy as np
import pytest

from emirimg.alignment.ensemble import Sightings, solve_ensemble
from emirimg.alignment.matching import coarse_shifts, identify, vote_shift


def lists_of_one_field(rng, shifts, n_stars=60, lost=0.3, noise=0.1, extent=200.0):
    stars = rng.uniform(0, extent, (n_stars, 2))
    lists = []
    for shift in shifts:
        seen = stars[rng.random(n_stars) > lost] - shift
        junk = rng.uniform(0, extent, (10, 2))
        lists.append(np.vstack([seen, junk]) + rng.normal(size=(len(seen) + 10, 2)) * noise)
    return lists


def test_vote_finds_the_shift():
    rng = np.random.default_rng(1)
    first, second = lists_of_one_field(rng, np.array([[0.0, 0.0], [12.3, -20.1]]))
    vote = vote_shift(second, first, max_shift=40.0, tolerance=0.5)
    np.testing.assert_allclose(vote.shift, [12.3, -20.1], atol=0.1)
    assert vote.false_alarm < 1e-6


def test_vote_does_not_trust_accidents():
    rng = np.random.default_rng(2)
    alarms = []
    for _ in range(200):
        vote = vote_shift(*rng.uniform(0, 100, (2, 30, 2)), max_shift=40.0, tolerance=0.5)
        alarms.append(vote.false_alarm < 0.01)
    assert np.mean(alarms) < 0.03


def test_vote_beyond_the_largest_shift():
    first = np.array([[0.0, 0.0]])
    assert vote_shift(first, first + 50, max_shift=40.0, tolerance=0.5) is None


@pytest.mark.parametrize(("n_stars", "certain"), [(1, False), (2, True), (3, True)])
def test_few_stars_in_an_empty_field(n_stars, certain):
    first = np.array([[10.0, 20.0], [150.0, 90.0], [60.0, 120.0]])[:n_stars]
    vote = vote_shift(first, first + np.array([3.0, -4.0]), max_shift=15.0, tolerance=0.25)
    np.testing.assert_allclose(vote.shift, [3.0, -4.0])
    assert (vote.false_alarm < 0.01) == certain


def test_chain_of_frames_is_followed():
    rng = np.random.default_rng(3)
    stars = rng.uniform(0, 300, (300, 2))
    shifts = rng.normal(size=(5, 2)) * 5
    # Frame k sees a strip that overlaps with that of frame k + 1 only.
    lists = [
        stars[(stars[:, 0] > 60 * k) & (stars[:, 0] < 60 * k + 100)] - shifts[k] for k in range(5)
    ]
    lists.append(rng.uniform(0, 300, (40, 2)))
    lists.append(np.empty((0, 2)))
    found, placed = coarse_shifts(lists, max_shift=30.0, tolerance=0.3, false_alarm=0.01)
    np.testing.assert_array_equal(placed, [True] * 5 + [False] * 2)
    np.testing.assert_allclose(found[:5] - found[0], shifts - shifts[0], atol=0.05)


def test_nothing_to_match():
    rng = np.random.default_rng(4)
    _, placed = coarse_shifts(
        list(rng.uniform(0, 1000, (4, 20, 2))), max_shift=20.0, tolerance=0.3, false_alarm=0.01
    )
    assert not placed.any()
    _, placed = coarse_shifts(
        [np.empty((0, 2))] * 3, max_shift=20.0, tolerance=0.3, false_alarm=0.01
    )
    assert not placed.any()


def test_identify_numbers_the_same_stars_alike():
    rng = np.random.default_rng(5)
    stars = np.mgrid[0:200:20, 0:200:20].reshape(2, -1).T.astype(float)
    order = [rng.permutation(100)[:70] for _ in range(4)]
    lists = [stars[k] + rng.normal(size=(70, 2)) * 0.05 for k in order]
    numbers, n_stars = identify(lists, 0.5)
    assert n_stars == np.unique(np.concatenate(order)).size
    true = np.concatenate(order)
    for number in range(n_stars):
        assert np.unique(true[numbers == number]).size == 1


def test_identify_refuses_to_choose_between_two_of_one_frame():
    lists = [np.array([[0.0, 0.0], [50.0, 0.0]]), np.array([[0.2, 0.0], [-0.2, 0.0]])]
    numbers, _ = identify(lists, 0.5)
    np.testing.assert_array_equal(numbers[2:], [-1, -1])


def sightings_of(rng, moves, n_stars=40, error=0.02, lost=0.3):
    """Return sightings whose true solution is ``moves``."""
    stars = rng.uniform(-100, 100, (n_stars, 2))
    positions = []
    for east, north, rotation, scale in moves:
        matrix = np.array([[1 + scale, -rotation], [rotation, 1 + scale]])
        positions.append((stars - [east, north]) @ np.linalg.inv(matrix).T)
    positions = np.array(positions) + rng.normal(size=(len(moves), n_stars, 2)) * error
    positions[rng.random(positions.shape[:2]) < lost] = np.nan
    return Sightings(positions, np.full(positions.shape[:2], max(error, 1e-6)))


def free_parameters(n_frames, count):
    free = np.zeros((n_frames, 4), dtype=bool)
    free[:, :count] = True
    return free


@pytest.mark.parametrize("count", [2, 4])
def test_ensemble_without_noise_is_exact(count):
    rng = np.random.default_rng(6)
    moves = rng.normal(size=(6, 4)) * [2, 2, 1e-4, 1e-4]
    moves[:, count:] = 0
    moves[0, 2:] = 0
    free = free_parameters(6, count)
    free[0, 2:] = False
    solution = solve_ensemble(sightings_of(rng, moves, error=0.0), free)
    found = solution.parameters - solution.parameters.mean(axis=0)
    want = moves - moves.mean(axis=0)
    # The model is linear in the rotation: second-order terms are left.
    np.testing.assert_allclose(found, want, atol=1e-3 if count == 4 else 1e-9)


def test_ensemble_errors_are_true():
    rng = np.random.default_rng(7)
    moves = rng.normal(size=(5, 4)) * [3, 3, 0, 0]
    pulls = []
    for _ in range(60):
        solution = solve_ensemble(sightings_of(rng, moves), free_parameters(5, 2))
        want = moves[:, :2] - moves[:, :2].mean(axis=0)
        found = solution.parameters[:, :2] - solution.parameters[:, :2].mean(axis=0)
        pulls.append((found - want) / solution.errors[:, :2])
    assert 0.85 < np.std(pulls) < 1.15


def test_ensemble_survives_outliers():
    rng = np.random.default_rng(8)
    moves = rng.normal(size=(6, 4)) * [2, 2, 0, 0]
    sightings = sightings_of(rng, moves)
    wrong = rng.random(sightings.errors.shape) < 0.1
    sightings.positions[wrong] += rng.choice([-1, 1], (wrong.sum(), 2)) * 0.7
    solution = solve_ensemble(sightings, free_parameters(6, 2))
    want = moves[:, :2] - moves[:, :2].mean(axis=0)
    found = solution.parameters[:, :2] - solution.parameters[:, :2].mean(axis=0)
    assert np.abs(found - want).max() < 0.02
    assert np.all(solution.weights[wrong & np.isfinite(sightings.positions[:, :, 0])] == 0)
    assert np.nanmax(solution.rms) < 0.025
    np.testing.assert_array_equal(solution.n_matched, (solution.weights > 0).sum(axis=1))


def test_precise_stars_count_more():
    rng = np.random.default_rng(9)
    sightings = sightings_of(rng, np.zeros((3, 4)), error=0.0, lost=0.0)
    sightings.errors[:, 1:] = 100.0
    sightings.positions[0] += [1.0, 0.0]
    sightings.positions[0, 1:] += [5.0, 0.0]
    solution = solve_ensemble(sightings, free_parameters(3, 2))
    assert solution.parameters[1, 0] - solution.parameters[0, 0] == pytest.approx(1.0, abs=0.01)


def test_stars_of_one_frame_have_no_say():
    positions = np.full((2, 3, 2), np.nan)
    positions[0, 0] = positions[1, 1] = [1.0, 2.0]
    solution = solve_ensemble(Sightings(positions, np.ones((2, 3))), free_parameters(2, 2))
    np.testing.assert_array_equal(solution.n_matched, [0, 0])
    np.testing.assert_array_equal(solution.parameters, 0)
    assert np.isnan(solution.rms).all()
