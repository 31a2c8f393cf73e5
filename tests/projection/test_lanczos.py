import numpy as np
import pytest
from astropy.nddata import CCDData, StdDevUncertainty
from numpy.testing import assert_allclose, assert_array_equal
from skies import CORNER, distorted_wcs, frame_of, moffat, whole_plane

from emirimg.projection import LanczosResampler, MosaicGrid, PixelMap

SHAPE = (60, 64)


@pytest.fixture
def wcs():
    return distorted_wcs(CORNER, rotation=10)


@pytest.fixture
def grid(wcs):
    return MosaicGrid.covering([wcs], [SHAPE])


def kernel(t):
    return np.where(np.abs(t) < 3, np.sinc(t) * np.sinc(t / 3), 0)


def twin(frame, grid, max_lost):
    """The definition, one pixel after the other, with the weights of all pixels of the frame."""
    ny, nx = frame.shape
    x, y = PixelMap.between(grid, frame.wcs).coordinates()
    area = PixelMap.between(grid, frame.wcs).area_ratio()
    data, variance, mask = np.zeros(grid.shape), np.zeros(grid.shape), np.ones(grid.shape, bool)
    good = ~frame.mask
    for index in np.ndindex(grid.shape):
        px, py = x[index], y[index]
        if not (-0.5 <= px <= nx - 0.5 and -0.5 <= py <= ny - 0.5):
            continue
        wx, wy = kernel(px - np.arange(-5, nx + 5)), kernel(py - np.arange(-5, ny + 5))
        w = np.outer(wy / wy.sum(), wx / wx.sum())
        inside = w[5:-5, 5:-5]
        if np.abs(w).sum() - np.abs(inside[good]).sum() > max_lost:
            continue
        total = inside[good].sum() / area[index]
        data[index] = (inside[good] * frame.data[good]).sum() / total
        variance[index] = (inside[good] ** 2 * frame.uncertainty.array[good]).sum() / total**2
        mask[index] = False
    return data, variance, mask


@pytest.mark.parametrize("max_lost", [0.1, 0.6])
def test_it_is_its_definition(wcs, grid, max_lost):
    rng = np.random.default_rng(3)
    frame = frame_of(rng.normal(size=SHAPE), wcs, mask=rng.random(SHAPE) < 0.02)
    frame.uncertainty.array[...] = rng.uniform(1, 2, SHAPE)
    frame.data[frame.mask] = np.nan
    projected = LanczosResampler(max_lost=max_lost)(frame, grid)
    data, variance, mask = twin(frame, grid, max_lost)
    assert_array_equal(whole_plane(projected, grid, "mask"), mask)
    assert_allclose(whole_plane(projected, grid), data, atol=3e-5)
    assert_allclose(whole_plane(projected, grid, "variance"), variance, rtol=2e-5)


def test_a_star_keeps_flux_place_and_width(wcs, grid):
    x0, y0 = 30.3, 28.6
    position = wcs.wcs_pix2world([[x0, y0]], 0)
    gx, gy = grid.wcs.wcs_world2pix(position, 0)[0]
    # Offsets on the grid to offsets on the frame, so that both see one star.
    steps = np.array([[gx + 0.5, gy], [gx - 0.5, gy], [gx, gy + 0.5], [gx, gy - 0.5]])
    places = wcs.wcs_world2pix(grid.wcs.wcs_pix2world(steps, 0), 0)
    shear = np.column_stack([places[0] - places[1], places[2] - places[3]])
    frame = frame_of(1e4 * moffat(SHAPE, x0, y0), wcs)
    projected = LanczosResampler()(frame, grid)
    truth = 1e4 * moffat(grid.shape, gx, gy, shear=shear)
    found = whole_plane(projected, grid)
    near = np.zeros(grid.shape, dtype=bool)
    near[round(gy) - 9 : round(gy) + 10, round(gx) - 9 : round(gx) + 10] = True
    assert abs(found[near].sum() / truth[near].sum() - 1) < 1.5e-3
    assert np.abs(found - truth)[near].max() < 0.01 * truth.max()
    y, x = np.indices(grid.shape)
    for axis in (x, y):
        centres = [(axis * image)[near].sum() / image[near].sum() for image in (found, truth)]
        assert abs(centres[0] - centres[1]) < 0.005


def test_the_variance_is_the_scatter(wcs, grid):
    rng = np.random.default_rng(5)
    mask = rng.random(SHAPE) < 0.02
    noise = rng.uniform(1, 3, SHAPE)
    images = []
    for _ in range(400):
        frame = frame_of(noise * rng.normal(size=SHAPE), wcs, mask=mask)
        frame.uncertainty.array[...] = noise**2
        images.append(LanczosResampler(max_lost=0.4)(frame, grid))
    usable = ~images[0].mask
    ratio = np.var([p.data[usable] for p in images], axis=0) / images[0].variance[usable]
    assert abs(ratio.mean() - 1) < 0.01
    assert ratio.std() < 1.2 * np.sqrt(2 / 400)


def test_bad_pixels_hardly_bias_the_cores_of_stars():
    rng = np.random.default_rng(11)
    wcs = distorted_wcs((1000.0, 1000.0))
    shape, resampler = (24, 24), LanczosResampler()
    grid = MosaicGrid(distorted_wcs((1000.37, 1000.21)), shape)
    errors, masked, n = [], 0, 300
    for _ in range(n):
        x, y = rng.uniform(11, 13, 2)
        star = moffat(shape, x, y)
        mask = np.zeros(shape, dtype=bool)
        mask[5:19, 5:19] = rng.random((14, 14)) < 0.01
        clean, dirty = (
            whole_plane(resampler(frame_of(star, wcs, mask=m), grid), grid)
            for m in (np.zeros(shape, bool), mask)
        )
        core = np.unravel_index(clean.argmax(), shape)
        if dirty[core] == 0:
            masked += 1
        else:
            errors.append(dirty[core] / clean[core] - 1)
    assert abs(np.mean(errors)) < 1e-3
    assert np.std(errors) < 0.01
    assert masked < 0.06 * n


def test_more_is_masked_when_less_may_be_lost(wcs, grid):
    mask = np.zeros(SHAPE, dtype=bool)
    mask[30, 30] = True
    frame = frame_of(np.ones(SHAPE), wcs, mask=mask)
    masked = [
        LanczosResampler(max_lost=lost)(frame, grid).mask.sum() for lost in (0.05, 0.15, 0.6)
    ]
    assert masked[0] > masked[1] > masked[2]


def test_nothing_is_extrapolated(wcs, grid):
    projected = LanczosResampler(max_lost=0.99)(frame_of(np.ones(SHAPE), wcs), grid)
    x, y = PixelMap.between(grid, wcs).coordinates()
    outside = (np.abs(x - 31.5) > 32) | (np.abs(y - 29.5) > 30)
    assert whole_plane(projected, grid, "mask")[outside].all()


def test_a_value_that_is_not_finite_is_left_out_like_a_bad_pixel(wcs, grid):
    data = np.ones(SHAPE)
    bad = np.zeros(SHAPE, dtype=bool)
    data[30, 30], bad[30, 30] = np.nan, True
    projected = LanczosResampler()(frame_of(data, wcs), grid)
    masked = LanczosResampler()(frame_of(np.ones(SHAPE), wcs, mask=bad), grid)
    assert np.isfinite(projected.data).all()
    np.testing.assert_array_equal(projected.data, masked.data)
    np.testing.assert_array_equal(projected.mask, masked.mask)
    assert masked.mask[20:40, 20:40].any()


def test_any_kind_of_frame_is_understood(wcs, grid):
    rng = np.random.default_rng(2)
    frame = frame_of(rng.normal(size=SHAPE), wcs)
    other = CCDData(frame.data.astype(">f8"), unit="adu", wcs=wcs)
    other.uncertainty = StdDevUncertainty(np.ones(SHAPE))
    expected, found = LanczosResampler()(frame, grid), LanczosResampler()(other, grid)
    assert_array_equal(found.data, expected.data)
    assert_array_equal(found.variance, expected.variance)


def test_without_uncertainty_the_variance_is_zero(wcs, grid):
    projected = LanczosResampler()(CCDData(np.ones(SHAPE), unit="adu", wcs=wcs), grid)
    assert not projected.variance.any()
    assert not projected.mask.all()


@pytest.mark.parametrize("value", [0, 1, -0.1])
def test_an_impossible_limit_is_refused(value):
    with pytest.raises(ValueError, match="max_lost"):
        LanczosResampler(max_lost=value)
