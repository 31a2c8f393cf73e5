"""Offsets refined by cross-correlation."""

import numpy as np
import pytest
from astropy.io.fits import Header
from astropy.nddata import CCDData

from emirimg.alignment import CrossCorrelation, ReferenceObjectAlignment
from emirimg.exceptions import AlignmentWarning
from emirimg.stack import DitherStack

from .star_fields import draw_stars
from .test_reference_object import tan_wcs

SHAPE = (160, 180)
STARS = np.array([[60.2, 50.4], [110.7, 90.3], [70.5, 110.6]])
CLAIMED = np.array([[0.0, 0.0], [12.3, -7.6], [-4.4, 9.9], [0.2, 0.3]])


def stack_of(errors, stars=STARS, *, noise=5.0):
    """Frames whose stars lie ``errors`` off where their headers say."""
    rng = np.random.default_rng(1)
    frames = []
    for claimed, error in zip(CLAIMED, errors, strict=True):
        x, y = (stars - claimed + error).T
        image = draw_stars(SHAPE, x, y, 3e5, 4.0) + noise * rng.normal(size=SHAPE)
        header = Header({"EXPTIME": 10.0, "DATE-OBS": "2018-12-17T23:10:00"})
        frames.append(CCDData(image.astype("f4"), unit="adu", meta=header, wcs=tan_wcs(claimed)))
    return DitherStack.from_frames(frames)


def refined(stack, stars=STARS, **options):
    start = ReferenceObjectAlignment()(stack)
    alignment = CrossCorrelation(**options)(stack, start, stars)
    crpix = np.array([wcs.wcs.crpix for wcs in alignment.wcss])
    return crpix[0] - crpix, alignment


def rounding_is_part_of_it(errors):
    """What remains of a shift when each frame is placed at whole pixels."""
    return errors + np.rint(CLAIMED) - CLAIMED


def test_whole_pixels_are_found_exactly():
    # After placing the frames at whole pixels, shifts are whole for these errors.
    shifts = np.array([[0, 0], [3, -2], [-5, 4], [1, 0]])
    errors = shifts - (np.rint(CLAIMED) - CLAIMED)
    offsets, alignment = refined(stack_of(errors))
    np.testing.assert_allclose(offsets, CLAIMED - shifts, atol=0.02)
    assert alignment.methods == ("cross_correlation",) * 4
    np.testing.assert_array_equal(alignment.n_matched, 3)
    np.testing.assert_allclose(alignment.shifts, -shifts, atol=0.02)


def test_fractions_are_found_to_half_a_pixel():
    rng = np.random.default_rng(2)
    errors = rng.uniform(-4, 4, (4, 2))
    errors[0] = 0
    offsets, _ = refined(stack_of(errors))
    expected = CLAIMED - rounding_is_part_of_it(errors)
    assert np.abs(offsets - expected).max() < 0.9
    assert np.abs(offsets - CLAIMED).max() > 2


def test_the_fraction_is_a_third_and_its_axes_are_exchanged():
    stack = stack_of(np.zeros((4, 2)), noise=0.0)
    moved = np.array([0.3, 0.0])
    x, y = (STARS + moved).T
    stack[3].data[...] = draw_stars(SHAPE, x, y, 3e5, 4.0)
    stack[3].wcs = tan_wcs((0.0, 0.0))
    offsets, _ = refined(stack)
    np.testing.assert_allclose(offsets[3], [0, -0.1], atol=0.02)


def test_a_star_that_disagrees_is_left_out():
    stack = stack_of(np.zeros((4, 2)))
    x, y = (STARS[:1] - CLAIMED[1]).T
    stack[1].data[...] -= draw_stars(SHAPE, x, y, 3e5, 4.0).astype("f4")
    stack[1].data[...] += draw_stars(SHAPE, x + 6, y + 6, 3e5, 4.0).astype("f4")
    offsets, alignment = refined(stack)
    assert alignment.n_matched[1] == 2
    assert np.abs(offsets[1] - CLAIMED[1]).max() < 0.9
    loose, alignment = refined(stack, max_deviation=20.0)
    assert alignment.n_matched[1] == 3
    assert np.abs(loose[1] - offsets[1]).max() > 1


def test_a_star_that_leaves_a_frame_is_not_used_there():
    stars = np.array([*STARS, [28.5, 80.2]])
    stack = stack_of(np.zeros((4, 2)), stars)
    _, alignment = refined(stack, stars)
    np.testing.assert_array_equal(alignment.n_matched, [4, 3, 4, 4])


def test_frames_that_cannot_be_refined_are_named():
    stack = stack_of(np.zeros((4, 2)))
    stack[2].data[...] = 0
    with pytest.warns(AlignmentWarning, match="frame 3 shows none of the 3 stars"):
        offsets, alignment = refined(stack)
    np.testing.assert_allclose(offsets[2], CLAIMED[2], atol=1e-3)
    assert alignment.methods[2] == "header"
    assert alignment.methods[1] == "cross_correlation"


@pytest.mark.parametrize("stars", [np.empty((0, 2)), np.array([[5.0, 80.0]])])
def test_without_stars_nothing_is_refined(stars):
    stack = stack_of(np.zeros((4, 2)))
    with pytest.warns(AlignmentWarning, match="lies well inside frame 1"):
        offsets, alignment = refined(stack, stars)
    np.testing.assert_allclose(offsets, CLAIMED, atol=1e-3)
    assert alignment.methods == ("header",) * 4


def test_the_boxes_matter():
    stack = stack_of(np.zeros((4, 2)))
    stars = np.array([[12.0, 80.0], *STARS])
    _, small = refined(stack, stars, half_width=8)
    _, large = refined(stack, stars, half_width=20)
    assert small.n_matched[0] == 4
    assert large.n_matched[0] == 3


def test_frames_are_not_changed_and_it_can_be_typed_back():
    stack, fresh = stack_of(np.zeros((4, 2))), stack_of(np.zeros((4, 2)))
    refined(stack)
    for frame, same in zip(stack, fresh, strict=True):
        np.testing.assert_array_equal(frame.data, same.data)
        np.testing.assert_array_equal(frame.wcs.wcs.crpix, same.wcs.wcs.crpix)
    made = CrossCorrelation(half_width=12)
    assert eval(repr(made)) == made
