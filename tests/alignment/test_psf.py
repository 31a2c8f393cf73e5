import numpy as np
import pytest

from emirimg.alignment import find_stars, measure_psf, psf_stars
from emirimg.alignment.psf import MoffatPSF, _moffat

from .star_fields import draw_stars, with_noise

SHAPE = (256, 256)


def field(rng, fwhm, beta=3.0, **shape):
    x, y = np.meshgrid(np.arange(25, 240, 36), np.arange(25, 240, 36))
    x, y = (c.ravel() + rng.uniform(-0.5, 0.5, c.size) for c in (x, y))
    image = draw_stars(SHAPE, x, y, 1e5, fwhm, beta=beta, **shape)
    return image, x, y


@pytest.mark.parametrize("beta", [2.5, 4.0])
@pytest.mark.parametrize("fwhm", [3.0, 5.0])
def test_moffat_profile_is_recovered(fwhm, beta):
    rng = np.random.default_rng(1)
    image, _, _ = field(rng, fwhm, beta, ellipticity=0.15, angle=0.6)
    noisy, variance = with_noise(image, rng)
    psf = measure_psf(noisy, None, find_stars(noisy, None, variance))
    # A square pixel has a variance of 1/12: the profile is a little broadened.
    assert psf.fwhm == pytest.approx(fwhm + 0.23 / fwhm, rel=0.02)
    assert psf.beta == pytest.approx(beta, rel=0.15)
    assert psf.ellipticity == pytest.approx(0.15, abs=0.02)
    assert psf.angle == pytest.approx(0.6, abs=0.05)
    assert psf.n_stars > 20


def test_bad_pixels_and_neighbours_do_not_matter():
    rng = np.random.default_rng(2)
    image, x, y = field(rng, 4.0)
    clean, variance = with_noise(image, rng)
    want = measure_psf(clean, None, find_stars(clean, None, variance)).fwhm
    mask = rng.random(SHAPE) < 0.02
    dirty = clean.copy()
    dirty[mask] = 1e5
    dirty += draw_stars(SHAPE, x[:6] + 15, y[:6], 3e3, 4.0).astype("f4")
    dirty += draw_stars(SHAPE, x[7:9], y[7:9], 1e5, 9.0).astype("f4")
    found = measure_psf(dirty, mask, find_stars(dirty, mask, variance))
    assert found.fwhm == pytest.approx(want, rel=0.006)


def test_light_within_a_circle():
    psf = MoffatPSF(4.0, 3.0, 0.0, 0.0, 1)
    image = draw_stars((601, 601), [300.0], [300.0], 1.0, 4.0, beta=3.0, oversample=1, reach=80)
    j, i = np.mgrid[:601, :601]
    for radius in (20, 40):
        inside = image[np.hypot(i - 300, j - 300) <= radius].sum()
        assert psf.enclosed(radius) == pytest.approx(inside, abs=0.002)


def test_no_star():
    noise = np.random.default_rng(3).normal(size=SHAPE).astype("f4")
    psf = measure_psf(noise, None, find_stars(noise))
    assert psf.n_stars == 0
    assert np.isnan([psf.fwhm, psf.beta, psf.ellipticity, psf.angle]).all()


def test_options_of_the_choice_of_stars():
    rng = np.random.default_rng(4)
    image, _, _ = field(rng, 4.0)
    noisy, variance = with_noise(image, rng)
    stars = find_stars(noisy, None, variance)
    assert len(psf_stars(stars, max_stars=5)) == 5
    assert len(psf_stars(stars, least_sn=1e6)) == 0


def test_faint_stars_among_brighter_galaxies():
    rng = np.random.default_rng(7)
    x, y = np.meshgrid(np.arange(25, 240, 36), np.arange(25, 240, 36))
    x, y = (c.ravel() + rng.uniform(-0.5, 0.5, c.size) for c in (x, y))
    which = rng.permutation(x.size)
    image = draw_stars(SHAPE, x[which[:8]], y[which[:8]], 1e4, 4.0)
    for galaxy, fwhm in zip(which[8:12], (5.6, 6.2, 5.4, 7.0), strict=True):
        image += draw_stars(SHAPE, x[galaxy : galaxy + 1], y[galaxy : galaxy + 1], 8e4, fwhm)
    noisy, variance = with_noise(image, rng)
    stars = find_stars(noisy, None, variance)
    assert 15 < np.median(stars.flux / stars.flux_error) < 30
    psf = measure_psf(noisy, None, stars)
    assert psf.n_stars >= 6
    assert psf.fwhm == pytest.approx(4.06, rel=0.05)


def test_slopes_of_the_profile():
    rng = np.random.default_rng(5)
    dx, dy = rng.uniform(-8, 8, (2, 50))
    p = np.array([2.0, 0.1, 0.3, 0.05, 0.2, 0.35])
    for index, slope in enumerate(_moffat(p, dx, dy)[1]):
        step = np.zeros(6)
        step[index] = 1e-6
        want = (_moffat(p + step, dx, dy)[0] - _moffat(p - step, dx, dy)[0]) / 2e-6
        np.testing.assert_allclose(slope, want, atol=1e-7)


def test_a_gaussian_star():
    rng = np.random.default_rng(6)
    j, i = np.mgrid[:128, :128]
    image = sum(
        1e4 * np.exp(-0.5 * ((i - x) ** 2 + (j - y) ** 2) / 2**2)
        for x, y in [(30.2, 30.4), (90.1, 40.6), (60.5, 95.3)]
    )
    noisy, variance = with_noise(image, rng)
    psf = measure_psf(noisy, None, find_stars(noisy, None, variance))
    assert psf.fwhm == pytest.approx(2 * 2.3548, rel=0.01)
    assert psf.beta > 15
