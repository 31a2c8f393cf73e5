import numpy as np

from emirimg.alignment.transparency import relative_transparency


def test_transparency_is_recovered():
    rng = np.random.default_rng(1)
    true = np.array([1.0, 0.97, 1.0, 0.6, 0.85, 1.0])
    flux = true[:, None] * np.exp(rng.uniform(7, 11, 80))
    error = 0.01 * flux
    flux = flux + error * rng.normal(size=flux.shape)
    flux[rng.random(flux.shape) < 0.3] = np.nan
    flux[rng.random(flux.shape) < 0.05] *= 3
    np.testing.assert_allclose(relative_transparency(flux, error), true, atol=0.006)


def test_a_noisy_frame_does_not_set_the_level():
    rng = np.random.default_rng(2)
    flux = np.tile(np.exp(rng.uniform(7, 11, 60)), (6, 1))
    error = 0.005 * flux
    error[2] = 0.5 * flux[2]
    flux = flux + 0.005 * flux * rng.normal(size=flux.shape)
    flux[2, 4:] = np.nan
    flux[2, :4] *= 1.4
    found = relative_transparency(flux, error)
    np.testing.assert_allclose(np.delete(found, 2), 1, atol=0.006)


def test_unknown_is_one():
    flux = np.full((3, 10), np.nan)
    flux[0], flux[1] = 100.0, 50.0
    flux[2, :2] = 20.0
    found = relative_transparency(flux, 0.01 * flux)
    np.testing.assert_allclose(found, [1, 0.5, 1], atol=1e-3)
    np.testing.assert_array_equal(relative_transparency(flux[:1], flux[:1]), [1])
    np.testing.assert_array_equal(relative_transparency(flux[:, :0], flux[:, :0]), [1, 1, 1])
