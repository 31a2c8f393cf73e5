import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.ndimage import map_coordinates
from skies import CORNER, distorted_wcs, frame_of, moffat, whole_plane

from emirimg.projection import (
    AdaptiveResampler,
    ExactResampler,
    InterpResampler,
    LanczosResampler,
    MosaicGrid,
    PixelMap,
)

SHAPE = (50, 52)
ALL = [InterpResampler, AdaptiveResampler, ExactResampler]


@pytest.fixture
def wcs():
    return distorted_wcs(CORNER, rotation=10)


@pytest.fixture
def grid(wcs):
    return MosaicGrid.covering([wcs], [SHAPE])


def test_interp_is_bilinear_interpolation(wcs, grid):
    rng = np.random.default_rng(4)
    frame = frame_of(rng.normal(size=SHAPE), wcs)
    projected = InterpResampler()(frame, grid)
    pixel_map = PixelMap.between(grid, wcs)
    x, y = pixel_map.coordinates()
    expected = map_coordinates(frame.data.astype(float), [y, x], order=1) * pixel_map.area_ratio()
    inside = (x > 0) & (x < SHAPE[1] - 1) & (y > 0) & (y < SHAPE[0] - 1)
    assert not whole_plane(projected, grid, "mask")[inside].any()
    assert_allclose(whole_plane(projected, grid)[inside], expected[inside], atol=1e-4)


def test_the_variance_of_interp_is_the_scatter(wcs, grid):
    rng = np.random.default_rng(6)
    mask = rng.random(SHAPE) < 0.02
    noise = rng.uniform(1, 3, SHAPE)
    images = []
    for _ in range(150):
        frame = frame_of(noise * rng.normal(size=SHAPE), wcs, mask=mask)
        frame.uncertainty.array[...] = noise**2
        images.append(InterpResampler(max_lost=0.4)(frame, grid))
    usable = ~images[0].mask
    ratio = np.var([p.data[usable] for p in images], axis=0) / images[0].variance[usable]
    assert abs(ratio.mean() - 1) < 0.02
    assert ratio.std() < 1.2 * np.sqrt(2 / 150)


@pytest.mark.parametrize("strategy", [AdaptiveResampler, ExactResampler])
def test_the_variance_of_the_others_is_right_on_large_scales(wcs, grid, strategy):
    rng = np.random.default_rng(7)
    sums = []
    for _ in range(30):
        projected = strategy()(frame_of(rng.normal(size=SHAPE), wcs), grid)
        data, variance = (whole_plane(projected, grid, p) for p in ("data", "variance"))
        for start in (15, 35):
            block = (slice(start, start + 20), slice(20, 40))
            sums.append(data[block].sum() / np.sqrt(variance[block].sum()))
    assert_allclose(np.std(sums), 1.0, atol=0.25)
    usable = ~projected.mask
    assert projected.data[usable].var() < 0.7 * projected.variance[usable].mean()


@pytest.mark.parametrize("strategy", ALL)
def test_a_star_gets_broader_than_with_lanczos(wcs, grid, strategy):
    frame = frame_of(1e4 * moffat(SHAPE, 25.3, 24.6), wcs)
    peaks = [resampler(frame, grid).data.max() for resampler in (strategy(), LanczosResampler())]
    assert 0.7 < peaks[0] / peaks[1] < 0.99


@pytest.mark.parametrize("strategy", ALL)
def test_a_bad_pixel_contaminates_only_what_it_touches(wcs, grid, strategy):
    rng = np.random.default_rng(9)
    mask = np.zeros(SHAPE, dtype=bool)
    mask[25, 25] = True
    frame = frame_of(rng.normal(size=SHAPE), wcs)
    bad = frame_of(frame.data, wcs, mask=mask)
    bad.data[mask] = np.nan
    clean, dirty = strategy()(frame, grid), strategy()(bad, grid)
    assert 1 <= dirty.mask.sum() - clean.mask.sum() <= 9
    touched = (clean.data != dirty.data) | (clean.mask != dirty.mask)
    assert touched.sum() <= 40


@pytest.mark.parametrize("strategy", ALL)
def test_more_is_masked_when_less_may_be_lost(wcs, grid, strategy):
    mask = np.zeros(SHAPE, dtype=bool)
    mask[25, 25] = True
    frame = frame_of(np.ones(SHAPE), wcs, mask=mask)
    masked = [
        strategy(max_lost=lost)(frame, grid).mask[15:40, 15:40].sum() for lost in (0.02, 0.5)
    ]
    assert masked[0] > masked[1]


@pytest.mark.parametrize("strategy", ALL)
def test_a_corner_of_a_window_without_the_frame_is_masked(strategy):
    wcs = distorted_wcs(CORNER, rotation=45)
    grid = MosaicGrid.covering([wcs], [SHAPE])
    corner = grid.cutout(slice(0, 8), slice(0, 8))
    projected = strategy()(frame_of(np.ones(SHAPE), wcs), corner)
    assert projected.mask.all()
