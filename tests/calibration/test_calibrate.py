"""Calibrations and the chain of their operations."""

import copy
from dataclasses import replace

import astropy.units as u
import numpy as np
import pytest
from astropy.io.fits import Header
from astropy.nddata import CCDData, StdDevUncertainty, VarianceUncertainty

from emirimg.calibration import (
    Calibrations,
    assign_noise,
    calibrate,
    divide_flat,
    mask_bad_pixels,
    mask_not_finite,
    mask_saturated,
    subtract_dark,
)
from emirimg.exceptions import CalibrationError, CalibrationWarning, FrameError
from emirimg.instrument import read_metadata

SHAPE = (24, 32)


def header(**cards):
    return Header(
        {"DATE-OBS": "2018-12-17T23:57:24", "EXPTIME": 20.0, "GAIN": 4.0, "RDNOISE": 6.0} | cards
    )


def raw(seed=1, dtype="f4"):
    data = np.random.default_rng(seed).normal(3000, 30, SHAPE).astype(dtype)
    return CCDData(data, unit="adu", meta=header())


def masters():
    rng = np.random.default_rng(2)
    flat = rng.normal(1, 0.03, SHAPE)
    flat[3, 4], flat[5, 6], flat[7, 8] = 0, -1, np.nan
    dark = rng.normal(2, 0.1, SHAPE)
    dark[9, 9] = np.inf
    bad = np.zeros(SHAPE, bool)
    bad[1, 1:5] = True
    return Calibrations(
        bad,
        CCDData(dark, unit="adu/s", uncertainty=VarianceUncertainty(np.full(SHAPE, 0.01))),
        CCDData(flat, unit="", uncertainty=StdDevUncertainty(np.full(SHAPE, 0.002))),
        inputs=(("flat", "master_flat.fits", "00"),),
    )


def chain(frame, calibrations, metadata):
    frame = mask_not_finite(frame)
    frame = mask_saturated(frame, metadata.detector.saturation)
    frame = mask_bad_pixels(frame, calibrations.bad_pixels)
    frame = assign_noise(frame, metadata.gain, metadata.read_noise, origin="from the header")
    frame = subtract_dark(frame, calibrations.dark, metadata.exposure_time)
    return divide_flat(frame, calibrations.flat)


def damaged():
    frame = raw()
    frame.data[0, 0], frame.data[0, 1], frame.data[0, 2] = np.nan, -np.inf, 60000
    frame.data[0, 3] = -50
    frame.mask = np.zeros(SHAPE, bool)
    frame.mask[20, 20] = True
    return frame


class TestCalibrate:
    def test_equals_the_chain(self):
        frame, calibrations = damaged(), masters()
        metadata = read_metadata(frame.meta)
        fast = calibrate(frame, calibrations, metadata)
        slow = chain(frame, calibrations, metadata)
        np.testing.assert_allclose(fast.data, slow.data, rtol=2e-6, atol=1e-4)
        np.testing.assert_allclose(fast.uncertainty.array, slow.uncertainty.array, rtol=5e-6)
        np.testing.assert_array_equal(fast.mask, slow.mask)
        assert list(fast.meta["HISTORY"]) == list(slow.meta["HISTORY"])

    def test_charge_runs_over_as_in_the_chain(self):
        frame, calibrations = raw(), masters()
        for place in ((10, 10), (10, 11), (11, 12), (0, 31), (23, 0), (23, 31), (15, 0)):
            frame.data[place] = 60000
        metadata = read_metadata(frame.meta)
        found = calibrate(frame, calibrations, metadata).mask
        np.testing.assert_array_equal(found, chain(frame, calibrations, metadata).mask)
        assert found[9:12, 9:13].all()

    def test_masks_what_is_unusable(self):
        result = calibrate(damaged(), masters(), read_metadata(header()))
        places = [(0, 0), (0, 1), (0, 2), (1, 1), (3, 4), (5, 6), (7, 8), (9, 9), (20, 20)]
        assert all(result.mask[place] for place in places)
        # The neighbours of the saturated pixel: all but (0, 3) are masked already.
        assert result.mask[:2, 1:4].all()
        assert result.mask.sum() == 13
        assert np.isfinite(result.data).all()
        assert np.isfinite(result.uncertainty.array).all()

    def test_recovers_the_light(self):
        calibrations = masters()
        light = 1000.0
        frame = CCDData(
            light * calibrations.flat.data + 20 * calibrations.dark.data, unit="adu", meta=header()
        )
        result = calibrate(frame, calibrations, read_metadata(frame.meta))
        np.testing.assert_allclose(result.data[~result.mask], light, rtol=1e-5)

    def test_types_and_input(self):
        frame = damaged()
        before = copy.deepcopy(frame)
        result = calibrate(frame, masters(), read_metadata(frame.meta))
        assert result.data.dtype == result.uncertainty.array.dtype == np.float32
        assert result.mask.dtype == bool
        assert result.unit == u.adu
        np.testing.assert_array_equal(frame.data, before.data)
        np.testing.assert_array_equal(frame.mask, before.mask)
        assert frame.uncertainty is None
        assert "HISTORY" not in frame.meta

    @pytest.mark.parametrize("dtype", ["u2", ">i4", ">f4", "f8"])
    def test_pixel_types(self, dtype):
        frame = raw(dtype=dtype)
        result = calibrate(frame, Calibrations(), read_metadata(frame.meta))
        np.testing.assert_array_equal(result.data, frame.data.astype("f4"))

    def test_without_calibrations(self):
        frame = raw()
        result = calibrate(frame, Calibrations(), read_metadata(frame.meta))
        np.testing.assert_array_equal(result.data, frame.data)
        np.testing.assert_allclose(result.uncertainty.array, frame.data / 4 + 36, rtol=1e-6)
        assert not result.mask.any()

    def test_gain_and_read_noise_count(self):
        frame = raw()
        metadata = replace(read_metadata(frame.meta), gain=2.0, read_noise=10.0)
        result = calibrate(frame, Calibrations(), metadata)
        np.testing.assert_allclose(result.uncertainty.array, frame.data / 2 + 100, rtol=1e-6)

    def test_names_an_unusable_frame(self):
        frame = raw()
        frame.data[:14] = np.nan
        metadata = read_metadata(frame.meta)
        with pytest.raises(FrameError, match=r"night\.fits: 58\.3 % .*448 are not finite"):
            calibrate(frame, Calibrations(), metadata, name="night.fits")
        calibrate(frame, Calibrations(), metadata, max_unusable=0.6)
        # A file has been read with 0 in place of what is not finite.
        as_read = CCDData(np.nan_to_num(frame.data), unit="adu", mask=np.isnan(frame.data))
        with pytest.raises(FrameError, match=r"448 are not finite or masked, 0 are saturated"):
            calibrate(as_read, Calibrations(), metadata)

    def test_refuses_electrons(self):
        frame = CCDData(np.ones(SHAPE), unit="electron", meta=header())
        with pytest.raises(FrameError, match="unit electron; adu was expected"):
            calibrate(frame, Calibrations(), read_metadata(frame.meta))

    def test_variance_by_monte_carlo(self):
        rng = np.random.default_rng(5)
        calibrations = Calibrations(flat=CCDData(np.full(SHAPE, 0.8), unit=""))
        trials = []
        for _ in range(300):
            electrons = rng.poisson(4000, SHAPE) + rng.normal(0, 24, SHAPE)
            frame = CCDData(electrons / 4, unit="adu", meta=header())
            trials.append(calibrate(frame, calibrations, read_metadata(frame.meta)))
        claimed = np.mean([trial.uncertainty.array for trial in trials])
        found = np.var([trial.data for trial in trials], axis=0, ddof=1).mean()
        assert found == pytest.approx(claimed, rel=0.02)


class TestCalibrations:
    @pytest.mark.parametrize("kind", ["bad_pixels", "dark", "flat"])
    def test_refuses_another_shape(self, kind):
        plane = np.ones((8, 8))
        plane = plane > 0 if kind == "bad_pixels" else CCDData(plane, unit="")
        calibrations = Calibrations(**{kind: plane}, inputs=((kind, "small.fits", ""),))
        text = r"small\.fits has the shape \(8, 8\), but run 7 has \(24, 32\)"
        with pytest.raises(CalibrationError, match=text):
            calibrations.check(SHAPE, "run 7")
        with pytest.raises(CalibrationError, match=r"but x\.fits has"):
            calibrate(raw(), calibrations, read_metadata(header()), name="x.fits")

    def test_warns_of_what_is_missing(self):
        with pytest.warns(CalibrationWarning) as caught:
            Calibrations().check(SHAPE)
        assert ["no flat" in str(w.message) for w in caught] == [True, False]
        assert "no bad-pixel mask" in str(caught[1].message)

    @pytest.mark.parametrize("level", [2763.0, 0.0])
    def test_warns_of_what_is_no_flat(self, level):
        flat = CCDData(np.full(SHAPE, level), unit="")
        inputs = (("flat", "e1.fits", ""),)
        odd = Calibrations(bad_pixels=np.zeros(SHAPE, bool), flat=flat, inputs=inputs)
        with pytest.warns(CalibrationWarning, match=rf"flat e1\.fits: the level .* {level:.0f},"):
            odd.check(SHAPE)

    def test_accepts_what_fits(self):
        masters().check(SHAPE)

    def test_names(self):
        assert masters().name_of("flat") == "flat master_flat.fits"
        assert masters().name_of("dark") == "the dark"

    def test_nothing_is_unusable_without_masters(self):
        assert Calibrations().unusable is None


@pytest.mark.parametrize(
    "operation",
    [
        mask_not_finite,
        lambda frame: mask_saturated(frame, 3000),
        lambda frame: mask_bad_pixels(frame, masters().bad_pixels),
        lambda frame: assign_noise(frame, 2.0, 5.0),
        lambda frame: subtract_dark(frame, masters().dark, 10 * u.s),
        lambda frame: divide_flat(frame, masters().flat),
    ],
)
def test_operations_leave_the_frame_alone(operation):
    frame = damaged()
    frame.uncertainty = VarianceUncertainty(np.ones(SHAPE))
    before = copy.deepcopy(frame)
    result = operation(frame)
    np.testing.assert_array_equal(frame.data, before.data)
    np.testing.assert_array_equal(frame.mask, before.mask)
    np.testing.assert_array_equal(frame.uncertainty.array, before.uncertainty.array)
    assert len(result.meta["HISTORY"]) == 1
    assert "HISTORY" not in frame.meta


@pytest.mark.parametrize(
    "operation",
    [
        lambda frame: mask_bad_pixels(frame, np.zeros((2, 2), bool)),
        lambda frame: subtract_dark(frame, CCDData(np.zeros((2, 2)), unit="adu/s"), 1 * u.s),
        lambda frame: divide_flat(frame, CCDData(np.ones((2, 2)), unit="")),
    ],
)
def test_operations_refuse_another_shape(operation):
    with pytest.raises(FrameError, match=r"has the shape \(2, 2\)"):
        operation(raw())


@pytest.mark.parametrize(("date", "n_seeing"), [("2018-12-17", 24 * 32), ("2024-01-17", 16 * 24)])
def test_the_reference_pixels_of_the_h2rg_are_masked(date, n_seeing):
    metadata = read_metadata(header(**{"DATE-OBS": f"{date}T23:57:24"}))
    whole = replace(metadata, detector=replace(metadata.detector, shape=SHAPE))
    mask = calibrate(raw(), Calibrations(), whole, max_unusable=1.0).mask
    assert (~mask).sum() == n_seeing
    assert not mask[4:-4, 4:-4].any()
    # A part of the detector has no such rim.
    assert not calibrate(raw(), Calibrations(), metadata).mask.any()
