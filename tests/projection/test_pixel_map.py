from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from astropy.wcs import WCS
from astropy.wcs.utils import pixel_to_pixel
from numpy.testing import assert_allclose, assert_array_equal
from skies import CORNER, distorted_wcs

from emirimg.instrument import undistorted
from emirimg.projection import MosaicGrid, PixelMap

SHAPE = (2048, 2048)


def exact(grid, wcs, x, y):
    return wcs.wcs_world2pix(*grid.wcs.wcs_pix2world(x, y, 0), 0)


def sample(grid, step=37):
    y, x = np.mgrid[: grid.shape[0] : step, : grid.shape[1] : step]
    return x.astype(float), y.astype(float), (y, x)


@pytest.fixture(scope="module")
def whole():
    wcs = distorted_wcs(rotation=12)
    grid = MosaicGrid.covering([wcs], [SHAPE])
    return grid, wcs, PixelMap.between(grid, wcs)


class TestAccuracy:
    def test_the_distortion_is_that_of_the_instrument(self):
        wcs = distorted_wcs()
        x, y = pixel_to_pixel(wcs, undistorted(wcs), 0.0, 0.0)
        assert 30 < np.hypot(x, y) < 45

    def test_coordinates_are_those_of_the_full_wcs(self, whole):
        grid, wcs, pixel_map = whole
        x, y, index = sample(grid)
        true_x, true_y = exact(grid, wcs, x, y)
        found_x, found_y = pixel_map.coordinates()
        assert_allclose(found_x[index], true_x, rtol=0, atol=1e-5)
        assert_allclose(found_y[index], true_y, rtol=0, atol=1e-5)

    def test_the_area_ratio_is_the_jacobian_of_the_full_wcs(self, whole):
        grid, wcs, pixel_map = whole
        x, y, index = sample(grid)
        (xr, yr), (xl, yl) = (exact(grid, wcs, x + h, y) for h in (0.5, -0.5))
        (xu, yu), (xd, yd) = (exact(grid, wcs, x, y + h) for h in (0.5, -0.5))
        jacobian = np.abs((xr - xl) * (yu - yd) - (xu - xd) * (yr - yl))
        assert np.ptp(jacobian) > 0.1
        assert_allclose(pixel_map.area_ratio()[index], jacobian, atol=1e-7)

    def test_the_way_back_is_as_good(self):
        wcs = distorted_wcs()
        grid = MosaicGrid.covering([wcs], [SHAPE])
        frame = MosaicGrid(wcs, SHAPE)
        x, y, index = sample(frame, 97)
        true_x, true_y = exact(frame, grid.wcs, x, y)
        found_x, found_y = PixelMap.between(frame, grid.wcs).coordinates()
        assert_allclose(found_x[index], true_x, rtol=0, atol=1e-5)
        assert_allclose(found_y[index], true_y, rtol=0, atol=1e-5)

    def test_wider_nodes_are_less_exact(self, whole):
        grid, wcs, _ = whole
        x, y, index = sample(grid)
        true_x, _ = exact(grid, wcs, x, y)
        errors = [
            np.abs(PixelMap.between(grid, wcs, step=step).coordinates()[0][index] - true_x).max()
            for step in (16, 64)
        ]
        assert errors[1] > 30 * errors[0]

    def test_other_reference_systems_are_converted(self):
        source = distorted_wcs(radesys="ICRS")
        grid = MosaicGrid.covering([distorted_wcs()], [SHAPE]).cutout(slice(50), slice(60))
        y, x = np.mgrid[:50, :60]
        true_x, true_y = pixel_to_pixel(grid.wcs, source, x, y)
        found_x, found_y = PixelMap.between(grid, source).coordinates()
        assert_allclose(found_x, true_x, rtol=0, atol=1e-5)
        assert_allclose(found_y, true_y, rtol=0, atol=1e-5)
        assert np.abs(found_x - exact(grid, source, x, y)[0]).max() > 0.01


class TestCutouts:
    @pytest.mark.parametrize("start", [0, 1, 15, 16, 17, 63])
    def test_a_cutout_has_the_same_map_to_the_last_bit(self, start):
        wcs = distorted_wcs(CORNER)
        # A reference pixel that is no whole number must not matter.
        grid = MosaicGrid(distorted_wcs((1790.37, 1770.61)), (130, 140))
        rows, columns = slice(start, start + 40), slice(start // 2, 101)
        part = PixelMap.between(grid.cutout(rows, columns), wcs)
        full = PixelMap.between(grid, wcs)
        for mine, others in zip(part.coordinates(), full.coordinates(), strict=True):
            assert_array_equal(mine, others[rows, columns])
        assert_array_equal(part.area_ratio(), full.area_ratio()[rows, columns])
        window = PixelMap.between(grid, wcs, window=(rows, columns))
        assert window.shape == part.shape
        assert_array_equal(window.coordinates(), part.coordinates())

    def test_a_cutout_of_a_cutout_too(self):
        wcs = distorted_wcs(CORNER)
        grid = MosaicGrid(distorted_wcs((1790.37, 1770.61)), (130, 140))
        inner = grid.cutout(slice(20, 100), slice(3, None)).cutout(slice(11, 30), slice(5, 50))
        assert inner.origin == (31, 8)
        x, _ = PixelMap.between(inner, wcs).coordinates()
        assert_array_equal(x, PixelMap.between(grid, wcs).coordinates()[0][31:50, 8:53])

    def test_rows_are_rows_of_the_whole(self, whole):
        pixel_map = whole[2]
        rows = slice(1000, 1010)
        assert_array_equal(pixel_map.coordinates(rows)[1], pixel_map.coordinates()[1][rows])
        assert_array_equal(pixel_map.area_ratio(rows), pixel_map.area_ratio()[rows])


def test_source_rows_hold_all_that_is_needed(whole):
    grid, wcs, _ = whole
    pixel_map = PixelMap.between(grid.cutout(slice(700, 740)), wcs)
    _, y = pixel_map.coordinates()
    rows = pixel_map.source_rows(SHAPE[0], 3)
    assert rows.start <= max(np.floor(y.min()) - 3, 0)
    assert rows.stop > min(np.ceil(y.max()) + 3, SHAPE[0] - 1)
    assert rows.stop <= SHAPE[0]


def test_a_step_of_zero_is_refused(whole):
    with pytest.raises(ValueError, match="step must be at least 1 pixel, got 0"):
        PixelMap.between(whole[0], whole[1], step=0)


def test_a_target_on_the_other_side_of_the_sky_is_refused():
    grid = MosaicGrid.covering([distorted_wcs(ra=330.0, dec=-20.0)], [(64, 64)])
    target = MosaicGrid.covering([distorted_wcs()], [(64, 64)])
    with pytest.raises(ValueError, match="no pixel coordinates"):
        PixelMap.between(grid, target.wcs)


def test_threads_may_share_a_wcs():
    """Many threads map through the same WCSs at once and see the same nodes."""
    wcs = WCS(naxis=2)
    wcs.wcs.ctype = ["RA---TAN", "DEC--TAN"]
    wcs.wcs.crval = [10.0, 20.0]
    wcs.wcs.cdelt = [-5e-5, 5e-5]
    grid = MosaicGrid(wcs, (2000, 2000))
    other = wcs.deepcopy()
    other.wcs.crval = [10.001, 20.001]

    def nodes(start):
        return PixelMap.between(grid.cutout(slice(start, start + 64)), other).nodes

    alone = [nodes(start) for start in range(0, 1900, 50)]
    with ThreadPoolExecutor(8) as executor:
        for _ in range(5):
            together = list(executor.map(nodes, range(0, 1900, 50)))
            assert all(np.array_equal(a, b) for a, b in zip(alone, together, strict=True))
