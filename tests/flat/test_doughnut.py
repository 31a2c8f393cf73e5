"""The ring of scattered light."""

import numpy as np
import pytest

from emirimg.flat import DoughnutFit

SHAPE = (201, 190)


def ring(shape=SHAPE):
    y, x = np.indices(shape) - (np.array(shape)[:, None, None] - 1) / 2
    radius, angle = np.hypot(y, x), np.arctan2(y, x)
    return 1 + 0.1 * np.exp(-(((radius - 50) / 12) ** 2)) * (1 + 0.3 * np.sin(angle))


@pytest.fixture
def fit():
    return DoughnutFit(n_radii=60, n_angles=120, window=15)


def test_a_ring_is_found_through_noise_and_stars(fit):
    rng = np.random.default_rng(1)
    truth = ring()
    flat = truth + rng.normal(0, 0.01, SHAPE)
    for y, x in rng.integers(5, 185, (15, 2)):
        flat[y - 2 : y + 3, x - 2 : x + 3] += 0.5
    found = fit(flat, np.zeros(SHAPE, dtype=bool))
    assert found.dtype == np.float32
    y, x = np.indices(SHAPE) - (np.array(SHAPE)[:, None, None] - 1) / 2
    radius = np.hypot(y, x)
    error = found - truth
    assert error[radius > 10].std() < 0.006
    assert abs(error[radius > 10].mean()) < 0.002
    assert np.abs(error[radius > 20]).max() < 0.1


def test_smooth_light_is_followed_exactly(fit):
    y, x = np.indices(SHAPE) - (np.array(SHAPE)[:, None, None] - 1) / 2
    truth = 1 + 0.001 * np.hypot(x, y)
    found = fit(truth, np.zeros(SHAPE, dtype=bool))
    inner = (np.hypot(x, y) > 5) & (np.hypot(x, y) < 90)
    np.testing.assert_allclose(found[inner], truth[inner], atol=6e-4)


def test_masked_pixels_do_not_count(fit):
    truth = ring()
    mask = np.zeros(SHAPE, dtype=bool)
    mask[:30] = mask[:, :20] = True
    expected = fit(truth, mask)
    found = fit(np.where(mask, np.nan, truth), mask)
    np.testing.assert_array_equal(found, expected)
    assert np.isfinite(found).all()
    np.testing.assert_allclose(found[mask], 1, atol=0.05)


def test_without_pixels_it_is_flat(fit):
    assert (fit(ring(), np.ones(SHAPE, dtype=bool)) == 1).all()


def test_every_parameter_matters():
    flat = ring() + np.random.default_rng(1).normal(0, 0.01, SHAPE)
    mask = np.zeros(SHAPE, dtype=bool)
    default = DoughnutFit(n_radii=60, n_angles=120)(flat, mask)
    for other in (
        DoughnutFit(n_radii=30, n_angles=120),
        DoughnutFit(n_radii=60, n_angles=60),
        DoughnutFit(n_radii=60, n_angles=120, window=3),
    ):
        assert not np.allclose(other(flat, mask), default, atol=1e-4)


def test_input_is_not_changed_and_it_can_be_typed_back(fit):
    flat, mask = ring(), np.zeros(SHAPE, dtype=bool)
    fit(flat, mask)
    np.testing.assert_array_equal(flat, ring())
    assert not mask.any()
    assert eval(repr(fit)) == fit


def test_an_even_window_is_refused():
    with pytest.raises(ValueError, match="window must be odd, got 20"):
        DoughnutFit(window=20)
