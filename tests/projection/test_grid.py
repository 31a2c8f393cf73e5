import astropy.units as u
import numpy as np
import pytest
from astropy.wcs import WCS
from numpy.testing import assert_allclose
from skies import CORNER, distorted_wcs

from emirimg.projection import MosaicGrid, PixelMap

SHAPE = (90, 110)


@pytest.fixture
def frames():
    return [distorted_wcs(CORNER), distorted_wcs(CORNER, ra=150.002, dec=20.001, rotation=8)]


class TestCovering:
    def test_every_pixel_of_every_frame_lies_on_the_grid(self, frames):
        grid = MosaicGrid.covering(frames, [SHAPE] * 2)
        for wcs in frames:
            x, y = PixelMap.between(MosaicGrid(wcs, SHAPE), grid.wcs).coordinates()
            assert x.min() >= -0.5
            assert y.min() >= -0.5
            assert x.max() <= grid.shape[1] - 0.5
            assert y.max() <= grid.shape[0] - 0.5

    def test_it_is_north_up_and_has_the_scale_of_the_first_frame(self, frames):
        grid = MosaicGrid.covering(frames, [SHAPE] * 2)
        assert list(grid.wcs.wcs.ctype) == ["RA---TAN", "DEC--TAN"]
        assert_allclose(grid.scale.to_value(u.deg), 5.396e-5)
        assert_allclose(grid.wcs.pixel_scale_matrix[[0, 1], [1, 0]], 0, atol=1e-20)

    def test_the_scale_may_be_chosen(self, frames):
        grid = MosaicGrid.covering(frames, [SHAPE] * 2, scale=0.4 * u.arcsec)
        assert_allclose(grid.scale.to_value(u.arcsec), 0.4)

    def test_right_ascension_zero_is_no_edge(self):
        wcss = [distorted_wcs(ra=0.001), distorted_wcs(ra=359.999)]
        assert max(MosaicGrid.covering(wcss, [(2048, 2048)] * 2).shape) < 2300


class TestWindow:
    @pytest.mark.parametrize("rotation", [0, 33, 90])
    def test_no_pixel_of_the_frame_is_outside(self, frames, rotation):
        grid = MosaicGrid.covering(frames, [SHAPE] * 2, scale=0.1 * u.arcsec)
        wcs = distorted_wcs((1830.0, 1800.0), rotation=rotation)
        shape = (40, 30)
        inside = np.zeros(grid.shape, dtype=bool)
        inside[grid.window(wcs, shape)] = True
        x, y = PixelMap.between(grid, wcs).coordinates()
        falls = (np.abs(x - 14.5) <= 15) & (np.abs(y - 19.5) <= 20)
        assert inside[falls].all()
        if rotation == 0:
            assert 0 < falls.sum() < inside.sum() < 1.3 * falls.sum()

    def test_a_frame_that_was_moved_has_another_window(self, frames):
        grid = MosaicGrid.covering(frames, [SHAPE] * 2, scale=0.1 * u.arcsec)
        wcs = frames[0].deepcopy()
        before = grid.window(wcs, (20, 20))
        assert grid.window(wcs, (20, 20)) == before
        wcs.wcs.crpix -= 10
        assert grid.window(wcs, (20, 20)) != before
        assert grid.window(wcs, (10, 20)) != grid.window(wcs, (20, 20))

    def test_the_window_of_a_cutout_is_that_of_the_whole(self, frames):
        grid = MosaicGrid.covering(frames, [SHAPE] * 2)
        rows, columns = grid.window(frames[0], SHAPE)
        part = grid.cutout(slice(rows.start + 10, rows.start + 20), slice(columns.start + 5, None))
        assert part.window(frames[0], SHAPE) == (
            slice(0, 10),
            slice(0, columns.stop - columns.start - 5),
        )

    @pytest.mark.parametrize("place", [(150.5, 20.0), (330.0, -20.0)])
    def test_it_is_empty_for_a_frame_elsewhere(self, frames, place):
        grid = MosaicGrid.covering(frames, [SHAPE] * 2)
        wcs = distorted_wcs(ra=place[0], dec=place[1])
        assert grid.window(wcs, SHAPE) == (slice(0, 0), slice(0, 0))


def test_a_cutout_is_at_the_same_place_of_the_sky(frames):
    grid = MosaicGrid.covering(frames, [SHAPE] * 2)
    part = grid.cutout(slice(10, 30), slice(7, 50))
    assert part.shape == (20, 43)
    assert part.origin == (10, 7)
    assert part.whole is grid
    assert_allclose(part.wcs.wcs_pix2world([[3, 4]], 0), grid.wcs.wcs_pix2world([[10, 14]], 0))


def test_a_wcs_that_is_not_of_the_sky_is_refused():
    with pytest.raises(ValueError, match="celestial with 2 axes"):
        MosaicGrid(WCS(naxis=2), (3, 3))


def test_an_empty_shape_is_refused(frames):
    with pytest.raises(ValueError, match="two positive integers"):
        MosaicGrid(frames[0], (0, 3))
