"""The reduction as a whole, on small simulated exposures with known truth."""

import json
import shutil
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import astropy.units as u
import numpy as np
import pytest
from astropy.io import fits
from astropy.nddata import CCDData
from astropy.stats import sigma_clipped_stats

from emirimg import DitherReducer
from emirimg.alignment import HeaderAlignment, ReferenceCatalogue, find_stars
from emirimg.calibration import Calibrations
from emirimg.combine import MeanCombiner, MedianCombiner, SigmaClipCombiner
from emirimg.exceptions import (
    AlignmentWarning,
    CalibrationError,
    CalibrationWarning,
    EmirimgWarning,
    FrameError,
    MetadataError,
    MixedExposuresError,
    QualityWarning,
)
from emirimg.io import read_calibrations, read_frame, read_mosaic
from emirimg.projection import InterpResampler, MosaicGrid
from emirimg.simulation import Scene, Truth
from emirimg.sky import ConstantSky, NeighbourSky

pytestmark = pytest.mark.filterwarnings("default::emirimg.exceptions.EmirimgWarning")


def calibrations_of(tree):
    data = tree / "data"
    return read_calibrations(
        bad_pixels=data / "master_bpm.fits",
        dark=data / "master_dark_zeros.fits",
        flat=data / "master_flat_spec.fits",
    )


def exposures_of(tree):
    return sorted((tree / "data").glob("0*STARE_IMAGE.fits"))


@pytest.fixture(scope="module")
def calibrations(tree):
    return calibrations_of(tree)


@pytest.fixture(scope="module")
def result(tree, calibrations):
    return DitherReducer(calibrations=calibrations).reduce(exposures_of(tree))


def test_the_frames_are_registered(result, tree):
    truth = Truth.read(tree)
    centre = [[128.0, 128.0]]
    true, found = (
        np.array([wcs.wcs_pix2world(centre, 0)[0] for wcs in wcss])
        for wcss in ([truth.wcs(k) for k in range(14)], result.alignment.wcss)
    )
    error = (found - true) * 3600 / 0.1944
    error -= np.median(error, axis=0)
    assert np.abs(error).max() < 0.1
    assert set(result.alignment.methods) == {"stars"}


@pytest.mark.parametrize("options", [{}, {"passes": 1}, {"objects": None}], ids=str)
def test_what_is_to_be_done_meanwhile_is_done_once(options, calibrations, tree):
    threads = []
    DitherReducer(calibrations=calibrations, **options).reduce(
        exposures_of(tree)[:5], meanwhile=lambda: threads.append(threading.current_thread())
    )
    assert len(threads) == 1
    assert threads[0] is not threading.current_thread()


def test_what_fails_meanwhile_is_raised(calibrations, tree):
    def fail():
        msg = "no such module"
        raise ImportError(msg)

    with pytest.raises(ImportError, match="no such module"):
        DitherReducer(calibrations=calibrations, passes=1).reduce(
            exposures_of(tree)[:5], meanwhile=fail
        )


def test_the_mosaic_is_flat_and_deep(result):
    mosaic = result.mosaic
    empty = ~result.objects.mask & (mosaic.coverage >= 12)
    pixels = mosaic.data[empty] / np.sqrt(mosaic.variance[empty])
    assert abs(np.median(pixels)) < 0.15
    assert np.median(np.abs(pixels)) * 1.4826 == pytest.approx(1, abs=0.1)


def test_the_records_tell_the_truth(result, tree):
    truth = Truth.read(tree)
    found = np.array([record.transparency for record in result.frames])
    expected = np.asarray(truth.frames["transparency"], dtype=float)
    ratio = found / expected
    assert np.abs(ratio / np.median(ratio) - 1).max() < 0.05
    sky = np.array([record.sky_level for record in result.frames])
    expected = u.Quantity(truth.frames["sky"]).value
    assert np.corrcoef(sky, expected)[0, 1] > 0.99
    assert [record.name for record in result.frames] == [p.name for p in exposures_of(tree)]


def test_the_result_is_written_and_read_back(result, tmp_path):
    path = result.write(tmp_path / "mosaic.fits")
    again = read_mosaic(path)
    np.testing.assert_array_equal(again.data, result.mosaic.data)
    np.testing.assert_array_equal(again.coverage, result.mosaic.coverage)
    frame = CCDData.read(path)
    assert frame.unit == u.adu
    np.testing.assert_array_equal(frame.mask, result.mosaic.mask)
    np.testing.assert_array_equal(frame.uncertainty.array, result.mosaic.variance)
    header = fits.getheader(path)
    assert header["NCOMBINE"] == 14
    assert header["TEXPTIME"] == pytest.approx(14 * header["EXPTIME"])
    assert header["CTYPE1"] == "RA---TAN"
    assert header["ILLUMDEG"] >= 0
    assert header["ILLUMNST"] > 0
    assert not list(header["PV*"])
    assert any("PatternSky" in line for line in header["HISTORY"])
    x, y = frame.wcs.wcs_world2pix(*frame.wcs.wcs_pix2world(3.0, 5.0, 0), 0)
    assert (x, y) == pytest.approx((3, 5), abs=1e-6)


def test_the_summary_is_plain(result):
    summary = json.loads(json.dumps(result.summary()))
    assert summary["n_exposures"] == 14
    assert len(summary["frames"]) == 14
    assert summary["strategies"]["sky"] == "PatternSky()"


def test_frames_in_memory_give_the_same(result, tree, calibrations):
    frames = [read_frame(path) for path in exposures_of(tree)]
    before = [frame.data.copy() for frame in frames]
    again = DitherReducer(calibrations=calibrations).reduce(frames)
    np.testing.assert_array_equal(again.mosaic.data, result.mosaic.data)
    for frame, pixels in zip(frames, before, strict=True):
        np.testing.assert_array_equal(frame.data, pixels)


def test_the_order_of_the_exposures_does_not_matter(result, tree, calibrations):
    again = DitherReducer(calibrations=calibrations).reduce(exposures_of(tree)[::-1])
    np.testing.assert_array_equal(again.mosaic.data, result.mosaic.data)


def test_the_executor_does_not_matter(result, tree, calibrations):
    with ThreadPoolExecutor(5) as executor:
        reducer = DitherReducer(calibrations=calibrations, executor=executor)
        again = reducer.reduce(exposures_of(tree))
    np.testing.assert_array_equal(again.mosaic.data, result.mosaic.data)
    np.testing.assert_array_equal(again.mosaic.variance, result.mosaic.variance)


@pytest.mark.parametrize(
    "option",
    [
        {"sky": ConstantSky()},
        {"sky": NeighbourSky()},
        {"residual": None},
        {"alignment": HeaderAlignment()},
        {"outliers": None},
        {"hidden_pixels": None},
        {"resampler": InterpResampler()},
        {"combiner": MeanCombiner()},
        {"combiner": MedianCombiner()},
        {"combiner": SigmaClipCombiner()},
        {"objects": None},
        {"passes": 1},
        {"gain": 2.0},
        {"read_noise": 50.0},
    ],
    ids=lambda option: next(iter(option)) + "=" + str(next(iter(option.values()))),
)
def test_every_option_changes_the_result(result, tree, calibrations, option):
    other = DitherReducer(calibrations=calibrations, **option).reduce(exposures_of(tree))
    same = other.mosaic.data.shape == result.mosaic.data.shape and np.array_equal(
        np.stack([other.mosaic.data, other.mosaic.variance]),
        np.stack([result.mosaic.data, result.mosaic.variance]),
    )
    assert not same


def test_the_grid_can_be_given(result, tree, calibrations):
    grid = result.mosaic.grid.cutout(slice(100, 180), slice(90, 200))
    reducer = DitherReducer(calibrations=calibrations, grid=MosaicGrid(grid.wcs, grid.shape))
    found = reducer.reduce(exposures_of(tree)).mosaic
    assert found.grid.shape == (80, 110)


def test_the_first_exposures_have_a_background_of_their_own(result):
    own = [record.own_background for record in result.frames]
    assert min(own[:2]) > 5 * np.median(own[2:])


def test_repeats_at_one_position_share_a_pointing():
    scene = Scene(
        shape=(256, 256), dither_scale=0.12, n_stars=120, n_galaxies=4, repeats=3,
        n_exposures=15, detector="H2RG", seed=4,
    )  # fmt: skip
    frames = [scene.exposure(k) for k in range(15)]
    flat = scene.calibrations().flat
    result = DitherReducer(calibrations=Calibrations(flat=flat)).reduce(frames)
    assert result.mosaic.coverage.max() == 15
    assert set(result.alignment.methods) == {"stars"}


@pytest.mark.parametrize("n", [1, 2, 3])
def test_few_exposures(n):
    # The first two exposures have a false background by quadrant.
    scene = Scene(shape=(512, 512), dither_scale=0.25, n_stars=150, n_galaxies=3, brightest=1e5)
    master = scene.calibrations()
    calibrations = Calibrations(
        flat=master.flat, bad_pixels=master.bad_pixel_mask.data.astype(bool)
    )
    frames = [scene.exposure(2 + k) for k in range(n)]
    result = DitherReducer(calibrations=calibrations).reduce(frames)
    assert result.mosaic.coverage.max() == n
    assert np.isfinite(result.mosaic.data).all()
    level = sigma_clipped_stats(result.mosaic.data, mask=result.mosaic.mask)[1]
    # Nothing but a smooth surface is known of the sky of one exposure alone.
    assert abs(level) < (10 if n == 1 else 3)


def test_no_star_falls_back_to_the_headers():
    scene = Scene(shape=(256, 256), dither_scale=0.12, n_stars=0, n_galaxies=0, n_exposures=7)
    frames = [scene.exposure(k) for k in range(7)]
    calibrations = Calibrations(flat=scene.calibrations().flat)
    with pytest.warns(AlignmentWarning):
        result = DitherReducer(calibrations=calibrations).reduce(frames)
    assert set(result.alignment.methods) == {"header"}
    assert any("header" in note for note in result.warnings)


def test_without_calibrations_it_works_and_warns(tree):
    with pytest.warns(CalibrationWarning):
        result = DitherReducer(passes=1).reduce(exposures_of(tree)[:7])
    assert result.warnings


# What must be refused, before anything is reduced.


def spoilt(tree, tmp_path, change):
    """Copy four exposures and change the last with ``change(path)``."""
    paths = [Path(shutil.copy(path, tmp_path)) for path in exposures_of(tree)[:4]]
    change(paths[-1])
    return paths


@pytest.mark.parametrize(
    ("key", "value"), [("FILTER", "Ksp"), ("OBJECT", "OTHER"), ("EXPTIME", 5.0)]
)
def test_mixtures_are_refused_with_a_list(tree, tmp_path, key, value):
    paths = spoilt(tree, tmp_path, lambda path: fits.setval(path, key, value=value))
    with pytest.raises(MixedExposuresError, match=f"{key}.* in 3 exposures.* in 1 exposure"):
        DitherReducer().reduce(iter(paths))


def test_without_exposures_there_is_nothing_to_reduce():
    with pytest.raises(MixedExposuresError, match="no exposures were given"):
        DitherReducer().reduce([])


def truncate(path):
    with path.open("r+b") as stream:
        stream.truncate(100_000)


def remove_wcs(path):
    with fits.open(path, mode="update") as hdus:
        for key in ("CTYPE1", "CTYPE2"):
            del hdus[0].header[key]


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (truncate, FrameError, "truncated|incomplete|bytes"),
        (remove_wcs, FrameError, "WCS"),
        (lambda path: fits.delval(path, "EXPTIME"), MetadataError, "EXPTIME is missing"),
    ],
    ids=["truncated", "no WCS", "no EXPTIME"],
)
def test_a_bad_file_is_named(tree, tmp_path, calibrations, change, error, message):
    paths = spoilt(tree, tmp_path, change)
    with pytest.raises(error, match=rf"{exposures_of(tree)[3].stem}.*({message})"):
        DitherReducer(calibrations=calibrations).reduce(paths)


def test_a_mask_of_the_wrong_shape_is_refused(tree):
    calibrations = Calibrations(bad_pixels=np.zeros((10, 10), dtype=bool))
    with pytest.raises(CalibrationError, match=r"\(10, 10\)"):
        DitherReducer(calibrations=calibrations).reduce(exposures_of(tree)[:2])


def test_no_pass_at_all():
    with pytest.raises(ValueError, match="passes must be at least 1, got 0"):
        DitherReducer(passes=0)


@pytest.mark.parametrize(
    ("strategies", "message"),
    [
        ({"sky": "pattern"}, "sky is 'pattern'; a strategy object or a function was expected"),
        ({"combiner": None}, "combiner is None; a strategy"),
        ({"sky": ConstantSky}, r"sky is the class ConstantSky; an instance, such as Cons.*\(\)"),
    ],
)
def test_what_is_no_strategy_is_refused_at_once(strategies, message):
    with pytest.raises(TypeError, match=message):
        DitherReducer(**strategies)


def test_exposures_are_a_list_that_is_not_empty():
    with pytest.raises(MixedExposuresError, match="no exposures were given"):
        DitherReducer().reduce([])
    with pytest.raises(TypeError, match=r"exposures is 'data'; a list .*find_exposures"):
        DitherReducer().reduce("data")


def test_the_reducer_shows_its_strategies():
    text = repr(DitherReducer(sky=ConstantSky()))
    assert "sky=ConstantSky()" in text
    assert "combiner=NoiseClipCombiner()" in text


def test_warnings_are_kept_and_shown(tree, calibrations):
    with pytest.warns(EmirimgWarning) as shown:
        result = DitherReducer(calibrations=calibrations).reduce(exposures_of(tree)[:2])
    assert set(result.warnings) <= {str(item.message) for item in shown}


def test_a_catalogue_ties_places_and_zero_point(tree, calibrations, result):
    truth = Truth.read(tree)
    stars = truth.catalogue[truth.catalogue["type"] == "star"]
    ra, dec = stars["ra"].to_value(u.deg), stars["dec"].to_value(u.deg)
    magnitude = 22.5 - 2.5 * np.log10(np.asarray(stars["flux"], dtype=float))
    catalogue = ReferenceCatalogue("truth", ra, dec, magnitude, np.full(ra.size, 0.01))
    tied = DitherReducer(calibrations=calibrations, catalogue=catalogue).reduce(exposures_of(tree))
    header = tied.mosaic.header
    assert header["CATALOG"] == "truth"
    assert tied.inputs[-1][:2] == ("catalogue", "truth")
    # The clearest exposure, the unit of the mosaic, is not quite transparent.
    assert header["MAGZERO"] == pytest.approx(22.5, abs=0.06)
    assert header["MAGZERR"] < 0.02
    assert "tied" in header.comments["MAGZERO"]
    assert "arbitrary" in result.mosaic.header.comments["MAGZERO"]
    assert result.mosaic.header["MAGZERO"] == 25
    step = header["MAGZERO"] - 25
    assert header["DEPTH5"] == pytest.approx(result.mosaic.header["DEPTH5"] + step, abs=0.03)
    wcs, scale = tied.mosaic.grid.wcs, 0.1944 / 3600
    bright = np.argsort(magnitude)[:20]
    x, y = wcs.wcs_world2pix(ra[bright], dec[bright], 0)
    found = find_stars(tied.mosaic.data, tied.mosaic.mask, tied.mosaic.variance)
    near = np.hypot(found.x[:, None] - x, found.y[:, None] - y).min(axis=0)
    assert np.median(near) < 0.1
    # Without it the mosaic is off by what the headers are on average.
    moved = result.mosaic.grid.wcs.wcs_pix2world([[128, 128]], 0) - wcs.wcs_pix2world(
        [[128, 128]], 0
    )
    assert np.hypot(*moved[0]) / scale > 0.5


def test_opaque_exposures_are_left_out(tree, calibrations):
    with pytest.warns(QualityWarning, match="left out of the mosaic"):
        strict = DitherReducer(calibrations=calibrations, passes=1, min_transparency=0.99).reduce(
            exposures_of(tree)
        )
    header = strict.mosaic.header
    assert header["NLEFTOUT"] > 0
    assert header["NCOMBINE"] == 14 - header["NLEFTOUT"]
    assert strict.mosaic.coverage.max() <= header["NCOMBINE"]
    assert header["EFFTIME"] <= header["TEXPTIME"]
    assert strict.summary()["n_left_out"] == header["NLEFTOUT"]
    assert strict.summary()["effective_exposure_time"] == pytest.approx(header["EFFTIME"])


def test_a_transparency_is_a_part():
    with pytest.raises(ValueError, match="min_transparency must lie between 0 and 1"):
        DitherReducer(min_transparency=20)


def test_an_exposure_of_another_place_is_left_out(tree, calibrations):
    frames = [read_frame(path) for path in exposures_of(tree)[:5]]
    # Its header tells nothing of it: the stars are those of nowhere.
    frames[2].data = np.roll(frames[2].data[::-1, ::-1].copy(), 90, axis=1)
    with pytest.warns(AlignmentWarning, match="exposure 3 .*left out of the mosaic"):
        result = DitherReducer(calibrations=calibrations, passes=1).reduce(frames)
    assert result.frames[2].method == "left out"
    assert result.frames[2].weight == 0
    assert result.mosaic.coverage.max() == 4
    assert result.mosaic.header["NLEFTOUT"] == 1
