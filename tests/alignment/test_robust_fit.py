import numpy as np
import pytest
from scipy.optimize import least_squares

from emirimg.alignment._robust_fit import robust_fit


def decay(rng):
    """A noisy exponential with some wild values, and the slopes of its parameters."""
    t = np.linspace(0, 5, 200)
    values = 20 * np.exp(-t / 1.5) + 3 + rng.normal(size=t.size)
    values[::9] += 30

    def model(p):
        fall = np.exp(-t * p[1])
        return p[0] * fall + p[2] - values, np.array([fall, -p[0] * t * fall, np.ones_like(t)])

    return model


@pytest.mark.parametrize(
    ("low", "high"),
    [([-np.inf] * 3, [np.inf] * 3), ([0.0, 0.1, 4.0], [50.0, 0.5, 9.0])],
)
def test_the_fit_is_that_of_scipy(low, high):
    model, start = decay(np.random.default_rng(1)), np.array([10.0, 0.3, 5.0])
    want = least_squares(
        lambda p: model(p)[0], start, jac=lambda p: model(p)[1].T, bounds=(low, high),
        loss="soft_l1", xtol=1e-12, ftol=1e-12,
    )  # fmt: skip
    found = robust_fit(model, start, np.array(low), np.array(high))
    np.testing.assert_allclose(found, want.x, rtol=1e-3)
    assert np.sum(np.sqrt(1 + model(found)[0] ** 2) - 1) <= want.cost * (1 + 1e-6)


def test_wild_values_hardly_count():
    found = robust_fit(
        decay(np.random.default_rng(2)),
        np.array([10.0, 0.3, 5.0]),
        *np.full((2, 3), [[-99], [99]]),
    )
    np.testing.assert_allclose(found, [20, 1 / 1.5, 3], rtol=0.15)


def test_a_parameter_that_tells_nothing_stays():
    def model(p):
        return np.array([p[0] - 3, 2 * p[0] - 6]), np.array([[1.0, 2.0], [0.0, 0.0]])

    found = robust_fit(model, np.array([0.0, 7.0]), np.full(2, -9.0), np.full(2, 9.0))
    np.testing.assert_allclose(found, [3, 7], atol=1e-6)
