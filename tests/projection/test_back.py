import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from skies import CORNER, distorted_wcs, frame_of, moffat, whole_plane

from emirimg.projection import LanczosResampler, MosaicGrid, PixelMap, blot, project_mask

SHAPE = (60, 64)


@pytest.fixture
def wcs():
    return distorted_wcs(CORNER, rotation=10)


@pytest.fixture
def grid(wcs):
    return MosaicGrid.covering([wcs], [SHAPE]).cutout(slice(8, 60), slice(5, 66))


def keys(t):
    """The kernel of cubic convolution with a = -1/2."""
    t = np.abs(t)
    inner = 1.5 * t**3 - 2.5 * t**2 + 1
    outer = -0.5 * t**3 + 2.5 * t**2 - 4 * t + 2
    return np.where(t <= 1, inner, np.where(t < 2, outer, 0))


def test_blot_is_cubic_convolution(wcs, grid):
    rng = np.random.default_rng(1)
    image = rng.normal(size=grid.shape).astype(np.float32)
    mask = rng.random(grid.shape) < 0.02
    image[mask] = np.nan
    values, unknown = blot(image, mask, grid, wcs, SHAPE)
    pixel_map = PixelMap.between(MosaicGrid(wcs, SHAPE), grid.wcs)
    x, y = pixel_map.coordinates()
    area = pixel_map.area_ratio()
    for index in np.ndindex(SHAPE):
        px, py = x[index], y[index]
        if not (1 <= px < grid.shape[1] - 2 and 1 <= py < grid.shape[0] - 2):
            assert unknown[index]
            continue
        w = np.outer(keys(py - np.arange(grid.shape[0])), keys(px - np.arange(grid.shape[1])))
        assert unknown[index] == (np.abs(w[mask]).sum() > 0.15)
        if not unknown[index]:
            expected = (w[~mask] * image[~mask]).sum() / w[~mask].sum() * area[index]
            assert_allclose(values[index], expected, atol=2e-5)


def test_a_star_returns_from_the_mosaic(wcs):
    grid = MosaicGrid.covering([wcs], [SHAPE])
    star = 1e4 * moffat(SHAPE, 31.3, 28.6)
    projected = LanczosResampler()(frame_of(star, wcs), grid)
    values, unknown = blot(
        whole_plane(projected, grid), whole_plane(projected, grid, "mask"), grid, wcs, SHAPE
    )
    near = (slice(19, 39), slice(21, 42))
    assert not unknown[near].any()
    assert abs(values[near].sum() / star[near].sum() - 1) < 1e-3
    assert np.abs(values - star)[near].max() < 0.03 * star.max()


def test_blot_does_not_change_its_arguments(wcs, grid):
    image, mask = np.ones(grid.shape), np.zeros(grid.shape, dtype=bool)
    mask[30, 40] = True
    before = image.copy(), mask.copy()
    blot(image, mask, grid, wcs, SHAPE)
    assert_array_equal(image, before[0])
    assert_array_equal(mask, before[1])


def test_a_mask_goes_to_the_nearest_pixel(wcs, grid):
    mask = np.random.default_rng(2).random(grid.shape) < 0.3
    found = project_mask(mask, grid, wcs, SHAPE)
    x, y = PixelMap.between(MosaicGrid(wcs, SHAPE), grid.wcs).coordinates()
    column, row = np.floor(x + 0.5).astype(int), np.floor(y + 0.5).astype(int)
    inside = (column >= 0) & (row >= 0) & (column < grid.shape[1]) & (row < grid.shape[0])
    assert 0.5 < inside.mean() < 1
    assert_array_equal(found[inside], mask[row[inside], column[inside]])
    assert not found[~inside].any()


def test_planes_of_another_shape_are_refused(wcs, grid):
    good, bad = np.zeros(grid.shape, dtype=bool), np.zeros((3, 3), dtype=bool)
    with pytest.raises(ValueError, match="image must have the shape of the grid"):
        blot(bad.astype(float), good, grid, wcs, SHAPE)
    with pytest.raises(ValueError, match="mask must have the shape of the grid"):
        blot(good.astype(float), bad, grid, wcs, SHAPE)
    with pytest.raises(ValueError, match="mask must have the shape of the grid"):
        project_mask(bad, grid, wcs, SHAPE)
