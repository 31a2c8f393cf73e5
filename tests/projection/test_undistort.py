"""Frames without distortion, on a grid of their own."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from astropy.io.fits import Header
from numpy.testing import assert_allclose, assert_array_equal
from reproject import reproject_interp
from skies import distorted_wcs, frame_of, moffat

from emirimg.instrument import pixel_area, undistorted
from emirimg.projection import Undistortion, undistort_labels

SHAPE = (90, 100)
METHODS = ["interp", "adaptive", "exact"]


def source_coordinates(wcs, shape=SHAPE):
    y, x = np.indices(shape).astype(float)
    return wcs.wcs_world2pix(*undistorted(wcs).wcs_pix2world(x, y, 0), 0)


@pytest.fixture
def wcs():
    """A corner of the field, moved such that the frame still covers most of its grid."""
    return distorted_wcs((1500.0, 1480.0))


@pytest.fixture
def frame(wcs):
    rng = np.random.default_rng(1)
    return frame_of(rng.normal(100, 5, SHAPE), wcs, mask=rng.random(SHAPE) < 0.02, variance=25.0)


def test_interp_is_that_of_reproject(frame):
    found = Undistortion()(frame)
    ratio = pixel_area(undistorted(frame.wcs), *np.indices(SHAPE)[::-1])
    x, y = source_coordinates(frame.wcs)
    expected, footprint = reproject_interp(
        (frame.data.astype(float), frame.wcs), undistorted(frame.wcs), shape_out=SHAPE
    )
    inside = footprint > 0
    assert 0.3 < inside.mean() < 1
    expected = expected * ratio / pixel_area(frame.wcs, x, y)
    assert_allclose(found.data[inside], expected[inside], rtol=3e-6)
    assert not found.data[~inside].any()
    assert found.mask[~inside].all()


def test_interp_masks_whatever_a_bad_pixel_touches(frame):
    found = Undistortion()(frame)
    share, footprint = reproject_interp(
        (frame.mask.astype(float), frame.wcs), undistorted(frame.wcs), shape_out=SHAPE
    )
    assert_array_equal(found.mask, (footprint == 0) | (share > 0))
    assert found.data[found.mask & (footprint > 0)].all()


@pytest.mark.parametrize("method", METHODS)
class TestMethods:
    def test_flux_and_place_of_a_star(self, method, wcs):
        x0, y0 = 45.3, 50.6
        place = undistorted(wcs).wcs_world2pix(wcs.wcs_pix2world([[x0, y0]], 0), 0)[0]
        found = Undistortion(method=method)(frame_of(1e4 * moffat(SHAPE, x0, y0), wcs)).data
        y, x = np.indices(SHAPE)
        near = np.hypot(x - place[0], y - place[1]) < 14
        flux = found[near].sum(dtype=float)
        reference = 1e4 * moffat(SHAPE, *place)[near].sum()
        assert flux == pytest.approx(reference, rel=5e-3)
        centre = [(axis * found)[near].sum() / flux for axis in (x, y)]
        assert_allclose(centre, place, atol=0.03)

    def test_the_form_of_the_result(self, method, frame):
        found = Undistortion(method=method)(frame)
        assert found.shape == SHAPE
        assert found.data.dtype == found.uncertainty.array.dtype == np.float32
        assert found.mask.dtype == bool
        assert np.isfinite(found.data).all()
        assert found.unit == frame.unit
        assert {m for _, m, _ in found.wcs.wcs.get_pv()} <= {0, 1}
        assert (found.uncertainty.array[~found.mask] > 0).all()
        assert found.mask.mean() > frame.mask.mean()

    def test_the_input_is_not_changed(self, method, frame):
        frame.meta["PV2_3"] = 14584.8
        before = frame.data.copy(), frame.mask.copy(), frame.wcs.to_header_string()
        found = Undistortion(method=method)(frame)
        assert "PV2_3" not in found.meta
        assert frame.meta["PV2_3"] == 14584.8
        assert_array_equal(frame.data, before[0])
        assert_array_equal(frame.mask, before[1])
        assert frame.wcs.to_header_string() == before[2]

    def test_without_uncertainty_and_mask(self, method, frame):
        frame.uncertainty = frame.mask = None
        found = Undistortion(method=method)(frame)
        assert found.uncertainty is None
        assert 0 < found.mask.mean() < 0.7

    def test_constant_brightness_becomes_the_area(self, method, wcs):
        found = Undistortion(method=method)(frame_of(np.full(SHAPE, 7.0), wcs))
        x, y = source_coordinates(wcs)
        area = pixel_area(undistorted(wcs), *np.indices(SHAPE)[::-1]) / pixel_area(wcs, x, y)
        good = ~found.mask
        assert abs(area[good].mean() - 1) > 0.02
        assert_allclose(found.data[good], 7 * area[good], rtol=3e-6)


def test_variance_by_monte_carlo(wcs):
    rng = np.random.default_rng(3)
    stack = [
        Undistortion()(frame_of(rng.normal(0, 3, SHAPE), wcs, variance=9.0)) for _ in range(60)
    ]
    good = ~stack[0].mask
    claimed = stack[0].uncertainty.array[good]
    found = np.var([item.data[good] for item in stack], axis=0, ddof=1)
    assert np.mean(found / claimed) == pytest.approx(1, abs=0.02)
    assert claimed.max() > 2 * claimed.min()


def test_methods_differ(frame):
    one, two, three = (Undistortion(method=method)(frame).data for method in METHODS)
    assert not np.allclose(one, two, atol=1e-3)
    assert not np.allclose(one, three, atol=1e-3)


def test_results_do_not_depend_on_the_threads(frame):
    with ThreadPoolExecutor(1) as one:
        assert_array_equal(Undistortion()(frame, executor=one).data, Undistortion()(frame).data)


def test_labels_are_those_of_the_nearest_pixel(wcs):
    labels = (np.arange(SHAPE[1]) // 10 + 1).astype(np.uint8) * np.ones(SHAPE, dtype=np.uint8)
    found = undistort_labels(labels, wcs)
    x, y = source_coordinates(wcs)
    inside = (x >= -0.5) & (x <= SHAPE[1] - 0.5) & (y >= -0.5) & (y <= SHAPE[0] - 0.5)
    assert found.dtype == np.uint8
    assert not found[~inside].any()
    assert_array_equal(found[inside], np.clip(np.rint(x[inside]), 0, 99) // 10 + 1)


def test_a_header_is_kept(frame):
    frame.meta = Header({"OBJECT": "TEST"})
    found = Undistortion()(frame)
    assert found.meta["OBJECT"] == "TEST"
    assert "removed the distortion by Undistortion()" in str(found.meta["HISTORY"])


def test_it_can_be_typed_back():
    for made in (Undistortion(), Undistortion(method="exact")):
        assert eval(repr(made)) == made
