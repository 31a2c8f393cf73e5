"""A perfect mosaic is perfect, and every fault moves the figure that is made for it."""

import json
from dataclasses import replace

import numpy as np
import pytest
from astropy.io.fits import Header
from scipy.ndimage import gaussian_filter, map_coordinates

from emirimg.combine.mosaic import Mosaic
from emirimg.exceptions import InputError
from emirimg.simulation import FIGURES, Score, ScoredImage, perfect_mosaic, score
from emirimg.simulation.scoring.photometry import cell_rms


@pytest.fixture(scope="module")
def whole(image, ideal):
    return score(ideal.observed(), ideal.truth, unrejected=image)


def test_perfect_mosaic(values):
    assert values["fwhm_ratio"] == pytest.approx(1, abs=0.004)
    assert values["astrometry"] < 2.0
    assert values["scatter"] < 0.5
    assert abs(values["depth_loss"]) < 0.05
    assert abs(values["snr_loss"]) < 0.05
    assert values["false_detections"] == 0
    assert values["purity"] == 1
    assert values["noise_claimed"] == pytest.approx(1, abs=0.04)
    assert values["flux_kept"] == pytest.approx(100)


def test_blur_costs_width_and_signal(values, image, ideal, rescore):
    lost = ideal.model - gaussian_filter(ideal.model, 0.8)
    blurred = rescore(replace(image, data=image.data - lost))
    assert blurred["fwhm_ratio"] > values["fwhm_ratio"] + 0.05
    assert blurred["snr_loss"] > values["snr_loss"] + 0.03


def test_elongation_is_seen(values, image, rescore):
    smeared = rescore(replace(image, data=gaussian_filter(image.data, (0.0, 1.2))))
    assert smeared["ellipticity"] > values["ellipticity"] + 0.05


def test_warp_costs_astrometry(values, image, rescore):
    y, x = np.mgrid[: image.data.shape[0], : image.data.shape[1]].astype(float)
    wave = 0.05 * np.sin(x / 20)
    warped = map_coordinates(np.array(image.data), [y, x + wave], order=3)
    found = rescore(replace(image, data=np.where(image.mask, 0, warped)))
    assert found["astrometry"] == pytest.approx(
        np.hypot(values["astrometry"], 0.05 / 2 * 194.3), rel=0.25
    )


def test_scale_error_is_gone_after_an_affine(values, image, rescore):
    wcs = image.wcs.deepcopy()
    wcs.wcs.cd = wcs.wcs.cd * 1.0005
    found = rescore(replace(image, wcs=wcs))
    assert found["astrometry"] > 2 * values["astrometry"]
    assert found["astrometry_affine"] == pytest.approx(values["astrometry_affine"], rel=0.1)


def test_slope_of_the_response_costs_photometry(values, image, rescore):
    x = np.linspace(-1, 1, image.data.shape[1], dtype=np.float32)
    tilted = rescore(replace(image, data=image.data * (1 + 0.03 * x)))
    assert tilted["scatter"] > 2 * values["scatter"]


@pytest.mark.parametrize("unit", [0.2, 30.0])
def test_unit_of_the_image_does_not_matter(values, image, rescore, unit):
    found = rescore(replace(image, data=image.data * unit, variance=image.variance * unit**2))
    for name, value in values.items():
        if name != "flux_kept":
            assert found[name] == pytest.approx(value, rel=1e-3, abs=1e-3, nan_ok=True), name


def test_noise_costs_depth(values, image, ideal, rescore, random):
    sigma = np.sqrt(np.where(image.mask, 0, ideal.variance))
    noisy = image.data + 0.5 * sigma * random.standard_normal(sigma.shape)
    found = rescore(replace(image, data=noisy))
    expected = 2.5 * np.log10(np.sqrt(1.25))
    assert found["depth_loss"] - values["depth_loss"] == pytest.approx(expected, abs=0.03)
    assert found["snr_loss"] - values["snr_loss"] == pytest.approx(expected, abs=0.03)
    assert found["noise_claimed"] / values["noise_claimed"] == pytest.approx(
        np.sqrt(1.25), rel=0.03
    )


def test_claimed_noise(values, image, rescore):
    understated = rescore(replace(image, variance=image.variance / 4))
    assert understated["noise_claimed"] == pytest.approx(2 * values["noise_claimed"], rel=1e-5)
    admitted = rescore(replace(image, variance=image.variance / 4, correlated_noise=2.0))
    assert admitted["noise_claimed"] == pytest.approx(values["noise_claimed"], rel=1e-5)
    silent = rescore(replace(image, variance=None))
    assert np.isnan(silent["noise_claimed"])


def test_uneven_background_is_seen(values, image, rescore):
    y = np.arange(image.data.shape[0])[:, None]
    waves = (3 * np.sin(y / 50)).astype(np.float32)
    found = rescore(replace(image, data=np.where(image.mask, 0, image.data + waves)))
    assert found["background"] > values["background"] + 1
    assert found["background_border"] > values["background_border"] + 1


def test_false_sources_are_seen(image, field, rescore):
    places = field.empty_places(6 * field.fwhm, field.area(0.7), 5)
    data = image.data.copy()
    for x, y in places:
        data[y - 1 : y + 2, x - 1 : x + 2] += 400
    found = rescore(replace(image, data=data))
    assert found["false_detections"] == 5
    assert found["purity"] < 1


def test_rejected_flux_is_seen(image, rescore):
    found = rescore(replace(image, data=image.data * np.float32(0.98)), unrejected=image)
    assert found["flux_kept"] == pytest.approx(98, abs=0.01)


def test_global_shift_is_found_and_removed(values, image, ideal):
    moved = image.moved(np.array([11.3, -6.8]))
    found = score(moved, ideal.truth, perfect=False)
    scale = image.grid.scale.value
    # The image shows everything at the same pixels, but says they lie elsewhere.
    assert found.facts["shift_east"] == pytest.approx(11.3 * scale, abs=0.01)
    assert found.facts["shift_north"] == pytest.approx(6.8 * scale, abs=0.01)
    assert found.values["astrometry"] == pytest.approx(values["astrometry"], rel=0.02)
    assert found.values["depth_loss"] == pytest.approx(values["depth_loss"], abs=0.02)


def test_image_of_something_else(ideal, image, random):
    noise = random.normal(size=image.data.shape).astype(np.float32)
    with pytest.raises(InputError, match="no mosaic of this simulation"):
        score(replace(image, data=noise, mask=None), ideal.truth)


def test_input_is_not_changed(image, ideal):
    data, variance = image.data.copy(), image.variance.copy()
    crpix = image.wcs.wcs.crpix.copy()
    score(image, ideal.truth, perfect=False)
    np.testing.assert_array_equal(image.data, data)
    np.testing.assert_array_equal(image.variance, variance)
    np.testing.assert_array_equal(image.wcs.wcs.crpix, crpix)


def test_planes_must_match(image):
    with pytest.raises(ValueError, match="variance must have the shape of data"):
        ScoredImage(image.data, image.wcs, variance=np.ones((3, 3)))


def test_mosaic_tells_its_correlated_noise(image):
    mosaic = Mosaic(
        image.grid, image.data, image.variance, image.mask,
        np.ones(image.data.shape, np.int16), np.ones(image.data.shape, np.float32),
        Header({"CORRNOIS": 1.1}),
    )  # fmt: skip
    assert ScoredImage.from_mosaic(mosaic).correlated_noise == 1.1


def test_report(whole):
    assert isinstance(whole, Score)
    assert set(whole.values) == {figure.name for figure in FIGURES}
    assert len(whole.table) == len(FIGURES)
    assert set(whole.perfect) == set(whole.values) - {"flux_kept"}
    for name, value in whole.perfect.items():
        assert value == pytest.approx(whole.values[name], rel=0.05, abs=0.05, nan_ok=True)
    text = str(whole)
    assert all(figure.meaning in text for figure in FIGURES)
    assert "shift removed" in text
    assert json.loads(json.dumps(whole.to_dict()))["values"]["purity"] == 1.0


def test_missed_goals_are_named(whole):
    bad = replace(whole, values={**whole.values, "fwhm_ratio": 1.05, "purity": np.nan})
    assert "fwhm_ratio" in bad.failed
    assert "purity" not in bad.failed
    assert "missed" in str(bad)
    assert bad.to_dict()["values"]["purity"] is None


def test_completeness_falls_with_the_magnitude(whole):
    table = whole.completeness
    assert table["fraction"][0] == 1
    assert (np.diff(table["magnitude"]) > 0).all()


def test_perfect_mosaic_is_the_observed_ideal(ideal):
    mosaic = perfect_mosaic(ideal.truth, ideal.grid)
    np.testing.assert_array_equal(mosaic.data, ideal.observed().data)


def test_cells_of_pure_noise_and_of_a_pattern(random):
    positions = random.uniform(0, 1000, (4000, 2))
    error = np.full(4000, 0.02)
    noise = random.normal(1, 0.02, 4000)
    assert cell_rms(noise, error, positions) < 0.001
    pattern = 0.01 * np.where((positions[:, 0] // 167).astype(int) % 2 == 0, 1, -1)
    assert cell_rms(noise + pattern, error, positions) == pytest.approx(0.01, rel=0.15)
    assert np.isnan(cell_rms(noise[:5], error[:5], positions[:5]))
