"""A scene is immutable, reproducible, and every one of its parameters matters."""

import numpy as np
import pytest
from astropy.time import Time
from pydantic import ValidationError

from emirimg.instrument import read_metadata
from emirimg.simulation import Scene

SMALL = Scene(shape=(96, 80), dither_scale=0.05, n_stars=30, n_galaxies=6, n_exposures=3)
H2RG = SMALL.replace(detector="H2RG")


def test_same_scene_same_bits_in_any_order():
    forward = [SMALL.exposure(index).data for index in (0, 1, 2)]
    fresh = Scene(**dict(SMALL))
    backward = [fresh.exposure(index).data for index in (2, 1, 0)][::-1]
    np.testing.assert_array_equal(forward, backward)


def test_longer_sequence_begins_with_the_same_weather():
    short, long = SMALL.truth.frames, SMALL.replace(n_exposures=6, sky_drift=0).truth.frames
    for name in ("fwhm", "transparency", "psf_angle", "error_x", "ra"):
        np.testing.assert_allclose(
            short[name].value if name in ("fwhm", "psf_angle", "ra") else short[name],
            np.asarray(long[name][:3]),
        )


def test_exposures_have_independent_noise():
    scene = SMALL.without_faults().replace(n_stars=0, n_galaxies=0)
    first, second = (scene.exposure(index).data for index in (0, 1))
    correlation = np.corrcoef(first.ravel(), second.ravel())[0, 1]
    assert abs(correlation) < 0.05


def test_immutable():
    with pytest.raises(ValidationError, match="frozen"):
        SMALL.seed = 5
    changed = SMALL.replace(seed=5)
    assert (SMALL.seed, changed.seed) == (1, 5)


def test_equal_scenes_share_one_hash():
    assert hash(Scene(seeing="0.8 arcsec")) == hash(Scene())
    assert Scene(seeing="0.8 arcsec") == Scene()


def test_scene_survives_json():
    scene = SMALL.replace(seeing="0.61 arcsec", exposure_time="12 s")
    assert Scene.model_validate_json(scene.model_dump_json()) == scene


def test_repr_can_be_typed_back():
    assert eval(repr(SMALL)) == SMALL


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"sking": 3}, "did you mean"),
        ({"faintest": 1e6}, "faintest .* must be below brightest"),
        ({"shape": (4, 4)}, "shape must lie between"),
        ({"shape": (4096, 64)}, "shape must lie between"),
        ({"seed": -1}, "greater than or equal to 0"),
        ({"repeats": 2, "nod_every": 3}, "nod_every .* must be a multiple of repeats"),
        ({"detector": "CCD"}, "'HAWAII-2' or 'H2RG'"),
    ],
)
def test_impossible_scenes(changes, message):
    with pytest.raises(ValidationError, match=message):
        SMALL.replace(**changes)


@pytest.mark.parametrize("index", [-1, 3])
def test_no_such_exposure(index):
    with pytest.raises(IndexError, match="between 0 and 2"):
        SMALL.exposure(index)


@pytest.mark.parametrize(
    "changes",
    [
        {"seed": 2},
        {"realisation": 1},
        {"trails": 9},
        {"striping": 5.0},
        {"dither_scale": 0.1},
        {"n_stars": 31},
        {"n_galaxies": 7},
        {"faintest": 50.0},
        {"brightest": 9e5},
        {"n_saturated": 1},
        {"big_galaxy": True},
        {"seeing": "0.7 arcsec"},
        {"seeing_scatter": 0.05},
        {"moffat_beta": 3.5},
        {"ellipticity": 0.1},
        {"sky": 2000.0},
        {"sky_drift": 0.3},
        {"transparency_scatter": 0.1},
        {"clouds": 0.3},
        {"pixel_flat": 0.02},
        {"illumination": 0.1},
        {"doughnut": 0.2},
        {"bad_pixels": 0.02},
        {"hidden_bad_pixels": 0.01},
        {"cosmic_rays": 10},
        {"quadrant_background": 30.0},
        {"gain": 4.0},
        {"read_noise": 8.0},
        {"dark_current": 2.0},
        {"dtype": "int32"},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_every_parameter_changes_an_exposure(changes):
    before, after = SMALL.exposure(0).data, SMALL.replace(**changes).exposure(0).data
    assert before.dtype != after.dtype or not np.array_equal(before, after)


@pytest.mark.parametrize("name", ["pointing_error", "pointing_drift", "pointing_jitter"])
def test_pointing_parameters_move_the_true_pointing(name):
    other = SMALL.replace(**{name: 0.1}).truth
    np.testing.assert_array_equal(
        other.claimed_wcs(1).wcs.crval, SMALL.truth.claimed_wcs(1).wcs.crval
    )
    shift = np.hypot(*(other.wcs(1).wcs.crval - SMALL.truth.wcs(1).wcs.crval)) * 3600 / 0.194
    assert 0.02 < shift < 8


def test_channel_pedestal_changes_the_h2rg_only():
    without = {"channel_pedestal": 0.0}
    assert not np.array_equal(H2RG.exposure(0).data, H2RG.replace(**without).exposure(0).data)
    np.testing.assert_array_equal(
        SMALL.exposure(0).data, SMALL.replace(**without).exposure(0).data
    )


def test_exposure_time_and_filter_reach_the_header():
    raw = SMALL.replace(exposure_time="20 s", filter_name="J").exposure(0)
    assert (raw.header["EXPTIME"], raw.header["FILTER"]) == (20.0, "J")


def test_making_an_exposure_leaves_the_truth_alone():
    truth = SMALL.truth
    before = [truth.flat.copy(), truth.illumination.copy(), truth.doughnut.copy()]
    SMALL.exposure(0)
    SMALL.calibrations().flat.data[:] = 0
    np.testing.assert_array_equal(before, [truth.flat, truth.illumination, truth.doughnut])


def test_whole_header_of_the_tutorial():
    raw = Scene(n_stars=0, n_galaxies=0, shape=(16, 16)).exposure(13)
    header = raw.header
    for key, value in {
        "NOBSBLCK": 18, "OBSBLOCK": 2, "NIMGOBBL": 7, "IMGOBBL": 7, "NEXP": 1, "EXP": 1,
        "OBJECT": "TEST", "EXPTIME": 29.99926, "READMODE": "RAMP", "FILTER": "F1230",
        "GRISM": "OPEN", "DATE-OBS": "2018-12-18T00:07:31.73", "RA": "02:39:52.125",
        "DEC": "-01:34:41.302", "INSTRUME": "EMIR", "OBSMODE": "STARE_IMAGE", "RADESYS": "FK5",
    }.items():  # fmt: skip
        assert header[key] == value
    for key in ("MJD-OBS", "TSTAMP", "TSUTC1", "TSUTC2", "AIRMASS", "IPA", "ROTANG"):
        assert isinstance(header[key], float)
    assert header["TSUTC2"] - header["TSUTC1"] == pytest.approx(30, abs=0.02)
    assert Time(header["MJD-OBS"], format="mjd").isot[:19] == "2018-12-18T00:07:31"
    assert 0 < header["PV2_4"] < 1e-300
    metadata = read_metadata(header)
    assert (metadata.detector.name, metadata.gain, metadata.read_noise) == ("HAWAII-2", 5.0, 5.69)


def test_identifiers_are_unique_and_kept():
    uuids = {
        scene.exposure(k).header["UUID"] for scene in (SMALL, H2RG.replace(seed=9)) for k in (0, 1)
    }
    assert len(uuids) == 4
    assert SMALL.exposure(0).header["UUID"] in uuids


def test_repeats_stay_at_one_place():
    scene = SMALL.replace(n_exposures=6, repeats=3, pointing_drift=0, pointing_jitter=0)
    headers = [scene.exposure(index).header for index in range(6)]
    assert [header["EXP"] for header in headers] == [1, 2, 3, 1, 2, 3]
    assert [header["IMGOBBL"] for header in headers] == [1, 1, 1, 2, 2, 2]
    assert {header["NEXP"] for header in headers} == {3}
    claimed = [header["CRVAL1"] for header in headers]
    assert len(set(claimed)) == 2
    assert all(
        a < b for a, b in zip(*[[h["MJD-OBS"] for h in headers][i:] for i in (0, 1)], strict=False)
    )


def test_h2rg_exposures_are_of_its_time():
    assert read_metadata(H2RG.exposure(0).header).detector.name == "H2RG"
    header = H2RG.exposure(0).header
    del header["INSCONF"]
    assert read_metadata(header).detector.name == "H2RG"


def test_builder_methods():
    assert SMALL.with_stars(3, n_saturated=1).n_saturated == 1
    assert SMALL.with_galaxies(2, big_galaxy=True).big_galaxy
    assert SMALL.with_clouds(0.4).truth.frames["transparency"].min() < 0.95
    ideal = SMALL.without_faults()
    assert np.ptp(ideal.truth.flat) == np.ptp(ideal.truth.illumination) == 0
    assert not ideal.truth.bad_pixels.any()
    claimed, true = ideal.truth.claimed_wcs(1), ideal.truth.wcs(1)
    np.testing.assert_allclose(claimed.wcs.crval, true.wcs.crval, rtol=0, atol=1e-11)
