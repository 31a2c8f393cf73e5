import numpy as np
import pytest

from emirimg.flat import star_fluxes

FWHM = 4.0


def draw(x, y, flux, *, fwhm=FWHM, beta=3.0, size=64, oversampling=5):
    """Return a Moffat star, integrated over pixels."""
    fine = (np.arange(size * oversampling) + 0.5) / oversampling - 0.5
    alpha2 = (fwhm / 2) ** 2 / (2 ** (1 / beta) - 1)
    r2 = (fine - x) ** 2 + (fine[:, None] - y) ** 2
    profile = (1 + r2 / alpha2) ** -beta * (beta - 1) / (np.pi * alpha2)
    tiles = profile.reshape(size, oversampling, size, oversampling)
    return (flux * tiles.mean(axis=(1, 3))).astype("f4")


def inside(radius, *, fwhm=FWHM, beta=3.0):
    """Return the part of a Moffat star within a radius (analytic)."""
    alpha2 = (fwhm / 2) ** 2 / (2 ** (1 / beta) - 1)
    return 1 - (1 + radius**2 / alpha2) ** (1 - beta)


def measure(data, x, y, mask=None, **options):
    mask = np.zeros(data.shape, dtype=bool) if mask is None else mask
    variance = np.full(data.shape, 4.0, "f4")
    options.setdefault("fwhm", np.array([FWHM]))
    flux, error = star_fluxes(data, mask, variance, np.array([x]), np.array([y]), **options)
    return flux[0], error[0]


@pytest.mark.parametrize("x", [30.0, 30.3, 30.5])
@pytest.mark.parametrize("y", [31.0, 31.77])
def test_the_flux_in_the_aperture(x, y):
    flux, error = measure(draw(x, y, 1e4), x, y)
    assert flux == pytest.approx(1e4 * inside(6.0), rel=4e-3)
    assert error == pytest.approx(np.sqrt(4 * np.pi * 36), rel=0.04)


def test_the_radius_changes_the_result():
    flux, _ = measure(draw(30, 30, 1e4), 30, 30, radius=2.5)
    assert flux == pytest.approx(1e4 * inside(10.0), rel=2e-3)


def test_a_wide_aperture_hardly_asks_how_wide_the_star_is():
    ratios = []
    for radius in (1.5, 2.5):
        assumed = [FWHM, FWHM * 1.05]
        fluxes = [
            measure(draw(30, 30, 1e4), 30, 30, radius=radius, fwhm=np.array([fwhm]))[0]
            for fwhm in assumed
        ]
        ratios.append(fluxes[1] / fluxes[0] - 1)
    assert ratios[0] > 0.01
    assert abs(ratios[1]) < 0.004


@pytest.mark.parametrize("beta", [2.5, 4.0])
def test_bad_pixels_are_filled_whatever_the_true_profile(beta):
    data = draw(30.2, 30.4, 1e4, beta=beta)
    clean, _ = measure(data, 30.2, 30.4)
    mask = np.zeros(data.shape, dtype=bool)
    mask[31, 31] = mask[28, 33] = True
    data[mask] = np.nan
    assert measure(data, 30.2, 30.4, mask)[0] == pytest.approx(clean, rel=5e-3)


def test_a_star_whose_core_is_gone_is_given_up():
    mask = np.zeros((64, 64), dtype=bool)
    mask[29:32, 29:32] = True
    assert np.isnan(measure(draw(30, 30, 1e4), 30, 30, mask)).all()


@pytest.mark.parametrize(("x", "y"), [(5, 30), (30, 60), (-100, 30), (np.nan, 30)])
def test_a_star_at_the_edge_is_given_up(x, y):
    assert np.isnan(measure(draw(30, 30, 1e4), x, y)).all()


def test_the_error_is_the_scatter():
    rng = np.random.default_rng(1)
    fluxes = [measure(rng.normal(0, 2, (64, 64)).astype("f4"), 30.3, 30.6)[0] for _ in range(600)]
    _, error = measure(np.zeros((64, 64), "f4"), 30.3, 30.6)
    assert np.std(fluxes) == pytest.approx(error, rel=0.1)


def test_the_input_is_not_changed():
    data = draw(30, 30, 1e4)
    before = data.copy()
    measure(data, 30, 30)
    np.testing.assert_array_equal(data, before)
