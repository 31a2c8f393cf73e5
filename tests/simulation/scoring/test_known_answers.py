"""A fault of known size gives the figure that arithmetic says."""

from dataclasses import replace

import numpy as np
import pytest
from astropy.wcs import WCS
from scipy.ndimage import gaussian_filter

from emirimg.projection.grid import MosaicGrid
from emirimg.simulation import ScoredImage, perfect_mosaic, score
from emirimg.simulation.pointing import jacobian
from emirimg.simulation.profiles import draw_catalogue, psf_image
from emirimg.simulation.scoring.measure import fit_moffat, robust_rms


@pytest.mark.parametrize("sigma", [0.4, 0.8])
def test_known_blur(sigma, values, image, ideal, field, rescore):
    blurred = image.data + gaussian_filter(ideal.model, sigma) - ideal.model
    found = rescore(replace(image, data=blurred))
    truth = ideal.truth
    to_sky = jacobian(image.wcs, *np.array([[200.0], [200.0]]))[0]
    psfs = [psf_image(truth.psf(k), to_sky, 40) for k in range(truth.scene.n_exposures)]
    mean = np.tensordot(truth.weights, psfs, axes=1)
    centre = np.array([40.0, 40.0])
    sharp, broad = (
        fit_moffat(one, centre, field.fwhm, 0.0)[0] for one in (mean, gaussian_filter(mean, sigma))
    )
    assert found["fwhm_ratio"] / values["fwhm_ratio"] == pytest.approx(broad / sharp, abs=2e-3)


def test_known_gradient(values, image, field, rescore):
    x = np.linspace(-1, 1, image.data.shape[1], dtype=np.float32)
    found = rescore(replace(image, data=image.data * (1 + 0.05 * x)))
    stars = field.positions[field.stars_in(0.7)]
    factors = np.interp(stars[:, 0], np.arange(x.size), 1 + 0.05 * x)
    expected = 100 * robust_rms(factors) / np.median(factors)
    assert found["scatter"] == pytest.approx(expected, rel=0.1)
    assert values["scatter"] < 0.2 * expected


def test_known_noise(values, image, ideal, rescore):
    noise = image.data - np.where(image.mask, 0, ideal.model)
    found = rescore(replace(image, data=image.data + np.float32(0.1) * noise))
    for name in ("noise_claimed", "noise_claimed_border"):
        assert found[name] / values[name] == pytest.approx(1.1, abs=2e-3)
    for name in ("depth_loss", "snr_loss", "snr_loss_border"):
        assert found[name] - values[name] == pytest.approx(2.5 * np.log10(1.1), abs=3e-3)
    for name in ("background", "background_border"):
        assert found[name] / values[name] == pytest.approx(1.1, abs=2e-3)


def test_known_jitter_of_positions(values, image, ideal, field, rescore, random):
    """Half of the stars are moved by 0.1 pixel to the right."""
    truth = ideal.truth
    catalogue = truth.catalogue.copy()
    moved = random.uniform(size=len(catalogue)) < 0.5
    x, y = image.wcs.wcs_world2pix(catalogue["ra"].value, catalogue["dec"].value, 0)
    ra, dec = image.wcs.wcs_pix2world(x + 0.1 * moved, y, 0)
    catalogue["ra"], catalogue["dec"] = ra * catalogue["ra"].unit, dec * catalogue["dec"].unit
    before, after = (np.zeros(image.data.shape, np.float32) for _ in range(2))
    for index, weight in enumerate(truth.weights):
        draw_catalogue(before, image.wcs, truth.catalogue, truth.psf(index), scale=weight)
        draw_catalogue(after, image.wcs, catalogue, truth.psf(index), scale=weight)
    found = rescore(replace(image, data=np.where(image.mask, 0, image.data + after - before)))
    # They scatter in x, and not in y.
    in_x = np.std(0.1 * moved[field.stars_in(0.7)], ddof=1)
    expected = np.hypot(in_x * image.grid.scale.to_value("mas") / np.sqrt(2), values["astrometry"])
    assert found["astrometry"] == pytest.approx(expected, rel=0.1)


@pytest.mark.parametrize("scale", [0.12, 0.25])
def test_perfect_on_any_grid(scale, values, ideal):
    wcs = WCS(naxis=2)
    wcs.wcs.ctype, wcs.wcs.crval = ["RA---TAN", "DEC--TAN"], ideal.grid.wcs.wcs.crval
    size = round(440 * 0.1943 / scale)
    wcs.wcs.crpix = [size / 2, size / 2]
    cos, sin = np.cos(0.5), np.sin(0.5)
    wcs.wcs.pc = [[cos, -sin], [sin, cos]]
    wcs.wcs.cdelt = [-scale / 3600, scale / 3600]
    mosaic = perfect_mosaic(ideal.truth, MosaicGrid(wcs, (size, size)))
    image = ScoredImage.from_mosaic(mosaic)
    in_other_unit = replace(image, data=image.data * 7, variance=image.variance * 49)
    found = score(in_other_unit, ideal.truth, perfect=False)
    assert found.facts["flux_scale"] == pytest.approx(7, rel=0.005)
    assert found.values["fwhm_ratio"] == pytest.approx(1, abs=0.01)
    assert abs(found.values["depth_loss"]) < 0.06
    assert found.values["noise_claimed"] == pytest.approx(1, abs=0.05)
    assert found.values["background"] == pytest.approx(values["background"], rel=0.6)
    assert found.values["false_detections"] == 0
