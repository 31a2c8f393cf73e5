"""What every resampler promises."""

import numpy as np
import pytest
from astropy.io.fits import Header
from astropy.nddata import CCDData, VarianceUncertainty
from numpy.testing import assert_allclose, assert_array_equal

from emirimg.instrument import frame_wcs
from emirimg.projection import (
    AdaptiveResampler,
    ExactResampler,
    InterpResampler,
    LanczosResampler,
    MosaicGrid,
    PixelMap,
    ProjectedFrame,
)

RESAMPLERS = [LanczosResampler, InterpResampler, AdaptiveResampler, ExactResampler]

SHAPE = (56, 60)


def corner_wcs(ra=150.0):
    """A corner of the detector, where a pixel of the frame sees less sky by an eighth."""
    header = Header()
    header.update(
        CTYPE1="RA---ZPN", CTYPE2="DEC--ZPN", CRVAL1=ra, CRVAL2=20.0, CRPIX1=-970.0,
        CRPIX2=-950.0, CD1_1=-5.3e-5, CD1_2=1e-5, CD2_1=1e-5, CD2_2=5.3e-5, RADESYS="FK5",
        EQUINOX=2000.0, PV2_1=1.0, PV2_3=14584.8, PV2_5=1755295542.4,
    )  # fmt: skip
    return frame_wcs(header)


def star(x, y, width=2.0):
    rows, columns = np.indices(SHAPE)
    return np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / 2 / width**2)


def frame_of(data, *, mask=None):
    return CCDData(
        np.asarray(data, dtype=np.float32),
        unit="adu",
        wcs=corner_wcs(),
        mask=np.zeros(SHAPE, dtype=bool) if mask is None else mask,
        uncertainty=VarianceUncertainty(np.ones(SHAPE, dtype=np.float32)),
    )


def on_grid(projected, grid, name="data"):
    plane = np.ones(grid.shape, bool) if name == "mask" else np.zeros(grid.shape, np.float32)
    plane[projected.window] = getattr(projected, name)
    return plane


@pytest.fixture
def grid():
    return MosaicGrid.covering([corner_wcs()], [SHAPE])


@pytest.fixture
def noisy():
    rng = np.random.default_rng(1)
    mask = rng.random(SHAPE) < 0.02
    return frame_of(rng.normal(size=SHAPE), mask=mask)


@pytest.mark.parametrize("strategy", RESAMPLERS)
class TestResamplers:
    def test_the_result_has_the_promised_form(self, strategy, noisy, grid):
        projected = strategy()(noisy, grid)
        assert isinstance(projected, ProjectedFrame)
        rows, columns = projected.window
        shape = (rows.stop - rows.start, columns.stop - columns.start)
        for name, dtype in (("data", "f4"), ("variance", "f4"), ("mask", "?")):
            plane = getattr(projected, name)
            assert plane.shape == shape
            assert plane.dtype == np.dtype(dtype)
        assert 0.5 < (~projected.mask).sum() * 1.2 / noisy.data.size < 1.2
        for plane in (projected.data, projected.variance):
            assert np.isfinite(plane).all()
            assert not plane[projected.mask].any()
        assert (projected.variance[~projected.mask] > 0).all()

    def test_the_flux_of_a_star_is_conserved(self, strategy, grid):
        for x, y in ((27.0, 26.4), (30.3, 28.7), (33.9, 24.1)):
            image = star(x, y)
            found = strategy()(frame_of(image), grid).data
            assert_allclose(found.sum(dtype=float), image.sum(), rtol=4e-3)

    def test_a_star_stays_where_it_is(self, strategy, grid):
        found = on_grid(strategy()(frame_of(star(30.3, 28.7)), grid), grid)
        rows, columns = np.indices(grid.shape)
        centre = [(axis * found).sum() / found.sum() for axis in (columns, rows)]
        back = corner_wcs().wcs_world2pix(grid.wcs.wcs_pix2world([centre], 0), 0)
        assert_allclose(back[0], (30.3, 28.7), atol=0.02)

    def test_constant_brightness_becomes_the_area_ratio(self, strategy, grid):
        projected = strategy()(frame_of(np.full(SHAPE, 3.0)), grid)
        area = PixelMap.between(grid.cutout(*projected.window), corner_wcs()).area_ratio()
        usable = ~projected.mask
        assert abs(area.mean() - 1) > 0.05
        assert_allclose(projected.data[usable], 3 * area[usable], rtol=2e-6)

    def test_the_frame_is_not_changed(self, strategy, noisy, grid):
        before = noisy.data.copy(), noisy.mask.copy(), noisy.uncertainty.array.copy()
        strategy()(noisy, grid)
        assert_array_equal(noisy.data, before[0])
        assert_array_equal(noisy.mask, before[1])
        assert_array_equal(noisy.uncertainty.array, before[2])

    def test_what_lies_under_the_mask_does_not_matter(self, strategy, noisy, grid):
        expected = strategy()(noisy, grid)
        for junk in (np.nan, np.inf, 1e30):
            noisy.data[noisy.mask] = junk
            noisy.uncertainty.array[noisy.mask] = junk
            found = strategy()(noisy, grid)
            for name in ("data", "variance", "mask"):
                assert_array_equal(getattr(found, name), getattr(expected, name))

    def test_masked_pixels_are_masked_on_the_grid(self, strategy, grid):
        mask = np.zeros(SHAPE, dtype=bool)
        mask[20:30, 25:40] = True
        projected = strategy()(frame_of(np.ones(SHAPE), mask=mask), grid)
        x, y = PixelMap.between(grid, corner_wcs()).coordinates()
        inside = (x > 25) & (x < 39) & (y > 20) & (y < 29)
        assert on_grid(projected, grid, "mask")[inside].all()
        far = (x > 8) & (x < 20) & (y > 8) & (y < 48)
        assert not on_grid(projected, grid, "mask")[far].any()

    def test_a_wholly_masked_frame_gives_nothing(self, strategy, grid):
        projected = strategy()(frame_of(np.ones(SHAPE), mask=np.ones(SHAPE, bool)), grid)
        assert projected.mask.all()
        assert not projected.data.any()

    def test_without_a_mask_all_is_good(self, strategy, noisy, grid):
        noisy.mask = np.zeros(SHAPE, dtype=bool)
        expected = strategy()(noisy, grid)
        noisy.mask = None
        assert_array_equal(strategy()(noisy, grid).data, expected.data)

    @pytest.mark.parametrize("start", [0, 17, 40])
    def test_a_band_is_a_part_of_the_whole(self, strategy, noisy, grid, start):
        rows = slice(start, start + 9)
        whole, band = grid, grid.cutout(rows)
        for name in ("data", "variance", "mask"):
            expected = on_grid(strategy()(noisy, whole), whole, name)[rows]
            assert_array_equal(on_grid(strategy()(noisy, band), band, name), expected)

    def test_elsewhere_the_window_is_empty(self, strategy, noisy):
        elsewhere = MosaicGrid.covering([corner_wcs(ra=151.0)], [SHAPE])
        projected = strategy()(noisy, elsewhere)
        assert projected.window == (slice(0, 0), slice(0, 0))
        assert projected.data.size == projected.variance.size == projected.mask.size == 0

    def test_its_repr_can_be_typed_back(self, strategy):
        for made in (strategy(), strategy(max_lost=0.3)):
            again = eval(repr(made), {strategy.__name__: strategy})
            assert again == made

    def test_unknown_parameters_are_refused(self, strategy):
        with pytest.raises(ValueError, match="did you mean 'max_lost'"):
            strategy(max_lots=0.2)
