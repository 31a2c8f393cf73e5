"""STARE_IMAGE and FULL_DITHERED_IMAGE on small simulated exposures."""

import copy
import warnings
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from emirimg.blocks import DitherRequirements, StareRequirements
from emirimg.calibration import Calibrations
from emirimg.dither import StareResult, full_dithered_image, stare_image
from emirimg.exceptions import (
    AlignmentError,
    AlignmentWarning,
    CalibrationError,
    FrameError,
    InputError,
    MixedExposuresError,
)
from emirimg.instrument import H2RG
from emirimg.io import (
    PositionImage,
    read_position_image,
    write_intermediate_image,
    write_position_image,
)
from emirimg.simulation import Scene

N = 6
SIZE = 256


@pytest.fixture(scope="module")
def scene():
    return Scene(shape=(SIZE, SIZE), dither_scale=0.12, n_stars=40, n_galaxies=3, brightest=1e5)


@pytest.fixture(scope="module")
def calibrations(scene):
    made = scene.calibrations()
    return Calibrations(
        bad_pixels=np.asarray(made.bad_pixel_mask.data) > 0, dark=made.dark, flat=made.flat
    )


@pytest.fixture(scope="module")
def raw(scene):
    return [scene.exposure(k) for k in range(N)]


@pytest.fixture(scope="module")
def reduced(raw, calibrations):
    return [stare_image([frame], StareRequirements(), calibrations) for frame in raw]


def combine(reduced, **requirements):
    options = {
        key: requirements.pop(key)
        for key in ("offsets", "names", "on_intermediate", "executor")
        if key in requirements
    }
    with warnings.catch_warnings():
        # Nothing lies 300 pixels from the border of so small a mosaic.
        warnings.simplefilter("ignore", AlignmentWarning)
        return full_dithered_image(reduced, DitherRequirements(**requirements), **options)


class TestStareImage:
    def test_the_result(self, reduced, raw):
        frame, original = reduced[0].frame, raw[0]
        assert reduced[0].channels is None
        assert frame.data.dtype == np.float32
        assert frame.mask.dtype == bool
        assert frame.meta["EXP"] == 0
        assert "PV2_3" not in frame.meta
        assert frame.meta["OBJECT"] == original.meta["OBJECT"]
        assert_allclose(np.median(frame.data[~frame.mask]), np.median(original.data), rtol=0.02)
        assert (frame.uncertainty.array[~frame.mask] > 0).all()

    def test_bad_pixels_spread_no_further_than_their_mask(self, raw, calibrations):
        loud = copy.deepcopy(raw[0])
        loud.data[calibrations.bad_pixels] = 1e6
        one = stare_image([raw[0]], StareRequirements(), calibrations).frame
        two = stare_image([loud], StareRequirements(), calibrations).frame
        assert_array_equal(one.data, two.data)
        assert one.mask[calibrations.bad_pixels].mean() > 0.9

    def test_repeats_are_averaged(self, raw, calibrations):
        repeats = [raw[0], copy.deepcopy(raw[0])]
        repeats[1].data = repeats[1].data + 100
        repeats[1].meta["TSUTC2"] = 12345.0
        one = stare_image(repeats[:1], StareRequirements(), calibrations).frame
        two = stare_image(repeats, StareRequirements(), calibrations).frame
        inside = one.data != 0
        assert np.median((two.data - one.data)[inside]) == pytest.approx(50, rel=0.02)
        ratio = two.uncertainty.array[inside] / one.uncertainty.array[inside]
        assert np.median(ratio) == pytest.approx(0.5, rel=0.02)
        assert two.meta["TSUTC2"] == 12345.0
        assert "averaged 2 exposures" in str(two.meta["HISTORY"])

    def test_without_reprojection(self, raw, calibrations):
        requirements = StareRequirements(reprojection_method="none")
        frame = stare_image([raw[0]], requirements, calibrations).frame
        assert_array_equal(frame.mask, calibrations.bad_pixels)
        good = ~frame.mask
        expected = raw[0].data / calibrations.flat.data
        assert_allclose(frame.data[good], expected[good], rtol=1e-5)
        assert frame.wcs.wcs.get_pv() == raw[0].wcs.wcs.get_pv()

    def test_calibrations_may_be_missing(self, raw):
        frame = stare_image([raw[0]], StareRequirements(), Calibrations()).frame
        assert 0 < (~frame.mask).mean() <= 1

    def test_channels_of_the_h2rg(self):
        raw = Scene(shape=(SIZE, SIZE), n_stars=0, n_galaxies=0).exposure(0)
        full = copy.deepcopy(raw)
        full.data = np.ones(H2RG.shape, dtype=np.float32)
        full.wcs.wcs.crpix = full.wcs.wcs.crpix + (2048 - SIZE) / 2
        full.meta["INSCONF"] = H2RG.uuid
        for method, border in (("none", 64), ("interp", 75)):
            requirements = StareRequirements(reprojection_method=method)
            channels = stare_image([full], requirements, Calibrations()).channels
            assert channels.dtype == np.uint8
            assert set(np.unique(channels[1000])) >= set(range(1, 33))
            assert np.flatnonzero(channels[1000] == 2)[0] == pytest.approx(border, abs=10)

    def test_the_input_is_not_changed(self, raw, calibrations):
        before = raw[1].data.copy(), raw[1].meta.tostring()
        stare_image([raw[1]], StareRequirements(), calibrations)
        assert_array_equal(raw[1].data, before[0])
        assert raw[1].meta.tostring() == before[1]

    def test_what_is_refused(self, raw, calibrations):
        with pytest.raises(FrameError, match="no exposures were given"):
            stare_image([], StareRequirements(), calibrations)
        small = raw[0][:100]
        with pytest.raises(FrameError, match="exposure 2 has the shape"):
            stare_image([raw[0], small], StareRequirements(), calibrations)
        with pytest.raises(CalibrationError, match="has the shape"):
            stare_image([small], StareRequirements(), calibrations)


class TestFullDitheredImage:
    def test_the_result(self, reduced):
        image = combine(reduced)
        assert image.data.dtype == image.variance.dtype == np.float32
        assert image.map.dtype == np.int16
        assert image.data.shape == image.variance.shape == image.map.shape
        assert 3 <= image.map.max() <= N
        assert not image.data[image.map == 0].any()
        assert (image.variance[image.map > 0] > 0).all()
        assert image.header["NUM-NCOM"] == N
        assert image.header["TSUTC2"] == reduced[-1].frame.meta["TSUTC2"]
        assert_allclose(
            [image.header["CRPIX1"], image.header["CRPIX2"]], image.wcs.wcs.crpix, rtol=1e-12
        )
        ny, nx = image.data.shape
        assert (ny, nx) > (SIZE, SIZE)
        y, x = (part.split(":") for part in image.header["NVALREGI"].strip("[]").split(","))
        assert int(y[1]) - int(y[0]) == int(x[1]) - int(x[0]) == SIZE
        assert_allclose(
            image.wcs.wcs.crpix - reduced[0].frame.wcs.wcs.crpix, [int(x[0]), int(y[0])]
        )
        assert image.warnings == ()

    def test_frames_are_moved_by_whole_pixels(self, scene, calibrations):
        """A sky without noise and a flat one: the mosaic is a mean of shifted frames."""
        frames = []
        for k in range(3):
            frame = stare_image([scene.exposure(k)], StareRequirements(), calibrations).frame
            frame.data[...] = 1000
            frame.mask[...] = False
            frame.data[100 + k, 120] = 4000
            frames.append(StareResult(frame))
        positions = np.array([[120.0, 100.0 + k] for k in range(3)])
        image = combine(frames, offsets=positions, method="mean")
        assert image.data.shape == (SIZE + 2, SIZE)
        y, x = np.unravel_index(image.data.argmax(), image.data.shape)
        assert (y, x) == (102, 120)
        assert image.map[0].max() == 1
        assert image.map[2].max() == 3

    def test_variance_is_that_of_the_image(self, scene):
        clean = scene.without_faults().with_stars(0).replace(n_galaxies=0, seed=11)
        frames = [
            stare_image([clean.exposure(k)], StareRequirements(), Calibrations()) for k in range(N)
        ]
        for known in (True, False):
            if not known:
                for item in frames:
                    item.frame.uncertainty = None
            image = combine(frames, method="mean")
            deep = image.map >= N - 1
            # The superflat of so few frames removes some of their own noise.
            found = 1.4826 * np.median(np.abs(image.data[deep] - np.median(image.data[deep])))
            claimed = np.sqrt(np.median(image.variance[deep]))
            assert 0.5 < found / claimed < 1.1

    def test_intermediate_images(self, reduced):
        seen = {}
        combine(
            reduced, iterations=1, sky_images=4, fit_doughnut=True, refine_offsets=True,
            names=[f"f{k}" for k in range(N)], on_intermediate=seen.__setitem__,
        )  # fmt: skip
        expected = {f"f{k}_rfs_i{i}" for k in range(N) for i in (0, 1)}
        for i in (0, 1):
            expected |= {
                f"superflat_comb_i{i}", f"superflat_doughnut_i{i}", f"superflat_comb_dc_i{i}",
                f"result_i{i}", f"result_i{i}_var", f"result_i{i}_npix",
            }  # fmt: skip
        assert set(seen) == expected | {"objmask_i1", "check_i1"}
        assert seen["result_i1"].wcs is not None
        assert seen["superflat_comb_i0"].shape == (SIZE, SIZE)

    def test_every_requirement_matters(self, reduced):
        plain = combine(reduced)
        iterated = {"iterations": 1, "sky_images": 4}
        last = combine(reduced, **iterated)
        assert not np.allclose(plain.data, last.data, atol=0.1)
        others = {
            "two": {"iterations": 2, "sky_images": 4},
            "sky": {"iterations": 1, "sky_images": 2},
            "time": {**iterated, "sky_images_sep_time": 1.0},
            "doughnut": {**iterated, "fit_doughnut": True},
            "cells": {**iterated, "nside_adhoc_sky_correction": 4},
            "extinction": {**iterated, "extinction": 0.1},
            "median": {**iterated, "method": "median"},
            "limits": {**iterated, "method_kwargs": {"low": 1.5, "high": 1.5}},
        }
        for name, requirements in others.items():
            image = combine(reduced, **requirements)
            assert image.data.shape == last.data.shape
            assert not np.allclose(image.data, last.data, atol=1e-3), name

    def test_extinction_makes_objects_brighter(self, reduced):
        airmass = [item.frame.meta["AIRMASS"] for item in reduced]
        plain, corrected = combine(reduced), combine(reduced, extinction=0.2)
        bright = plain.data > 2000
        expected = 10 ** (0.4 * 0.2 * np.mean(airmass))
        assert np.median(corrected.data[bright] / plain.data[bright]) == pytest.approx(
            expected, rel=5e-3
        )

    def test_channels(self, reduced):
        numbers = (np.arange(SIZE) // 32 + 1).astype(np.uint8) * np.ones((SIZE, 1), np.uint8)
        striped = []
        for number, item in enumerate(reduced):
            frame = copy.deepcopy(item.frame)
            frame.meta["INSCONF"] = H2RG.uuid
            inside = frame.data != 0
            frame.data[inside] += (20 * np.sin(number + 2.0 * numbers))[inside]
            striped.append(StareResult(frame, numbers))
        iterated = {"iterations": 1, "sky_images": 4}
        corrected = combine(striped, **iterated, adhoc_sky_correction_h2rg=True)
        left = combine(striped, **iterated)
        deep = corrected.map >= 3
        scatter = [
            1.4826 * np.median(np.abs(image.data[deep] - np.median(image.data[deep])))
            for image in (corrected, left)
        ]
        assert scatter[0] < 0.9 * scatter[1]
        with pytest.raises(InputError, match="frame 3 has no image of its readout channels"):
            combine(
                [*striped[:2], replace(striped[2], channels=None), *striped[3:]],
                **iterated, adhoc_sky_correction_h2rg=True,
            )  # fmt: skip

    @pytest.mark.parametrize(
        "requirements",
        [
            {"nside_adhoc_sky_correction": 4, "fit_doughnut": True},
            {"adhoc_sky_correction_h2rg": True},
        ],
    )
    def test_images_may_stay_in_their_files(self, reduced, tmp_path, requirements):
        """Frames that are read row by row, and kept on the way, give the same image."""
        numbers = (np.arange(SIZE) // 32 + 1).astype(np.uint8) * np.ones((SIZE, 1), np.uint8)
        both = []
        for in_memory in (True, False):
            frames = []
            for number, item in enumerate(reduced):
                frame = copy.deepcopy(item.frame)
                if "adhoc_sky_correction_h2rg" in requirements:
                    frame.meta["INSCONF"] = H2RG.uuid
                path = tmp_path / f"{number}.fits"
                write_position_image(
                    path, PositionImage(frame, numbers), exposures=[], calibrations={},
                    method="interp",
                )  # fmt: skip
                read = read_position_image(path, in_memory=in_memory)
                frames.append(StareResult(read.frame, read.channels))
            keep = None if in_memory else partial(write_intermediate_image, tmp_path)
            options = {"iterations": 1, "sky_images": 4, "refine_offsets": True}
            both.append(combine(frames, **options, **requirements, on_intermediate=keep))
        one, two = both
        assert_allclose(two.data, one.data, rtol=1e-6, atol=1e-3)
        assert_allclose(two.variance, one.variance, rtol=1e-5)
        assert_array_equal(two.map, one.map)
        assert (tmp_path / "result_i1.fits").is_file()

    def test_failures_are_said(self, reduced):
        with pytest.warns(AlignmentWarning, match="offsets of the frames are not refined"):
            image = full_dithered_image(reduced, DitherRequirements(refine_offsets=True))
        assert len(image.warnings) == 1
        assert "not refined" in str(image.header["HISTORY"]).replace("\n", "")

    def test_the_result_does_not_depend_on_the_threads(self, reduced):
        requirements = {"iterations": 1, "sky_images": 4, "nside_adhoc_sky_correction": 4}
        with ThreadPoolExecutor(1) as one:
            first = combine(reduced, **requirements, executor=one)
        second = combine(reduced, **requirements)
        assert_array_equal(first.data, second.data)
        assert_array_equal(first.variance, second.variance)

    def test_the_input_is_not_changed(self, reduced):
        before = [item.frame.data.copy() for item in reduced]
        variances = [item.frame.uncertainty.array.copy() for item in reduced]
        combine(reduced, iterations=1, sky_images=4, nside_adhoc_sky_correction=4)
        for item, data, variance in zip(reduced, before, variances, strict=True):
            assert_array_equal(item.frame.data, data)
            assert_array_equal(item.frame.uncertainty.array, variance)

    def test_what_is_refused(self, reduced):
        with pytest.raises(MixedExposuresError, match="no frames were given"):
            combine([])
        with pytest.raises(InputError, match="not meant for the detector HAWAII-2"):
            combine(reduced, iterations=1, sky_images=4, adhoc_sky_correction_h2rg=True)
        with pytest.raises(AlignmentError, match="found 2 positions"):
            combine(reduced, offsets=np.zeros((2, 2)))
