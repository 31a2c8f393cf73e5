"""Extended targets, with exposures of the sky beside them, and exposures without sky."""

import astropy.units as u
import numpy as np
import pytest
from astropy.nddata import CCDData
from astropy.time import Time

from emirimg import DitherReducer
from emirimg.calibration import Calibrations
from emirimg.dither.roles import beside_by_object, beside_by_pointing, says_sky
from emirimg.exceptions import MixedExposuresError, SkyWarning, UnusableExposureError
from emirimg.instrument import read_metadata
from emirimg.simulation import Scene

pytestmark = pytest.mark.filterwarnings("default::emirimg.exceptions.EmirimgWarning")

N = 256
START = Time("2018-12-17T23:50:00")
ASIDE = 0.3 * u.deg


def scene(seed):
    return Scene(
        seed=seed, shape=(N, N), dither_scale=0.3, n_stars=80, n_galaxies=3, brightest=1e5,
        quadrant_background=0, n_exposures=6,
    )  # fmt: skip


ON, OFF = scene(3), scene(9)
CENTRE = ON.truth.wcs(3).wcs_pix2world([[N / 2, N / 2]], 0)[0]


def galaxy(wcs, shape, amplitude, radius):
    x, y = wcs.wcs_world2pix([CENTRE], 0)[0]
    yy, xx = np.indices(shape)
    return amplitude * np.exp(-np.hypot(yy - y, xx - x) / radius)


def nodding(amplitude=400.0, radius=20.0, *, object_name=None, aside=ASIDE):
    """Return 12 exposures, alternately of a galaxy and of the sky beside it."""
    truth, frames = ON.truth, []
    for k in range(12):
        sky, i = k % 2 == 1, k // 2
        which = OFF if sky else ON
        raw = which.exposure(i)
        # The same camera and the same sky for both fields.
        data = raw.data / which.truth.flat - which.truth.background(i)
        level = 3000 * (1 + 0.02 * np.sin(k / 3))
        data += level * (truth.pixel_area * truth.illumination + truth.doughnut)
        if not sky:
            data += galaxy(truth.wcs(i), (N, N), amplitude, radius)
        meta, wcs = raw.meta.copy(), raw.wcs.deepcopy()
        meta["DATE-OBS"] = (START + k * 40 * u.s).isot[:22]
        if sky:
            wcs.wcs.crval = [wcs.wcs.crval[0], wcs.wcs.crval[1] + aside.to_value("deg")]
            wcs.wcs.set()
            if object_name:
                meta["OBJECT"] = object_name
        frames.append(CCDData((data * truth.flat).astype("f4"), unit="adu", meta=meta, wcs=wcs))
    return frames


@pytest.fixture(scope="module")
def calibrations():
    truth = ON.truth
    return Calibrations(bad_pixels=truth.known_bad_pixels, flat=CCDData(truth.flat, unit=""))


def light_error(result, amplitude, radius):
    """Return found minus true light of the galaxy, between 0.5 and 2 radii."""
    mosaic = result.mosaic
    x, y = mosaic.grid.wcs.wcs_world2pix([CENTRE], 0)[0]
    yy, xx = np.indices(mosaic.data.shape)
    r = np.hypot(yy - y, xx - x)
    ring = (r > 0.5 * radius) & (r < 2 * radius) & (mosaic.coverage >= 4)
    true = galaxy(mosaic.grid.wcs, mosaic.data.shape, amplitude, radius)
    return np.median((mosaic.data - true)[ring])


def test_the_light_of_a_large_galaxy_is_kept(calibrations):
    frames = nodding()
    result = DitherReducer(calibrations=calibrations).reduce(frames)
    assert result.sky_exposures == tuple(f"exposure {k}" for k in range(2, 13, 2))
    assert len(result.frames) == 6
    assert result.mosaic.header["NCOMBINE"] == 6
    assert result.mosaic.header["NSKYEXP"] == 6
    assert result.mosaic.header["SKYSHAPE"] == "beside"
    assert "known by WCS" in "".join(result.mosaic.header["HISTORY"])
    assert abs(light_error(result, 400, 20)) < 6
    without = DitherReducer(calibrations=calibrations).reduce(frames[::2])
    assert abs(light_error(without, 400, 20)) > 20


def test_a_target_that_fills_the_field(calibrations):
    result = DitherReducer(calibrations=calibrations).reduce(nodding(800, 150))
    assert result.sky_findings["SKYLEVBY"] == "time"
    assert abs(light_error(result, 800, 150)) < 30


def test_a_target_that_leaves_sky_serves_as_sky(calibrations):
    result = DitherReducer(calibrations=calibrations).reduce(nodding(0.0))
    assert result.mosaic.header["SKYSHAPE"] == "all"
    assert any("leaves blank sky" in line for line in result.mosaic.header["HISTORY"])


def test_sky_exposures_that_are_given(calibrations):
    # So near that their pointings do not tell.
    frames = nodding(aside=0.1 * u.arcmin, object_name="M33")
    result = DitherReducer(calibrations=calibrations).reduce(
        frames[::2], sky_exposures=frames[1::2]
    )
    assert len(result.sky_exposures) == 6
    assert "known by the user" in "".join(result.mosaic.header["HISTORY"])
    with pytest.raises(MixedExposuresError, match="M33"):
        DitherReducer(calibrations=calibrations).reduce(frames)


def test_a_stray_is_left_out(calibrations):
    targets = nodding()[::2]
    stray = targets[1].copy()  # none of the sky: its WCS is wrong
    stray.wcs.wcs.crval = [20, 30]
    stray.wcs.wcs.set()
    reducer = DitherReducer(calibrations=calibrations, passes=1)
    with pytest.warns(SkyWarning, match="exposure 7: by its WCS .*; the exposure is left out"):
        result = reducer.reduce([*targets, stray])
    assert [name for name, _ in result.dropped] == ["exposure 7"]
    assert result.sky_exposures == ()
    np.testing.assert_array_equal(result.mosaic.data, reducer.reduce(targets).mosaic.data)


def test_few_beside_the_target_are_told(calibrations):
    frames = nodding()
    with pytest.warns(SkyWarning, match="exposure 4: by its WCS .*taken as sky beside"):
        result = DitherReducer(calibrations=calibrations, passes=1).reduce(
            [*frames[:6:2], frames[1]]
        )
    assert result.sky_exposures == ("exposure 4",)


def test_the_object_says_sky(calibrations):
    frames = nodding(aside=0.1 * u.arcmin, object_name="TEST_SKY")
    result = DitherReducer(calibrations=calibrations).reduce(frames)
    assert len(result.sky_exposures) == 6
    assert "known by OBJECT" in "".join(result.mosaic.header["HISTORY"])
    assert len(result.summary()["sky_exposures"]) == 6


@pytest.mark.parametrize(
    ("name", "answer"),
    [("SKY", True), ("M33 sky", True), ("m33-off", True), ("M33_SKY2", True), ("SKYLARK", False),
     ("TEST", False), ("OFFICE", False)],
)  # fmt: skip
def test_names_of_the_sky(name, answer):
    assert says_sky(name) is answer


def test_sky_alone_is_the_target():
    metadata = [read_metadata(frame.meta) for frame in nodding(object_name="SKY")[1::2]]
    assert not beside_by_object(metadata).any()


def test_pointings_that_do_not_overlap():
    wcss = [frame.wcs for frame in nodding()]
    np.testing.assert_array_equal(beside_by_pointing(wcss, (N, N)), [False, True] * 6)
    # The larger group is the target.
    np.testing.assert_array_equal(
        beside_by_pointing(wcss[1:], (N, N)), [False, True] * 5 + [False]
    )
    assert not beside_by_pointing(wcss[::2], (N, N)).any()


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda data: np.full_like(data, 60000), "saturated"),
        (lambda data: np.full_like(data, np.nan), "not finite"),
        (lambda data: data * 1e-6 - 3, "the sky level is -3"),
        (lambda data: np.full_like(data, 2000), "all pixels have the same value, 2000"),
        (lambda data: data * 1e-3, "the sky level is 3"),
    ],
    ids=["saturated", "nothing", "negative", "constant", "shutter closed"],
)
def test_an_exposure_without_sky_is_left_out(calibrations, spoil, reason):
    frames = [ON.exposure(k) for k in range(5)]
    frames[2].data = spoil(frames[2].data)
    with pytest.warns(SkyWarning, match=rf"exposure 3.*{reason}.*left out"):
        result = DitherReducer(calibrations=calibrations).reduce(frames)
    assert [record.name for record in result.frames] == [f"exposure {k}" for k in (1, 2, 4, 5)]
    ((name, text),) = result.dropped
    assert name == "exposure 3"
    assert reason in text
    assert result.mosaic.header["NDROPPED"] == 1
    assert result.mosaic.header["NCOMBINE"] == 4
    assert "left out: exposure 3" in "".join(result.mosaic.header["HISTORY"])
    assert result.summary()["dropped"][0]["name"] == "exposure 3"


def test_nothing_but_exposures_without_sky():
    frames = [ON.exposure(k) for k in range(2)]
    for frame in frames:
        frame.data[:] = np.nan
    with pytest.raises(UnusableExposureError, match=r"exposure 1: 100\.0 % of the pixels"):
        DitherReducer().reduce(frames)
