"""Artificial stars: their light is what it should be, and the recovery tells the truth."""

import json

import astropy.units as u
import numpy as np
import pytest
from astropy.io.fits import Header
from astropy.nddata import CCDData
from astropy.table import QTable
from astropy.wcs import WCS
from scipy.spatial.distance import pdist

from emirimg.alignment.psf import MoffatPSF
from emirimg.calibration import Calibrations
from emirimg.combine.mosaic import Mosaic
from emirimg.dither import ExposureReducer
from emirimg.exceptions import InputError
from emirimg.instrument import pixel_area
from emirimg.io import read_calibrations
from emirimg.projection.grid import MosaicGrid
from emirimg.report import plot_recovery
from emirimg.simulation import (
    Scene,
    add_stars,
    draw_stars,
    injection_test,
    measure_recovery,
    write_tutorial,
)
from emirimg.simulation.injection.reduction import measure_frame_psf
from emirimg.simulation.injection.stars import moffat_image
from emirimg.simulation.profiles import psf_image
from emirimg.simulation.scoring.measure import fit_moffat

PSF = MoffatPSF(4.0, 3.0, 0.1, 0.4, 20)
SIGMA = 2.0


def tan(shape):
    wcs = WCS(naxis=2)
    wcs.wcs.ctype, wcs.wcs.crval = ["RA---TAN", "DEC--TAN"], [40.0, -1.5]
    wcs.wcs.crpix = [shape[1] / 2, shape[0] / 2]
    wcs.wcs.cdelt = [-0.2 / 3600, 0.2 / 3600]
    return wcs


def flat_mosaic(shape=(400, 420), data=None, border=20):
    mask = np.ones(shape, dtype=bool)
    mask[border:-border, border:-border] = False
    noise = np.random.default_rng(3).normal(0, SIGMA, shape)
    data = np.where(mask, 0, noise if data is None else noise + data).astype(np.float32)
    ones = np.ones(shape, dtype=np.float32)
    return Mosaic(
        grid=MosaicGrid(tan(shape), shape), data=data, variance=SIGMA**2 * ones, mask=mask,
        coverage=ones.astype(np.int16), exposure=ones, header=Header(),
    )  # fmt: skip


def star_at(wcs, x, y, flux):
    ra, dec = wcs.wcs_pix2world([x], [y], 0)
    return QTable({"ra": ra * u.deg, "dec": dec * u.deg, "flux": [flux]})


def test_stars_keep_apart_and_inside():
    mosaic = flat_mosaic()
    stars = draw_stars(mosaic, 20, fluxes=(10.0, 1e4), fwhm=4.0, seed=5)
    assert len(stars) == 20
    places = np.transpose([stars["x"], stars["y"]])
    assert pdist(places).min() > 48
    assert places.min() > 27
    assert (places.max(axis=0) < [420 - 27, 400 - 27]).all()
    assert 10 <= stars["flux"].min() < 100 < 2e3 < stars["flux"].max() <= 1e4
    ra, dec = mosaic.grid.wcs.wcs_pix2world(stars["x"], stars["y"], 0)
    np.testing.assert_allclose(stars["ra"].value, ra)
    np.testing.assert_allclose(stars["dec"].value, dec)
    again = draw_stars(mosaic, 20, fluxes=(10.0, 1e4), fwhm=4.0, seed=5)
    other = draw_stars(mosaic, 20, fluxes=(10.0, 1e4), fwhm=4.0, seed=6)
    np.testing.assert_array_equal(stars["x"], again["x"])
    assert not np.array_equal(stars["x"], other["x"])
    assert len(draw_stars(mosaic, 500, fluxes=(10.0, 1e4), fwhm=4.0)) < 100


def test_no_room_for_a_star():
    with pytest.raises(InputError, match=r"no room for a star with a FWHM of 4\.0 pixels"):
        draw_stars(flat_mosaic((60, 60), border=25), 3, fluxes=(1.0, 2.0), fwhm=4.0)


def raw_frame(level=100.0, dtype=np.float32):
    wcs = tan((120, 130))
    return CCDData(np.full((120, 130), level, dtype=dtype), unit=u.adu, wcs=wcs)


def test_light_of_a_star():
    raw = raw_frame()
    stars = star_at(raw.wcs, 61.3, 57.8, 1e6)
    found = add_stars(raw, stars, wcs=raw.wcs, psf=PSF, gain=1e4, transparency=0.8)
    light = found.data - 100.0
    assert light.sum() == pytest.approx(0.8e6, rel=2e-3)
    y, x = np.indices(light.shape)
    core = np.hypot(x - 61.3, y - 57.8) < 8
    assert (light * x)[core].sum() / light[core].sum() == pytest.approx(61.3, abs=0.02)
    assert (light * y)[core].sum() / light[core].sum() == pytest.approx(57.8, abs=0.02)
    assert (raw.data == 100).all()
    assert found.wcs is not None


def test_star_is_as_wide_on_the_sky_everywhere():
    wcs = Scene().truth.wcs(0)
    raw = CCDData(np.zeros((2048, 2048), np.float32), unit=u.adu, wcs=wcs)
    psf = MoffatPSF(4.0, 3.0, 0.0, 0.0, 20)
    widths, areas = [], []
    for place in ((60.0, 60.0), (1022.0, 1017.0)):
        stars = star_at(wcs, *place, 1e7)
        light = add_stars(raw, stars, wcs=wcs, psf=psf, gain=1e3).data
        assert light.sum(dtype=float) == pytest.approx(1e7, rel=2e-3)
        widths.append(fit_moffat(light, np.array(place), 4.0, 0.0)[0])
        areas.append(float(pixel_area(wcs, *place)))
    assert widths[0] / widths[1] == pytest.approx(np.sqrt(areas[1] / areas[0]), abs=2e-3)
    assert widths[1] < 4 < widths[0]


def test_star_on_the_edge_and_beyond():
    raw = raw_frame()
    stars = star_at(raw.wcs, -0.5, 60.0, 1e6)
    light = add_stars(raw, stars, wcs=raw.wcs, psf=PSF, gain=1e4).data - 100.0
    assert light.sum() == pytest.approx(0.5e6, rel=0.01)
    far = star_at(raw.wcs, 400.0, 60.0, 1e6)
    assert (add_stars(raw, far, wcs=raw.wcs, psf=PSF, gain=1e4).data == 100).all()


def test_flat_dims_a_star():
    raw = raw_frame()
    stars = star_at(raw.wcs, 61.0, 57.0, 1e6)
    flat = np.full(raw.data.shape, 0.5)
    flat[0, 0] = np.nan
    light = add_stars(raw, stars, wcs=raw.wcs, psf=PSF, gain=1e4, flat=flat).data - 100.0
    assert light.sum() == pytest.approx(0.5e6, rel=2e-3)


@pytest.mark.parametrize("gain", [1.0, 5.0])
def test_noise_of_the_added_light(gain):
    raw = raw_frame(0.0)
    stars = star_at(raw.wcs, 61.0, 57.0, 1e4)
    sums = [
        add_stars(raw, stars, wcs=raw.wcs, psf=PSF, gain=gain, seed=seed).data.sum(dtype=float)
        for seed in range(300)
    ]
    assert np.var(sums) == pytest.approx(1e4 / gain, rel=0.25)


def test_saturation_and_integers():
    raw = raw_frame(1000, np.int32)
    stars = star_at(raw.wcs, 61.0, 57.0, 1e6)
    found = add_stars(raw, stars, wcs=raw.wcs, psf=PSF, gain=5.0, saturation=5000)
    assert found.data.dtype == np.int32
    assert found.data.max() == 5000


@pytest.mark.parametrize("scale", [1.0, 0.5])
def test_image_of_a_star(scale):
    image = moffat_image(PSF, 60, scale)
    assert image.sum() == pytest.approx(1, abs=0.01)
    assert image[60, 60 + round(10 / scale)] > image[60 + round(10 / scale), 60]


def recovered(kept=1.0, n=30):
    """Put stars of three fluxes into a mosaic and look for them."""
    empty = flat_mosaic((900, 900))
    stars = draw_stars(empty, n, fluxes=(1.0, 2.0), fwhm=4.0)
    stars["flux"] = np.resize([20.0, 3e3, 1e5], len(stars))
    psf = moffat_image(PSF, 40)
    light = np.zeros(empty.data.shape)
    stars["x"], stars["y"] = np.rint(stars["x"]), np.rint(stars["y"])
    for x, y, flux in zip(
        stars["x"].astype(int), stars["y"].astype(int), stars["flux"], strict=True
    ):
        window = np.s_[max(0, y - 40) : y + 41, max(0, x - 40) : x + 41]
        part = psf[max(0, 40 - y) : 40 + 900 - y, max(0, 40 - x) : 40 + 900 - x]
        light[window] += kept * flux * part
    full = flat_mosaic((900, 900), light)
    return measure_recovery(stars, full, empty, psf[None], np.ones((len(stars), 1)))


@pytest.mark.parametrize("kept", [1.0, 0.9])
def test_completeness_and_bias(kept):
    recovery = recovered(kept)
    bright, middle, faint = recovery.table
    assert (bright["completeness"], middle["completeness"], faint["completeness"]) == (1, 1, 0)
    assert bright["bias"] == pytest.approx(kept - 1, abs=0.003)
    assert bright["lost"] == pytest.approx(1 - kept, abs=0.003)
    assert middle["bias"] == pytest.approx(kept - 1, abs=0.02)
    assert faint["lost"] == pytest.approx(1 - kept, abs=0.01)
    assert bright["magnitude"] == pytest.approx(25 - 12.5, abs=0.25)
    assert 0 < bright["completeness_error"] < 0.1
    assert middle["scatter"] == pytest.approx(SIGMA * np.sqrt(np.pi) * 6 / 3e3, rel=0.7)
    assert bright["magnitude"] < recovery.limit < faint["magnitude"]
    content = json.loads(json.dumps(recovery.to_dict()))
    assert content["table"]["bias"][2] is None
    assert len(plot_recovery(recovery).axes) == 2


def test_star_upon_a_brighter_one_is_not_found():
    recovery = recovered()
    stars = recovery.stars.copy()
    bright = stars["flux"] == 1e5
    stars["flux"][bright] = 1e3  # what is there is something else
    full, empty = flat_mosaic((900, 900)), flat_mosaic((900, 900))
    psf = moffat_image(PSF, 40)
    for x, y in zip(stars["x"][bright].astype(int), stars["y"][bright].astype(int), strict=True):
        full.data[y - 4 : y + 5, x - 4 : x + 5] += 1e5 * psf[36:45, 36:45]
    found = measure_recovery(stars, full, empty, psf[None], np.ones((len(stars), 1))).stars
    assert not found["found"][bright].any()


def test_grids_must_match():
    stars = draw_stars(flat_mosaic(), 3, fluxes=(1.0, 2.0), fwhm=4.0)
    with pytest.raises(ValueError, match="mosaics differ in shape"):
        measure_recovery(
            stars, flat_mosaic(), flat_mosaic((300, 300)), np.ones((1, 81, 81)), np.ones((3, 1))
        )  # fmt: skip


SCENE = Scene(
    shape=(320, 320), n_exposures=5, dither_scale=0.3, n_stars=60, n_galaxies=5, faintest=2e3,
    seed=3,
)  # fmt: skip


def test_profile_of_an_exposure():
    frame = SCENE.exposure(1)
    masters = SCENE.calibrations()
    calibrate = ExposureReducer(
        calibrations=Calibrations(
            bad_pixels=masters.bad_pixel_mask.data > 0, dark=masters.dark, flat=masters.flat
        )
    )
    psf = measure_frame_psf(frame, calibrate, "one.fits")
    on_pixels = psf_image(SCENE.truth.psf(1), 0.1943 * np.diag([-1.0, 1.0]), 40)
    truth, _ = fit_moffat(on_pixels, np.array([40.0, 40.0]), 4.0, 0.0)
    assert psf.fwhm == pytest.approx(truth, rel=0.01)
    empty = SCENE.replace(n_stars=0, n_galaxies=0).exposure(0)
    with pytest.raises(InputError, match=r"two.fits: no star is bright and isolated enough"):
        measure_frame_psf(empty, calibrate, "two.fits")


@pytest.mark.filterwarnings("ignore::emirimg.exceptions.EmirimgWarning")
def test_whole_test(tmp_path):
    # So few stars that hardly any blends with one that was put in.
    tree = write_tutorial(tmp_path, SCENE.replace(n_stars=25))
    before = [path.read_bytes() for path in tree.exposures]
    recovery = injection_test(
        tree.exposures,
        calibrations=read_calibrations(
            bad_pixels=tree.bad_pixel_mask, dark=tree.dark, flat=tree.flat
        ),
        n_stars=30,
        magnitudes=(13.0, 19.5),
        passes=2,
    )
    assert [path.read_bytes() for path in tree.exposures] == before
    stars = recovery.stars
    bright = stars["magnitude"] < 16
    assert stars["found"][bright].mean() > 0.9
    kept = np.asarray(stars["kept"] / stars["flux"])[bright]
    assert np.median(kept) == pytest.approx(1, abs=0.02)
    assert not stars["found"][stars["magnitude"] > 19].all()
