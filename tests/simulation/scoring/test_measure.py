"""Measurements against profiles and noise that are known."""

import numpy as np
import pytest

from emirimg.simulation import MoffatPSF
from emirimg.simulation.profiles import psf_image
from emirimg.simulation.rendering import add_moffats
from emirimg.simulation.scoring.measure import (
    annulus_level,
    aperture_sum,
    disc_sum,
    fit_moffat,
    matched_filter,
    matched_noise,
    robust_rms,
    sample,
    windowed_centroid,
)

TO_SKY = 0.2 * np.diag([-1.0, 1.0])
CENTRE = np.array([[40.0, 40.0]])


@pytest.mark.parametrize("place", [(30.0, 31.0), (30.37, 30.81), (29.5, 30.5)])
def test_centroid_of_a_star(place):
    image = np.full((61, 61), 7.0, dtype=np.float32)
    matrix = np.array([[[0.07, 0.01], [0.01, 0.06]]])
    x, y = (np.array([value]) for value in place)
    add_moffats(image, x, y, np.array([1000.0]), matrix, 3.0, np.array([1e6]))
    found = windowed_centroid(image, np.array([30.0, 30.0]), 4.0, 7.0)
    np.testing.assert_allclose(found, place, atol=3e-3)


@pytest.mark.parametrize(("fwhm", "ellipticity"), [(0.8, 0.0), (0.9, 0.2), (1.2, 0.1)])
def test_fit_of_a_star(fwhm, ellipticity):
    image = psf_image(MoffatPSF(fwhm, 3.0, ellipticity, 30.0), TO_SKY, 40)
    width, shape = fit_moffat(1000 * image + 5, CENTRE[0], 4.0, 5.0)
    assert width == pytest.approx(fwhm / 0.2, rel=0.03)  # pixels broaden it a little
    assert shape == pytest.approx(ellipticity, abs=0.02)


def test_fit_sees_a_small_broadening():
    sharp, broad = (
        fit_moffat(psf_image(MoffatPSF(fwhm, 3.0), TO_SKY, 40), CENTRE[0], 4.0, 0.0)[0]
        for fwhm in (0.8, 0.808)
    )
    assert broad / sharp == pytest.approx(1.01, abs=5e-4)


def test_annulus_ignores_a_few_bright_pixels():
    random = np.random.default_rng(1)
    image = 10 + random.normal(size=(81, 81))
    image[40 + 18, 35:45] = 500
    assert annulus_level(image, CENTRE, 4.0, None)[0] == pytest.approx(10, abs=0.1)
    mask = np.ones(image.shape, dtype=bool)
    mask[:, :40] = False
    image[:, 40:] = 99
    assert annulus_level(image, CENTRE, 4.0, mask)[0] == pytest.approx(10, abs=0.15)


def test_noise_of_discs_is_that_of_their_pixels():
    random = np.random.default_rng(2)
    image = random.normal(0, 3.0, (400, 400))
    places = random.integers(10, 390, (4000, 2))
    sums = disc_sum(image, places, 4.1)
    expected = np.sqrt(disc_sum(np.full(image.shape, 9.0), places, 4.1))
    assert robust_rms(sums / expected) == pytest.approx(1, abs=0.04)


def test_disc_and_aperture_hold_the_same_pixels():
    image = np.zeros((31, 41))
    image[12:19, 17:24] = 1.0  # within 4.9 pixels of (20, 15)
    places = np.array([[20, 15]])
    assert disc_sum(image, places, 6.0)[0] == 49
    assert aperture_sum(image, places, 6.0)[0] == pytest.approx(49)
    assert disc_sum(image, places, 1.0)[0] == 5
    assert aperture_sum(np.ones((31, 41)), places, 4.1)[0] == pytest.approx(np.pi * 4.1**2)


def test_noise_of_the_matched_filter():
    random = np.random.default_rng(3)
    image = random.normal(0, 2.0, (600, 600)).astype(np.float32)
    smooth = matched_filter(image, 4.1)[20:-20, 20:-20]
    predicted = matched_noise(np.full(image.shape, 4.0), 4.1)[20:-20, 20:-20]
    assert smooth.std() == pytest.approx(predicted.mean(), rel=0.02)
    np.testing.assert_allclose(predicted, predicted[0, 0], rtol=1e-3)


def test_sample_between_pixels():
    y, x = np.mgrid[:40, :40]
    image = np.sin(x / 5.0) + np.cos(y / 6.0)
    places = np.array([[12.3, 20.7], [25.5, 8.25]])
    expected = np.sin(places[:, 0] / 5) + np.cos(places[:, 1] / 6)
    np.testing.assert_allclose(sample(image, places), expected, atol=1e-4)


def test_robust_rms():
    values = np.random.default_rng(4).normal(0, 2, 20000)
    values[:50] = 1e6
    assert robust_rms(values) == pytest.approx(2, rel=0.03)
    assert np.isnan(robust_rms(np.array([])))
