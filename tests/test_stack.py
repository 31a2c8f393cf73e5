from dataclasses import replace

import astropy.units as u
import numpy as np
import pytest
from astropy.io.fits import Header
from astropy.nddata import CCDData
from astropy.wcs import WCS

from emirimg._lazy import LazyFrame, LazyPlane
from emirimg.exceptions import MixedExposuresError
from emirimg.stack import DitherStack


def make_frame(ra=10.0, *, second=0, shape=(20, 30), value=1.0):
    wcs = WCS(naxis=2)
    wcs.wcs.ctype = ["RA---TAN", "DEC--TAN"]
    wcs.wcs.crval = [ra, 0.0]
    wcs.wcs.cdelt = [-5.4e-5, 5.4e-5]
    header = Header({"EXPTIME": 10.0, "DATE-OBS": f"2018-12-17T23:00:{second:02d}"})
    return CCDData(np.full(shape, value, "f4"), unit="adu", wcs=wcs, meta=header)


def test_a_stack_is_a_sequence():
    frames = [make_frame(), make_frame(second=40)]
    stack = DitherStack.from_frames(frames)
    assert len(stack) == 2
    assert list(stack) == frames
    assert stack[1] is frames[1]
    assert stack.shape == (20, 30)
    assert stack.names == ("frame 1", "frame 2")
    np.testing.assert_allclose(stack.seconds, [5, 45])


def test_repeats_of_a_pointing_share_a_number():
    frames = [make_frame(ra) for ra in (10.0, 10.01, 10.0001, 10.02, 10.01)]
    np.testing.assert_array_equal(DitherStack.from_frames(frames).pointings, [0, 1, 0, 2, 1])


def test_how_close_repeats_must_be_can_be_chosen():
    frames = [make_frame(ra) for ra in (10.0, 10.01)]
    stack = DitherStack.from_frames(frames, same_pointing=1 * u.deg)
    np.testing.assert_array_equal(stack.pointings, [0, 0])


def test_a_band_has_the_rows_and_masks_of_all_frames():
    frames = [make_frame(value=value) for value in (1.0, 2.0)]
    frames[1].mask = np.zeros((20, 30), dtype=bool)
    frames[1].mask[5, 3] = True
    values, mask = DitherStack.from_frames(frames).band(slice(4, 7))
    assert values.dtype == np.float32
    assert values.shape == mask.shape == (2, 3, 30)
    assert (values[0] == 1).all()
    assert (values[1] == 2).all()
    assert np.argwhere(mask).tolist() == [[1, 1, 3]]


def test_other_frames_keep_names_and_pointings():
    stack = DitherStack.from_frames([make_frame(), make_frame(10.01)], ["a", "b"])
    other = stack.with_frames([frame.copy() for frame in stack])
    assert other.names == ("a", "b")
    assert other.pointings is stack.pointings


def test_no_frames():
    with pytest.raises(MixedExposuresError, match="no frames were given"):
        DitherStack.from_frames([])


def test_frames_of_different_shape():
    with pytest.raises(MixedExposuresError, match=r"b has the shape \(20, 31\), but a has"):
        DitherStack.from_frames([make_frame(), make_frame(shape=(20, 31))], ["a", "b"])


def test_some_frames_are_selected():
    stack = DitherStack.from_frames(
        [make_frame(ra, second=k) for k, ra in enumerate((10, 11, 10))]
    )
    some = stack.select([2, 1])
    assert some.names == ("frame 3", "frame 2")
    assert some[0] is stack[2]
    np.testing.assert_array_equal(some.pointings, [0, 1])
    with pytest.raises(MixedExposuresError, match="no frames were chosen"):
        stack.select([])


def test_bands_are_less_high_the_more_frames_there_are():
    def height(n_frames):
        frames = [make_frame(second=k, shape=(8, 4)) for k in range(n_frames)]
        stack = DitherStack.from_frames(frames)
        wide = replace(stack, frames=[LazyFrame(plane, unit="adu") for _ in frames])
        return wide.bands(64)[0].stop

    def never(rows):
        raise AssertionError(rows)

    plane = LazyPlane(never, (1000, 20_000), np.float32)
    assert 64 >= height(1) > height(50) >= 1
    assert DitherStack.from_frames([make_frame()]).bands(8) == [
        slice(0, 8), slice(8, 16), slice(16, 20),
    ]  # fmt: skip
