"""The ideal stack, against formulas and against stacking for real."""

import numpy as np
import pytest
from astropy.wcs import WCS

from emirimg.projection.grid import MosaicGrid
from emirimg.simulation import Scene, ideal_stack

FLAT_SKY = Scene(
    shape=(64, 64), n_exposures=4, dither_scale=0, n_stars=0, n_galaxies=0, sky_drift=0
).without_faults()  # fmt: skip


def own_grid(scene):
    """Return the pixels of the first exposure."""
    return MosaicGrid(scene.truth.wcs(0), scene.frame_shape)


def test_variance_of_equal_exposures():
    scene = FLAT_SKY
    stack = ideal_stack(scene.truth, own_grid(scene))
    levels = np.asarray(scene.truth.frames["sky"])
    transparency = np.asarray(scene.truth.frames["transparency"])
    expected = 1 / np.sum(transparency**2 / (levels / 5 + 5.69**2))
    np.testing.assert_allclose(stack.variance, expected, rtol=2e-4)
    assert (stack.coverage == 4).all()
    assert not stack.model.any()


def test_variance_against_stacking_for_real():
    scene = FLAT_SKY.replace(pixel_flat=0.05, illumination=0.1, n_exposures=3, shape=(128, 128))
    truth = scene.truth
    stack = ideal_stack(truth, own_grid(scene))
    total = weights = 0.0
    for index in range(3):
        transparency = truth.frames["transparency"][index]
        variance = (truth.flat * truth.background(index) / 5 + 5.69**2) / truth.flat**2
        variance = variance / (truth.illumination * transparency) ** 2
        corrected = scene.exposure(index).data / truth.flat - truth.background(index)
        total += corrected / (truth.illumination * transparency) / variance
        weights += 1 / variance
    pull = total / weights / np.sqrt(stack.variance)
    assert pull.std() == pytest.approx(1, abs=0.02)


def test_finer_pixels_are_noisier_in_proportion_to_their_area():
    scene = FLAT_SKY
    wcs = scene.truth.wcs(0)
    fine = WCS(naxis=2)
    fine.wcs.ctype, fine.wcs.crval = ["RA---TAN", "DEC--TAN"], wcs.wcs.crval
    fine.wcs.crpix, fine.wcs.cd = [41, 41], wcs.wcs.cd / 2
    stack = ideal_stack(scene.truth, MosaicGrid(fine, (80, 80)))
    coarse = ideal_stack(scene.truth, own_grid(scene))
    assert stack.variance[40, 40] == pytest.approx(coarse.variance[30, 30] / 4, rel=1e-3)


def test_bad_pixels_and_outside_have_no_weight():
    scene = FLAT_SKY.replace(bad_pixels=0.1)
    truth = scene.truth
    stack = ideal_stack(truth, own_grid(scene))
    np.testing.assert_array_equal(np.isinf(stack.variance), truth.bad_pixels)
    mosaic = stack.observed()
    np.testing.assert_array_equal(mosaic.mask, truth.bad_pixels)
    assert np.isfinite(mosaic.data).all()


def test_observed_noise_has_the_variance_it_claims():
    scene = FLAT_SKY.replace(n_stars=15, shape=(256, 256), faintest=5e3)
    stack = ideal_stack(scene.truth, own_grid(scene))
    mosaic = stack.observed()
    pull = (mosaic.data - stack.model) / np.sqrt(mosaic.variance)
    assert pull.std() == pytest.approx(1, abs=0.01)
    bright = stack.model > 1000
    assert (mosaic.variance[bright] > stack.variance[bright] + 0.9 * 1000 / (4 * 5)).all()


def test_model_holds_the_flux_of_the_sources():
    scene = FLAT_SKY.replace(n_stars=30, shape=(256, 256), seeing_scatter=0.1)
    grid = own_grid(scene)
    stack = ideal_stack(scene.truth, grid)
    catalogue = scene.truth.catalogue
    x, y = grid.wcs.wcs_world2pix(catalogue["ra"].value, catalogue["dec"].value, 0)
    brightest = next(
        k for k in range(30) if 60 < x[k] < 195 and 60 < y[k] < 195
    )  # fmt: skip
    j, i = round(float(y[brightest])), round(float(x[brightest]))
    near = np.hypot(x - x[brightest], y - y[brightest]) < 45
    if near.sum() == 1:
        box = stack.model[j - 45 : j + 46, i - 45 : i + 46]
        assert box.sum() == pytest.approx(catalogue["flux"][brightest], rel=5e-3)
    assert stack.model.sum() == pytest.approx(
        catalogue["flux"][(x > 0) & (x < 255) & (y > 0) & (y < 255)].sum(), rel=0.05
    )
