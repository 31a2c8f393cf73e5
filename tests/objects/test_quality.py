import warnings

import astropy.units as u
import numpy as np
import pytest
from scipy.ndimage import distance_transform_edt, uniform_filter

from emirimg.exceptions import QualityWarning
from emirimg.objects import ObjectMask, SegmentationMasker, measure_quality

from .mosaics import SCALE, SHAPE, SIGMA, mosaic_of, random_sources, sources


def starry_mosaic(rng, number=12, fwhm=4.0, **options):
    x, y, flux = random_sources(rng, number, low=3e4, high=2e5)
    return mosaic_of(sources(x, y, flux, fwhm), rng, **options)


def test_a_clean_mosaic():
    rng = np.random.default_rng(1)
    mosaic = starry_mosaic(rng)
    quality = measure_quality(mosaic)
    assert quality.seeing.to_value(u.arcsec) == pytest.approx(4 * SCALE, rel=0.01)
    assert quality.ellipticity < 0.02
    assert quality.n_stars >= 8
    assert quality.correlated_noise == pytest.approx(1, abs=0.06)
    radius = quality.seeing.to_value(u.arcsec) / SCALE
    noise = SIGMA * np.sqrt(np.pi) * radius
    # A Moffat profile with beta = 3 has this part of its light within the FWHM.
    inside = 1 - (1 + 4 * (2 ** (1 / 3) - 1)) ** -2
    assert quality.depth_flux == pytest.approx(5 * noise / inside, rel=0.07)
    assert quality.depth == pytest.approx(25 - 2.5 * np.log10(quality.depth_flux))
    assert quality.background_rms < 3 * SIGMA * 1.25 / 64
    assert abs(quality.oversubtraction) < 0.05 * SIGMA
    assert abs(quality.oversubtraction) < 4 * quality.oversubtraction_error < 0.3 * SIGMA
    assert quality.oversubtraction_sigma == pytest.approx(
        quality.oversubtraction / SIGMA, rel=0.05
    )
    radii = radius * np.array([0.5, 1, 1.5, 2, 3, 4, 5])
    np.testing.assert_allclose(quality.predicted_noise, SIGMA * np.sqrt(np.pi) * radii, rtol=0.02)


def test_correlated_noise_is_measured():
    rng = np.random.default_rng(2)

    def smooth(noise):
        # Sums over wide apertures keep their variance, single pixels lose 8/9 of it.
        return 3 * uniform_filter(noise, 3)

    quality = measure_quality(starry_mosaic(rng, kernel=smooth))
    assert 2.0 < quality.correlated_noise < 3.0
    ratio = quality.measured_noise / quality.predicted_noise
    # The wider the aperture, the more of the correlation it holds.
    assert ratio[0] < ratio[1] < 1.05 * ratio[3]


def test_the_factor_does_not_depend_on_the_choice_of_apertures():
    rng = np.random.default_rng(12)
    x, y, flux = random_sources(rng, 12, low=3e4, high=2e5)
    mosaic = mosaic_of(sources(x, y, flux, 4.0), rng)
    objects = SegmentationMasker()(mosaic)
    found = [measure_quality(mosaic, objects, seed=seed).correlated_noise for seed in range(6)]
    assert np.std(found) < 0.012


def test_a_star_at_the_depth_has_five_sigma():
    rng = np.random.default_rng(13)
    mosaic = starry_mosaic(rng)
    quality = measure_quality(mosaic)
    star = sources([150.0], [150.0], quality.depth_flux, 4.0)
    j, i = np.mgrid[: SHAPE[0], : SHAPE[1]]
    inside = np.hypot(i - 150, j - 150) <= 4
    noise = SIGMA * np.sqrt(inside.sum())
    # Within 0.05 mag.
    assert star[inside].sum() / noise == pytest.approx(5, rel=0.047)


def test_a_crowded_field_has_a_factor_still():
    rng = np.random.default_rng(14)
    mosaic = starry_mosaic(rng)
    lattice = SegmentationMasker()(mosaic).mask.copy()
    lattice[::7], lattice[:, ::7] = True, True
    with pytest.warns(QualityWarning, match="that of apertures of 1 FWHM"):
        quality = measure_quality(mosaic, ObjectMask(lattice, mosaic.grid))
    assert quality.correlated_noise == pytest.approx(1, abs=0.06)
    assert np.isnan(quality.depth)


def test_uncovered_border_does_not_count():
    rng = np.random.default_rng(3)
    coverage = np.full(SHAPE, 10, dtype="i2")
    coverage[:, 200:] = 6
    mosaic = starry_mosaic(rng, coverage=coverage)
    mosaic.data[:, 200:] += rng.normal(size=(SHAPE[0], SHAPE[1] - 200)) * 10 * SIGMA
    assert measure_quality(mosaic).correlated_noise == pytest.approx(1, abs=0.12)


def test_background_and_oversubtraction():
    rng = np.random.default_rng(4)
    mosaic = starry_mosaic(rng)
    objects = SegmentationMasker()(mosaic)
    # Five columns of blocks, 64 pixels apart.
    tilted = mosaic.data + np.arange(SHAPE[1], dtype="f4") * 2 / 64
    rough = measure_quality(type(mosaic)(**{**vars(mosaic), "data": tilted}), objects)
    assert rough.background_rms == pytest.approx(2 * 1.4826, rel=0.15)
    dug = mosaic.data - 2 * (distance_transform_edt(~objects.mask) <= 8).astype("f4")
    dark = measure_quality(type(mosaic)(**{**vars(mosaic), "data": dug}), objects)
    assert dark.oversubtraction == pytest.approx(2.0, rel=0.15)


def test_no_stars_is_told():
    mosaic = mosaic_of(np.zeros(SHAPE), np.random.default_rng(5))
    with pytest.warns(QualityWarning, match="no isolated bright star"):
        quality = measure_quality(mosaic)
    assert np.isnan(quality.seeing)
    assert np.isnan(quality.correlated_noise)
    assert np.isnan(quality.depth)
    assert np.isfinite(quality.background_rms)
    plain = quality.to_dict()
    assert plain["seeing"] is None
    assert plain["radii"] == []


def test_no_empty_sky_is_told():
    rng = np.random.default_rng(6)
    mosaic = starry_mosaic(rng)
    everything = ObjectMask(np.ones(SHAPE, dtype=bool), mosaic.grid)
    with pytest.warns(QualityWarning, match="too little empty sky"):
        quality = measure_quality(mosaic, everything)
    assert np.isfinite(quality.seeing)
    assert np.isnan(quality.depth)


def test_a_mosaic_without_data():
    empty = np.ones(SHAPE, dtype=bool)
    mosaic = mosaic_of(np.zeros(SHAPE), np.random.default_rng(7), mask=empty)
    with pytest.warns(QualityWarning, match="no isolated bright star"):
        quality = measure_quality(mosaic)
    assert quality.to_dict()["background_rms"] is None


def test_options_and_repetition():
    rng = np.random.default_rng(8)
    mosaic = starry_mosaic(rng)
    objects = SegmentationMasker()(mosaic)
    one, two = (measure_quality(mosaic, objects) for _ in range(2))
    assert one.to_dict() == two.to_dict()
    other = measure_quality(mosaic, objects, seed=2, zero_point=26.0)
    assert other.correlated_noise != one.correlated_noise
    assert other.zero_point == 26.0
    assert other.depth == pytest.approx(one.depth + 1, abs=0.1)


def test_mask_of_another_mosaic():
    rng = np.random.default_rng(9)
    mosaic = starry_mosaic(rng, number=5)
    small = mosaic_of(np.zeros((50, 50)), rng)
    with pytest.raises(ValueError, match="objects must have the shape of the mosaic"):
        measure_quality(mosaic, ObjectMask(small.mask, small.grid))


def test_numbers_are_plain():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        plain = measure_quality(starry_mosaic(np.random.default_rng(10))).to_dict()
    assert plain["seeing"] == pytest.approx(4 * SCALE, rel=0.02)
    for value in plain.values():
        assert type(value) in (float, int, list)
