"""What multiplies, what adds, and how noisy it is."""

import numpy as np
import pytest

from emirimg.instrument import pixel_area
from emirimg.simulation import Scene
from emirimg.simulation.persistence import persistence_plane
from emirimg.simulation.planes import DEAD, HOT, cosmic_ray_plane

EMPTY = Scene(shape=(200, 160), dither_scale=0.05, n_stars=0, n_galaxies=0).without_faults()
QUIET = {"gain": 1e6, "read_noise": 1e-3}
"""Nearly no noise."""


def test_sky_is_surface_brightness():
    scene = Scene(n_stars=0, n_galaxies=0).without_faults().replace(**QUIET, sky_drift=0)
    data = scene.exposure(0).data
    y, x = np.array([5, 5, 1016, 2040]), np.array([5, 2040, 1021, 1000])
    level = float(scene.truth.frames["sky"][0])
    np.testing.assert_allclose(data[y, x], level * pixel_area(scene.truth.wcs(0), x, y), rtol=1e-4)
    assert data[5, 5] / data[1016, 1021] == pytest.approx(0.88, abs=0.02)


def test_illumination_multiplies_objects_and_sky():
    scene = EMPTY.replace(n_stars=40, **QUIET, seeing_scatter=0)
    even, uneven = scene.exposure(0).data, scene.replace(illumination=0.05)
    ratio = uneven.exposure(0).data / even
    np.testing.assert_allclose(ratio, uneven.truth.illumination, rtol=1e-3)
    assert np.ptp(uneven.truth.illumination) == pytest.approx(0.05, rel=1e-3)


def test_flat_multiplies_everything():
    scene = EMPTY.replace(n_stars=40, **QUIET, illumination=0.05, doughnut=0.1)
    even, uneven = scene.exposure(0).data, scene.replace(pixel_flat=0.03)
    np.testing.assert_allclose(uneven.exposure(0).data / even, uneven.truth.flat, rtol=1e-3)
    assert uneven.truth.flat.std() == pytest.approx(0.03, rel=0.02)
    np.testing.assert_array_equal(uneven.calibrations().flat.data, uneven.truth.flat)


def test_doughnut_adds_in_proportion_to_the_sky():
    scene = Scene(n_stars=30, n_galaxies=0).without_faults().replace(**QUIET)
    extra = scene.replace(doughnut=0.1).exposure(3).data - scene.exposure(3).data
    level = float(scene.truth.frames["sky"][3])
    assert extra.max() == pytest.approx(0.1 * level, rel=0.02)
    radius = np.hypot(*(np.unravel_index(extra.argmax(), extra.shape) - np.full(2, 1023.5)))
    assert 400 < radius < 520
    assert extra[1024, 1024] < 0.3 * extra.max()


@pytest.mark.parametrize(("gain", "read_noise"), [(5.0, 5.69), (1.0, 20.0)])
def test_noise_of_an_exposure(gain, read_noise):
    scene = EMPTY.replace(gain=gain, read_noise=read_noise)
    raw = scene.exposure(0).data
    residual = raw.astype(float) - scene.truth.background(0)
    variance = float(scene.truth.background(0).mean()) / gain + read_noise**2
    assert residual.var() == pytest.approx(variance, rel=0.03)
    assert residual.mean() == pytest.approx(0, abs=4 * np.sqrt(variance / raw.size))


def test_sky_drifts_and_clouds_dim_only_the_stars():
    frames = Scene(n_exposures=14).truth.frames
    assert frames["sky"][-1] / frames["sky"][0] == pytest.approx(1.15, abs=0.02)
    cloudy = Scene(n_exposures=14, clouds=1.0).truth.frames
    np.testing.assert_array_equal(cloudy["sky"], frames["sky"])
    assert cloudy["transparency"].min() < 0.6 < 0.9 < cloudy["transparency"].max()


def test_pointing_error_is_a_constant_and_a_drift():
    frames = Scene(pointing_jitter=0).truth.frames
    error = np.transpose([frames["error_x"], frames["error_y"]])
    assert np.hypot(*error[0]) == pytest.approx(6.0)
    np.testing.assert_allclose(np.hypot(*np.diff(error, axis=0).T), 0.4)
    truth = Scene().truth
    sky = truth.wcs(5).wcs_pix2world([[1021.46, 1015.55]], 0)
    moved = truth.claimed_wcs(5).wcs_world2pix(sky, 0)[0] - [1021.46, 1015.55]
    np.testing.assert_allclose(
        moved, [truth.frames["error_x"][5], truth.frames["error_y"][5]], atol=1e-3
    )


def test_bad_pixels():
    truth = Scene(shape=(512, 512)).truth
    assert truth.known_bad_pixels.mean() == pytest.approx(0.01, rel=0.05)
    hidden = truth.bad_pixels & ~truth.known_bad_pixels
    assert hidden.sum() == round(0.0005 * 512**2)
    assert (truth.known_bad_pixels <= truth.bad_pixels).all()
    mask = truth.scene.calibrations().bad_pixel_mask.data
    np.testing.assert_array_equal(mask, truth.known_bad_pixels)
    assert mask.dtype == np.uint8


def test_bad_pixels_are_bad_in_every_exposure():
    scene = EMPTY.replace(hidden_bad_pixels=0.02)
    kinds = scene.truth.bad_pixel_kinds
    for index in (0, 5):
        excess = scene.exposure(index).data - scene.truth.background(index)
        assert (excess[kinds == HOT] > 100).mean() > 0.95
        assert (excess[kinds == DEAD] < -0.45 * 2500).all()
        assert abs(np.median(excess[kinds == 0])) < 1


def test_h2rg_mask_is_empty():
    scene = Scene(shape=(128, 128), detector="H2RG")
    assert not scene.calibrations().bad_pixel_mask.data.any()
    assert scene.truth.bad_pixels.sum() == round(0.0005 * 128**2)


def test_cosmic_rays_are_where_the_truth_says():
    scene = EMPTY.replace(cosmic_rays=12)
    difference = scene.exposure(2).data - EMPTY.exposure(2).data
    mask = scene.truth.cosmic_rays(2)
    np.testing.assert_array_equal(difference > 0.01, mask)
    assert 12 <= mask.sum() < 150
    assert not np.array_equal(mask, scene.truth.cosmic_rays(3))


def test_energies_of_cosmic_rays_are_broad():
    charge = cosmic_ray_plane(Scene(cosmic_rays=400, shape=(512, 512)), 0)
    hit = charge[charge > 0]
    assert hit.min() < 30
    assert hit.max() > 3000


def test_quadrants_are_false_in_the_first_two_exposures():
    truth = Scene(quadrant_background=60.0).truth
    first = truth.pedestal(0)
    assert 20 < first.std() < 200
    assert truth.pedestal(1).any()
    assert not truth.pedestal(2).any()
    jump = abs(first[:, 1024] - first[:, 1023]).max()
    assert jump > 10 * abs(np.diff(first[:, :1024], axis=1)).max()


def test_channels_of_the_h2rg_have_pedestals_that_change():
    truth = Scene(detector="H2RG").truth
    levels = np.array([truth.pedestal(index)[0, ::64] for index in range(6)])
    assert levels.std() == pytest.approx(15, rel=0.35)
    assert len(np.unique(truth.pedestal(3))) == 32
    assert levels.std(axis=0).mean() > 5
    assert levels.mean(axis=0).std() > 5


def test_saturation_is_clipped():
    scene = EMPTY.replace(n_stars=5, n_saturated=10)
    assert scene.exposure(0).data.max() == scene.device.saturation


def test_dark_is_known_to_the_master_dark():
    scene = EMPTY.replace(dark_current=3.0)
    extra = scene.exposure(0).data.mean() - EMPTY.exposure(0).data.mean()
    assert extra == pytest.approx(90, abs=1)
    np.testing.assert_array_equal(scene.calibrations().dark.data, 3.0)


def test_integer_pixels_are_the_rounded_ones():
    real, whole = EMPTY.exposure(0).data, EMPTY.replace(dtype="int32").exposure(0).data
    assert whole.dtype == np.int32
    np.testing.assert_array_equal(whole, np.rint(real))


def test_catalogue_is_realistic():
    catalogue = Scene().truth.catalogue
    flux = np.asarray(catalogue["flux"])
    assert (np.diff(flux) <= 0).all()
    stars = catalogue["type"] == "star"
    assert stars.sum() == 1500
    assert 50 < (flux[stars] > 5e4).sum() < 400
    assert (flux[stars] > 5e3).sum() > 200
    assert (flux[stars] < 200).sum() > 200
    galaxies = catalogue[~stars]
    assert len(galaxies) == 250
    assert {str(kind) for kind in set(galaxies["type"])} == {"disc", "spheroid"}
    assert (galaxies["radius"].value > 0).all()


def test_persistence_of_bright_stars():
    scene = EMPTY.replace(n_stars=15, brightest=1e6, faintest=9e5, dither_scale=0.3, **QUIET)
    extra = scene.replace(persistence=0.01).exposure(1).data - scene.exposure(1).data
    before = scene.exposure(0).data - scene.truth.background(0)
    filled = before > 0.25 * scene.device.saturation
    assert filled.any()
    free = filled & (scene.exposure(1).data < 5000)
    np.testing.assert_allclose(extra[free], 0.01 * before[free], rtol=0.02, atol=1)
    assert abs(extra[before < 0.15 * scene.device.saturation]).max() < 1
    assert (scene.replace(persistence=0.01).exposure(0).data == scene.exposure(0).data).all()


def test_persistence_decays():
    scene = EMPTY.replace(n_stars=15, brightest=1e6, faintest=9e5, dither_scale=0, **QUIET)
    left = [persistence_plane(scene.replace(persistence=0.01).truth, k).max() for k in range(3)]
    assert left[0] == 0
    assert 1.3 < left[2] / left[1] < 1.7


def test_saturated_star_flows_over():
    scene = EMPTY.replace(n_saturated=1)
    full = scene.device.saturation
    plain, flowing = scene.exposure(0).data, scene.replace(bleeding=0.3).exposure(0).data
    assert (flowing == full).sum() > (plain == full).sum() > 10
    assert (flowing >= plain).all()


def test_satellites():
    scene = EMPTY.replace(trails=3, n_exposures=6)
    lights = [scene.truth.trails(index) for index in range(6)]
    hit = [index for index, light in enumerate(lights) if light.any()]
    assert 1 <= len(hit) <= 3
    extra = scene.exposure(hit[0]).data - EMPTY.exposure(hit[0]).data
    light = lights[hit[0]]
    bright = light > 0.5 * light.max()
    assert extra[bright].mean() == pytest.approx(light[bright].mean(), rel=0.1)
    assert bright.sum() > 5 * 100  # from side to side


@pytest.mark.parametrize("detector", ["HAWAII-2", "H2RG"])
def test_stripes(detector):
    scene = EMPTY.replace(striping=5.0, detector=detector)
    level = scene.truth.pedestal(3)
    assert level.std() == pytest.approx(5, rel=0.25)
    lower_left, lower_right = level[:100, :80], level[:100, 80:]
    assert np.ptp(lower_left, axis=1).max() == 0
    assert (np.ptp(lower_right, axis=0).max() == 0) == (detector == "HAWAII-2")
    assert not np.array_equal(level, scene.truth.pedestal(4))


def test_header_with_a_wrong_distortion():
    scene = Scene(distortion_error=-0.05, pointing_error=0, pointing_drift=0, pointing_jitter=0)
    true, claimed = scene.truth.wcs(0), scene.truth.claimed_wcs(0)
    corner = claimed.wcs_world2pix(true.wcs_pix2world([[0.0, 0.0]], 0), 0)[0]
    middle = claimed.wcs_world2pix(true.wcs_pix2world([[1021.0, 1015.0]], 0), 0)[0]
    assert 1 < np.hypot(*corner) < 3
    np.testing.assert_allclose(middle, [1021.0, 1015.0], atol=1e-3)


def test_nodding_to_the_sky_beside():
    scene = EMPTY.replace(n_stars=20, n_exposures=4, big_galaxy=True, shape=(96, 96))
    nodding = scene.with_sky_exposures(2, nod_object="sky")
    headers = [nodding.exposure(index).header for index in range(8)]
    assert [h["OBJECT"] for h in headers] == 2 * (["TEST"] * 2 + ["TEST SKY"] * 2)
    assert nodding.truth.on_target.tolist() == 2 * [True, True, False, False]
    assert [h["IMGOBBL"] for h in headers] == [1, 2, 1, 2, 3, 4, 3, 4]
    assert headers[2]["CRVAL2"] - headers[0]["CRVAL2"] == pytest.approx(1 / 6, abs=1e-9)
    catalogue = nodding.truth.catalogue
    assert len(catalogue) == 41
    assert (catalogue["dec"].value > headers[0]["CRVAL2"] + 0.1).sum() == 20
    same = scene.with_sky_exposures().exposure(1).header
    assert same["OBJECT"] == "TEST"
    assert nodding.truth.weights[2] == 0
    assert nodding.truth.weights.sum() == pytest.approx(1)


def test_galaxy_of_any_size_is_as_bright():
    small = EMPTY.replace(big_galaxy=True, big_galaxy_radius="6 arcsec").truth.catalogue[0]
    large = EMPTY.replace(big_galaxy=True).truth.catalogue[0]
    assert large["flux"] / small["flux"] == pytest.approx(4)
