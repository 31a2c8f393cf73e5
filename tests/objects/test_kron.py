import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from photutils.segmentation import SegmentationImage, SourceCatalog, detect_sources

from emirimg.objects import make_catalogue
from emirimg.objects.kron import kron_fluxes, kron_magnitudes

from .mosaics import SHAPE, moffat, mosaic_of, random_sources, sources


@pytest.fixture(scope="module")
def crowded():
    """An image whose sources have neighbours, bad pixels and edges; with mask and labels."""
    rng = np.random.default_rng(7)
    x, y = rng.uniform(0, SHAPE[::-1], (150, 2)).T
    image = sources(x, y, 10 ** rng.uniform(3.5, 5, 150)) + rng.normal(0, 5, SHAPE)
    image += moffat(SHAPE, 3, 100, 2e5, 5.0, ratio=1.7) + moffat(SHAPE, 240, 297, 2e5, 5.0)
    image = image.astype(np.float32)
    mask = rng.random(SHAPE) < 0.01
    image[mask] = 1e5
    return image, mask, detect_sources(image, 25.0, 6, mask=mask).data


def by_photutils(image, mask, labels):
    return SourceCatalog(image, SegmentationImage(labels), mask=mask).kron_flux


def test_fluxes_are_those_of_photutils(crowded):
    found, expected = kron_fluxes(*crowded), by_photutils(*crowded)
    assert len(found) > 80
    assert_allclose(found, expected, rtol=0.01)
    assert np.median(np.abs(found / expected - 1)) < 1e-4


def test_fluxes_do_not_depend_on_which_sources_are_measured_together(crowded, monkeypatch):
    together = kron_fluxes(*crowded)
    monkeypatch.setattr("emirimg.objects.kron._TOGETHER", 5000)
    assert_array_equal(kron_fluxes(*crowded), together)


def test_numbers_may_be_left_out(crowded):
    image, mask, labels = crowded
    left = np.where(labels % 3 == 0, labels, 0)
    assert_allclose(kron_fluxes(image, mask, left), by_photutils(image, mask, left), rtol=0.01)


def test_flux_within_a_round_source_is_that_of_its_profile():
    # The mean radius of a Gaussian of unit width is sqrt(pi / 2): the aperture is the least one.
    y, x = np.indices(SHAPE)
    profile = np.exp(-((x - 150.3) ** 2 + (y - 140.8) ** 2) / (2 * 6.0**2)).astype(np.float32)
    labels = (profile > 1e-6).astype(int)
    found = kron_fluxes(profile, np.zeros(SHAPE, bool), labels)
    assert_allclose(found, 2 * np.pi * 6.0**2 * (1 - np.exp(-(3.5**2) / 2)), rtol=1e-4)


def test_what_has_no_ellipse_has_no_flux():
    image, labels = np.full((2, 40, 40), 1, np.float32), np.zeros((40, 40), int)
    labels[10:13, 10:13], labels[30, 20:30] = 1, 2
    image[0][labels == 1] = -1
    found = kron_fluxes(image[0], labels < 0, labels)
    assert np.isnan(found[0])
    assert found[1] > 0  # a line has the width of a pixel


def test_beyond_the_largest_radius_there_is_no_flux():
    # A hole takes much of the light away, a ring has much of the moment.
    radius = np.hypot(*(np.indices(SHAPE) - 150))
    image = (radius < 10).astype(np.float32)
    image[(radius > 11) & (radius < 25)] = -0.8
    image[(radius >= 25) & (radius < 30)] = 1.3
    labels = (radius < 10).astype(int)
    assert np.isnan(by_photutils(image, radius < 0, labels))
    assert np.isnan(kron_fluxes(image, radius < 0, labels)).all()


def test_magnitudes_are_those_of_the_catalogue():
    rng = np.random.default_rng(6)
    mosaic = mosaic_of(sources(*random_sources(rng, 12, low=5e3)), rng)
    table = make_catalogue(mosaic, deblend=False, zero_point=26.0)
    found = kron_magnitudes(mosaic, zero_point=26.0)
    assert_allclose(np.sort(found), np.sort(table["mag"]), atol=1e-3)


def test_an_empty_sky_has_no_magnitudes():
    mosaic = mosaic_of(np.zeros(SHAPE), np.random.default_rng(6), sigma=0.0)
    assert kron_magnitudes(mosaic).size == 0
