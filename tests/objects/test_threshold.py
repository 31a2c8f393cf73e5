"""Objects above one threshold, and the brightest of them."""

import numpy as np
import pytest

from emirimg.objects import ThresholdMasker, find_brightest
from emirimg.objects._clipped import clipped_background
from emirimg.objects.threshold import _has_one_peak

from .mosaics import SHAPE, SIGMA, mosaic_of, random_sources, sources


@pytest.fixture
def rng():
    return np.random.default_rng(1)


def test_background_and_noise_between_sources(rng):
    x, y, flux = random_sources(rng, 15)
    j, i = np.indices(SHAPE)
    slope = 0.05 * i + 0.02 * j
    image = sources(x, y, flux) + slope + SIGMA * rng.normal(size=SHAPE)
    background, noise, typical = clipped_background(image.astype("f4"), 64)
    noise = noise()
    assert background.dtype == noise.dtype == np.float32
    assert np.abs(background - slope).mean() < 0.8
    assert typical == pytest.approx(SIGMA, rel=0.06)
    np.testing.assert_allclose(noise, SIGMA, rtol=0.3)


@pytest.mark.parametrize("shape", [(50, 40), (64, 200), (130, 129)])
def test_background_of_small_images(rng, shape):
    image = (7 + rng.normal(size=shape)).astype("f4")
    background, noise, typical = clipped_background(image, 64)
    assert background.shape == noise().shape == shape
    np.testing.assert_allclose(background, 7, atol=0.6)
    assert typical == pytest.approx(1, abs=0.1)


def test_a_constant_image():
    background, _, typical = clipped_background(np.full(SHAPE, 3, dtype="f4"), 64)
    np.testing.assert_allclose(background, 3, atol=1e-5)
    assert typical == 0


def test_objects_are_masked_and_little_of_the_sky(rng):
    x, y, flux = random_sources(rng, 20)
    image = sources(x, y, flux)
    mask = ThresholdMasker()(mosaic_of(image, rng)).mask
    assert mask[image > 5 * SIGMA].mean() > 0.97
    assert mask[image < 0.05 * SIGMA].mean() < 0.03


def test_every_parameter_matters(rng):
    image = sources(*random_sources(rng, 20))
    coverage = np.full(SHAPE, 10, dtype="i2")
    coverage[:, :100] = 2
    mosaic = mosaic_of(image, rng, coverage=coverage)
    masks = [
        ThresholdMasker(**options)(mosaic).mask
        for options in ({}, {"threshold": 3}, {"npixels": 300}, {"min_coverage": 0.3})
    ]
    for number in (1, 2, 3):
        assert (masks[0] & ~masks[number]).any()
        assert not (masks[number] & ~masks[0]).any()
    assert not masks[3][:, :100].any()


def test_the_brightest_are_found_in_order(rng):
    x, y = np.array([[60, 70], [200, 90], [150, 220], [250, 200], [15, 150]]).T + 0.3
    flux = np.array([3e4, 9e4, 6e4, 1e4, 9e5])
    mosaic = mosaic_of(sources(x, y, flux), rng)
    found = find_brightest(mosaic, 3, border=30)
    np.testing.assert_allclose(found, np.column_stack([x, y])[[0, 2, 1]], atol=0.2)
    assert len(find_brightest(mosaic, 20, border=30)) == 4
    np.testing.assert_allclose(find_brightest(mosaic, 1, border=5), [[15.3, 150.3]], atol=0.2)
    assert len(find_brightest(mosaic, 3, border=30, max_pixels=20)) == 0
    assert len(find_brightest(mosaic, 3, border=30, threshold=1e4)) == 0
    assert len(find_brightest(mosaic, 3)) == 0  # the border leaves no room


def test_objects_that_touch_are_separated(rng):
    image = sources(np.array([100.0, 111.0]), np.array([150.0, 150.0]), np.array([8e4, 6e4]))
    found = find_brightest(mosaic_of(image, rng), 2, border=30)
    np.testing.assert_allclose(found, [[111, 150], [100, 150]], atol=1)


def test_nothing_is_changed(rng):
    mosaic = mosaic_of(sources(*random_sources(rng, 5)), rng)
    before = mosaic.data.copy()
    find_brightest(mosaic, border=10)
    ThresholdMasker()(mosaic)
    np.testing.assert_array_equal(mosaic.data, before)


@pytest.mark.parametrize(("apart", "is_one"), [(0.0, True), (2.0, True), (11.0, False)])
def test_peaks_that_no_level_divides(apart, is_one):
    x = np.array([100.0, 100.0 + apart])
    image = sources(x, np.array([150.0, 150.0]), np.array([8e4, 6e4])).astype("f4")
    inside = image > 20
    assert _has_one_peak(image, inside) == is_one
    # Peaks elsewhere do not count, plains are no peak.
    image[20:30, 20:30] = 9e9
    assert _has_one_peak(image, inside) == is_one
    assert not _has_one_peak(np.minimum(image, 100), inside)


def test_single_peaks_are_left_to_themselves(rng, monkeypatch):
    mosaic = mosaic_of(sources(*random_sources(rng, 15)), rng)
    found = find_brightest(mosaic, 9, border=10)
    monkeypatch.setattr("emirimg.objects.threshold._has_one_peak", lambda *_: False)
    np.testing.assert_array_equal(find_brightest(mosaic, 9, border=10), found)
