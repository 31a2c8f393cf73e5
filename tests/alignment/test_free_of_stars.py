"""Normal equations free of the places of stars against least squares for everything."""

import numpy as np
import pytest

from emirimg.alignment._free_of_stars import FrameEquations

N_FRAMES, N_STARS = 6, 30


@pytest.fixture
def equations():
    rng = np.random.default_rng(2)
    seen = rng.random((N_STARS, N_FRAMES)) < 0.7
    seen[:, :2] = True
    seen[:, 4] = False  # a frame without a star
    star, frame = np.nonzero(seen)
    n = len(star)
    return FrameEquations(
        rng.normal(size=(n, 2, 4)),
        rng.normal(size=(n, 2)),
        rng.uniform(0.5, 2.0, n),
        frame,
        star,
        N_FRAMES,
    )


def dense(equations, n_free, chosen):
    """The shortest solution for parameters, shifts and places of stars, along both axes."""
    n = int(chosen.sum())
    size = n_free + 2 * (N_FRAMES + N_STARS)
    rows = np.zeros((2, n, size))
    for axis in range(2):
        rows[axis, :, :n_free] = equations.slopes[chosen, axis, :n_free]
        first = n_free + axis * (N_FRAMES + N_STARS)
        rows[axis, np.arange(n), first + equations.frame[chosen]] = 1
        rows[axis, np.arange(n), first + N_FRAMES + equations.star[chosen]] = 1
    root = np.sqrt(equations.weights[chosen])
    right = (equations.values[chosen].T * root).ravel()
    found = np.linalg.lstsq((rows * root[:, None]).reshape(2 * n, size), right)[0]
    left = right.reshape(2, n) - (rows @ found) * root
    return found, (left**2).sum(axis=0)


@pytest.mark.parametrize("n_free", [0, 1, 4])
@pytest.mark.parametrize("some", [False, True])
def test_parameters_and_deviations_are_those_of_all_unknowns(equations, n_free, some):
    chosen = equations.star % 5 != 0 if some else np.ones(len(equations.star), dtype=bool)
    solution = equations.solve(n_free, chosen)
    expected, deviations = dense(equations, n_free, chosen)
    np.testing.assert_allclose(solution[0, :n_free], expected[:n_free], atol=1e-9)
    np.testing.assert_array_equal(solution[0, :4], solution[1, :4])
    assert not solution[:, n_free:4].any()
    np.testing.assert_allclose(solution[:, 4 + 4], 0, atol=1e-12)
    np.testing.assert_allclose(equations.deviations(solution)[chosen], deviations, atol=1e-9)
