import warnings
from concurrent.futures import ThreadPoolExecutor

import astropy.units as u
import numpy as np
import pytest
from astropy.wcs import WCS
from pydantic import ValidationError

from emirimg.alignment import LEFT_OUT, HeaderAlignment, StarAlignment
from emirimg.alignment.plane import common_plane, moved_wcs, pointing_shift
from emirimg.exceptions import AlignmentError, AlignmentWarning
from emirimg.stack import DitherStack

from .star_fields import (
    SCALE,
    as_frame,
    dithered_stack,
    draw_stars,
    registration_errors,
    stack_of_places,
    with_noise,
    zpn_wcs,
)

SHAPE = (256, 256)


def without_stars(stack, index):
    """Return the stack with noise only in one frame."""
    rng = np.random.default_rng(0)
    frames = list(stack)
    image, variance = with_noise(np.zeros(SHAPE), rng)
    frames[index] = as_frame(image, variance, frames[index].wcs, index)
    return stack.with_frames(frames)


def test_frames_are_registered_to_a_hundredth_of_a_pixel():
    stack, true = dithered_stack()
    result = StarAlignment()(stack)
    errors = registration_errors(result.wcss, true, SHAPE)
    assert errors.std() < 0.01
    assert set(result.methods) == {"stars"}
    assert result.n_matched.min() > 10
    assert result.residuals.to_value(u.arcsec).max() < 0.03 * SCALE
    # Before, they were wrong by pixels.
    before = registration_errors(HeaderAlignment()(stack).wcss, true, SHAPE)
    assert before.std() > 2


def test_only_the_pointing_changes():
    stack, _ = dithered_stack(n_frames=3)
    for new, frame in zip(StarAlignment()(stack).wcss, stack, strict=True):
        np.testing.assert_array_equal(new.wcs.crpix, frame.wcs.wcs.crpix)
        np.testing.assert_array_equal(new.wcs.cd, frame.wcs.wcs.cd)
        assert new.wcs.get_pv() == frame.wcs.wcs.get_pv()
        assert np.any(new.wcs.crval != frame.wcs.wcs.crval)


def test_the_median_correction_is_zero():
    stack, _ = dithered_stack(n_frames=5)
    result = StarAlignment()(stack)
    assert np.abs(np.median(result.shifts, axis=0)).max() < 0.01
    for frame, wcs, shift in zip(stack, result.wcss, result.shifts, strict=True):
        # What the header takes for the reference pixel lies at the shift from it.
        place = frame.wcs.wcs_world2pix([wcs.wcs.crval], 1)[0]
        np.testing.assert_allclose(place - frame.wcs.wcs.crpix, shift)


def test_a_rotated_frame_is_found():
    shape, angle = (512, 512), np.radians(0.02)
    y, x = np.mgrid[40:500:80, 40:500:80]
    places = np.column_stack([x.ravel(), y.ravel()]) + 0.3
    shifts = [(0, 0), (3.1, -4.2), (-6.3, 2.2), (5.5, 5.5)]
    stack, true = stack_of_places(places, shifts, [0, 0, angle, 0], shape)
    result = StarAlignment()(stack)
    turned = result.wcss[2].wcs.cd @ np.linalg.inv(stack[2].wcs.wcs.cd)
    assert np.arctan2(turned[1, 0], turned[0, 0]) == pytest.approx(angle, rel=0.1)
    for index in (0, 1, 3):
        np.testing.assert_array_equal(result.wcss[index].wcs.cd, stack[index].wcs.wcs.cd)
    assert registration_errors(result.wcss, true, shape).std() < 0.01


def test_no_rotation_from_five_stars():
    places = np.array([[40.0, 50.0], [210.0, 60.0], [130.0, 130.0], [60.0, 200.0], [200.0, 190.0]])
    shifts = [(0, 0), (3.1, -4.2), (-6.3, 2.2)]
    stack, _ = stack_of_places(places, shifts, [0, np.radians(0.1), 0])
    for wcs, frame in zip(StarAlignment()(stack).wcss, stack, strict=True):
        np.testing.assert_array_equal(wcs.wcs.cd, frame.wcs.wcs.cd)
    places = np.vstack([places, [[130.0, 40.0]]])
    stack, _ = stack_of_places(places, shifts, [0, np.radians(0.1), 0])
    assert np.any(StarAlignment()(stack).wcss[1].wcs.cd != stack[1].wcs.wcs.cd)


@pytest.mark.parametrize("n_stars", [2, 3])
def test_very_few_stars_are_enough_in_an_empty_field(n_stars):
    places = np.array([[60.0, 80.0], [190.0, 110.0], [100.0, 200.0]])[:n_stars]
    stack, true = stack_of_places(places, [(0, 0), (7.3, -4.2), (-12.1, 9.9)])
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        result = StarAlignment()(stack)
    texts = [str(warning.message) for warning in caught]
    names = ["frame 1", "frame 2", "frame 3"] if n_stars == 2 else []
    assert texts == [f"{name} was placed by 2 stars only" for name in names]
    errors = registration_errors(result.wcss, true, SHAPE)
    assert np.abs(np.median(errors, axis=1)).max() < 0.05


def test_least_number_of_stars():
    places = np.array([[60.0, 80.0], [190.0, 110.0], [100.0, 200.0]])
    stack, _ = stack_of_places(places, [(0, 0), (7.3, -4.2)])
    assert set(StarAlignment(min_stars=3)(stack).methods) == {"stars"}
    with pytest.warns(AlignmentWarning, match="no frame could be placed"):
        assert set(StarAlignment(min_stars=4)(stack).methods) == {"header"}


def test_a_frame_without_stars_is_left_out_where_others_show_many():
    stack, _ = dithered_stack(n_frames=6)
    with pytest.warns(AlignmentWarning, match="frame 4 shows too few stars.*left out"):
        result = StarAlignment()(without_stars(stack, 3))
    assert result.methods == ("stars",) * 3 + (LEFT_OUT,) + ("stars",) * 2
    np.testing.assert_array_equal(result.used, [True] * 3 + [False] + [True] * 2)


FEW = np.array([[60.0, 70.0], [190.0, 80.0], [100.0, 200.0], [170.0, 160.0]])


def test_a_frame_without_stars_follows_its_neighbours_where_stars_are_scarce():
    drift = np.column_stack([np.arange(6) * 1.5, np.arange(6) * -1.0]) - [3.75, -2.5]
    stack, true = stack_of_places(FEW, drift)
    with pytest.warns(AlignmentWarning, match="frame 4 shows too few stars.*neighbours"):
        result = StarAlignment()(without_stars(stack, 3))
    assert result.methods == ("stars",) * 3 + ("interpolated",) + ("stars",) * 2
    assert result.n_matched[3] == 0
    assert np.isnan(result.residuals[3])
    assert result.transparency[3] == 1
    assert result.used.all()
    errors = registration_errors(result.wcss, true, SHAPE)
    # The drift is steady, so that the neighbours know it.
    assert np.abs(errors[3]).max() < 0.05
    assert result.reference != 3


def test_pointings_that_jump_are_not_interpolated():
    jumps = np.array([[0, 0], [6, 0], [0, 5], [0, 0], [-7, 0], [0, 6]], dtype=float)
    stack, _ = stack_of_places(FEW, jumps)
    with pytest.warns(AlignmentWarning, match="frame 4 .* left out"):
        assert StarAlignment()(without_stars(stack, 3)).methods[3] == LEFT_OUT


@pytest.mark.parametrize("angle", [30.0, 90.0])
def test_the_rotator_may_stand_at_any_angle(angle):
    stack, true = dithered_stack(n_frames=4, n_stars=30)
    turned = np.radians(angle)
    c, s = np.cos(turned), np.sin(turned)
    frames = []
    for frame, wcs in zip(stack, true, strict=True):
        header = frame.wcs.deepcopy()
        for one in (header, wcs):
            one.wcs.cd = np.array([[c, -s], [s, c]]) @ one.wcs.cd
            one.wcs.set()
        new = frame.copy()
        new.wcs = header
        frames.append(new)
    # The frames turn about their own pointings: what they share does not change.
    result = StarAlignment()(DitherStack.from_frames(frames))
    assert result.methods == ("stars",) * 4


def test_headers_wrong_by_many_pixels_and_jumping():
    errors = np.array([[25, -10], [-22, 15], [3, 28], [-20, -24], [18, 9]], dtype=float)
    stack, true = dithered_stack(n_frames=5, n_stars=60, errors=errors)
    result = StarAlignment()(stack)
    assert set(result.methods) == {"stars"}
    assert registration_errors(result.wcss, true, SHAPE).std() < 0.01


def test_hot_pixels_are_not_taken_for_stars():
    errors = np.random.default_rng(3).normal(size=(6, 2)) * 6
    stack, true = dithered_stack(n_frames=6, n_stars=30, errors=errors)
    rng = np.random.default_rng(7)
    x, y = rng.uniform(15, 240, (2, 40))
    warm = draw_stars(SHAPE, x, y, 8e4, 3.4).astype("f4")
    frames = []
    for frame in stack:
        new = frame.copy()
        new.data = frame.data + warm
        frames.append(new)
    result = StarAlignment()(stack.with_frames(frames))
    assert set(result.methods) == {"stars"}
    assert registration_errors(result.wcss, true, SHAPE).std() < 0.02


def test_a_saturated_star_and_a_big_galaxy_do_no_harm():
    stack, true = dithered_stack(n_frames=4)
    sky = true[0].wcs_pix2world([[128.0, 120.0], [60.0, 190.0]], 0)
    frames = []
    for frame, wcs in zip(stack, true, strict=True):
        (x, y), (x1, y1) = wcs.wcs_world2pix(sky, 0)
        extra = draw_stars(SHAPE, [x], [y], 3e6, 60.0, beta=2.0, oversample=1)
        extra += draw_stars(SHAPE, [x1], [y1], 5e6, 3.5)
        new = frame.copy()
        new.data = np.minimum(frame.data + extra, 50000).astype("f4")
        frames.append(new)
    result = StarAlignment()(stack.with_frames(frames))
    assert set(result.methods) == {"stars"}
    assert registration_errors(result.wcss, true, SHAPE).std() < 0.02


def test_no_stars_at_all():
    stack, _ = dithered_stack(n_frames=2, n_stars=0)
    with pytest.warns(AlignmentWarning, match="no frame could be placed by its stars"):
        result = StarAlignment()(stack)
    assert result.methods == ("header", "header")
    np.testing.assert_array_equal(result.shifts, 0)
    assert np.isnan(result.fwhm).all()


def test_a_single_frame_keeps_its_header():
    stack, _ = dithered_stack(n_frames=1)
    result = StarAlignment()(stack)
    assert result.methods == ("header",)
    assert np.isfinite(result.fwhm).all()


def test_implausible_shifts_are_refused():
    errors = np.zeros((4, 2))
    errors[1] = [40.0, 0.0]
    stack, true = dithered_stack(n_frames=4, n_stars=60, errors=errors, dither=5)
    generous = StarAlignment(max_shift="15 arcsec")(stack)
    assert generous.methods[1] == "stars"
    assert registration_errors(generous.wcss, true, SHAPE).std() < 0.01
    with pytest.warns(AlignmentWarning, match="frame 2"):
        strict = StarAlignment(max_shift=4 * u.arcsec)(stack)
    assert strict.methods == ("stars", LEFT_OUT, "stars", "stars")


def test_seeing_transparency_and_reference():
    fwhm = [3.4, 3.0, 3.7, 3.4]
    clear = [1.0, 1.0, 0.7, 1.0]
    stack, _ = dithered_stack(
        n_frames=4, fwhm=fwhm, transparency=clear, faintest=4e4, brightest=3e5, n_stars=60
    )
    result = StarAlignment()(stack)
    np.testing.assert_allclose(result.transparency, clear, atol=0.008)
    expected = (np.array(fwhm) + 0.23 / np.array(fwhm)) * SCALE
    np.testing.assert_allclose(result.fwhm.to_value(u.arcsec), expected, rtol=0.02)
    assert np.all(result.ellipticity < 0.05)
    assert result.reference == 1


def test_options_reach_the_star_finder():
    stack, _ = dithered_stack(n_frames=2, n_stars=60)
    base = StarAlignment()(stack)
    assert StarAlignment(threshold=60)(stack).n_matched[0] < base.n_matched[0]
    assert StarAlignment(max_stars=12)(stack).n_matched[0] <= 12 < base.n_matched[0]
    assert StarAlignment(saturation=2000.0)(stack).n_matched[0] < base.n_matched[0]
    assert StarAlignment(seeing=1.4 * u.arcsec)(stack).n_matched[0] != base.n_matched[0]


def test_galaxies_and_missing_uncertainty_do_no_harm():
    stack, true = dithered_stack(n_frames=4)
    rng = np.random.default_rng(6)
    sky = true[0].wcs_pix2world(rng.uniform(20, 236, (15, 2)), 0)
    frames = []
    for frame, wcs in zip(stack, true, strict=True):
        x, y = wcs.wcs_world2pix(sky, 0).T
        galaxies = draw_stars(SHAPE, x, y, 4e4, 9.0, beta=2.5, ellipticity=0.4, oversample=2)
        new = frame.copy()
        new.data = (frame.data + galaxies).astype("f4")
        new.uncertainty = None
        frames.append(new)
    result = StarAlignment()(stack.with_frames(frames))
    assert registration_errors(result.wcss, true, SHAPE).std() < 0.015


def test_result_does_not_depend_on_threads(monkeypatch):
    stack, _ = dithered_stack(n_frames=3)
    threads = StarAlignment()(stack)
    monkeypatch.setattr("emirimg._parallel.ThreadPoolExecutor", lambda **_: ThreadPoolExecutor(1))
    alone = StarAlignment()(stack)
    for one, other in zip(threads.wcss, alone.wcss, strict=True):
        np.testing.assert_array_equal(one.wcs.crval, other.wcs.crval)


def test_no_warning_when_all_is_well():
    stack, _ = dithered_stack(n_frames=3)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        StarAlignment()(stack)


@pytest.mark.parametrize("strategy", [StarAlignment(), HeaderAlignment()])
def test_frames_need_a_wcs(strategy):
    stack, _ = dithered_stack(n_frames=2, n_stars=1)
    frames = [stack[0], stack[1].copy()]
    frames[1].wcs = None
    with pytest.raises(AlignmentError, match="frame 2 has no WCS"):
        strategy(stack.with_frames(frames))


@pytest.mark.parametrize(
    "wrong",
    [{"min_stars": 1}, {"threshold": 1.0}, {"max_stars": 0}, {"saturation": -1.0}, {"shift": 3}],
)
def test_parameters_are_checked(wrong):
    with pytest.raises(ValidationError):
        StarAlignment(**wrong)


def test_movement_of_a_wcs_in_the_plane():
    wcs = zpn_wcs([150, 40], SHAPE)
    plane = common_plane([wcs, zpn_wcs([150.003, 40.002], SHAPE)])
    moved = moved_wcs(wcs, plane, np.array([2.0, -3.0, 1e-3, 5e-4]))
    points = np.random.default_rng(1).uniform(0, 255, (20, 2))
    before = plane.wcs_world2pix(wcs.wcs_pix2world(points, 0), 0)
    after = plane.wcs_world2pix(moved.wcs_pix2world(points, 0), 0)
    matrix = np.array([[1 + 5e-4, -1e-3], [1e-3, 1 + 5e-4]])
    # A pointing error at this declination turns the field by 1e-5 as well.
    np.testing.assert_allclose(after, before @ matrix.T + [2, -3], atol=1e-3)
    # The same with PC and CDELT in place of CD.
    with_pc = WCS(wcs.to_header())
    assert not with_pc.wcs.has_cd()
    same = moved_wcs(with_pc, plane, np.array([2.0, -3.0, 1e-3, 5e-4]))
    np.testing.assert_allclose(
        same.wcs_pix2world(points, 0), moved.wcs_pix2world(points, 0), atol=1e-9
    )


def test_pointing_shift_is_in_pixels():
    wcs = zpn_wcs([150, 40], SHAPE)
    other = wcs.deepcopy()
    other.wcs.crval = [150.0, 40.0 + 3 * SCALE / 3600]
    other.wcs.set()
    np.testing.assert_allclose(pointing_shift(wcs, other), [0, 3], atol=1e-3)
