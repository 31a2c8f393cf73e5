"""Frames shifted by whole pixels."""

import numpy as np
import pytest
from astropy.nddata import CCDData, VarianceUncertainty
from astropy.wcs import WCS
from numpy.testing import assert_array_equal

from emirimg.projection import (
    IntegerShiftResampler,
    MosaicGrid,
    ProjectedFrame,
    shift_grid,
    whole_pixel_shifts,
)

SHAPE = (20, 30)
OFFSETS = [(0.0, 0.0), (3.4, -5.2), (-2.6, 7.7)]
STARTS = [(3, 5), (6, 0), (0, 13)]
"""Where the frames lie on the bounding box: rounded offsets, from its corner."""


def shifted_wcs(offset=(0.0, 0.0)):
    wcs = WCS(naxis=2)
    wcs.wcs.ctype = ["RA---ZPN", "DEC--ZPN"]
    wcs.wcs.crval = [40.0, -1.5]
    wcs.wcs.crpix = np.array([15.2, 9.7]) - offset
    wcs.wcs.cd = [[-5.4e-5, 4.7e-8], [4.7e-8, 5.4e-5]]
    wcs.wcs.set_pv([(2, 1, 1.0)])
    wcs.wcs.set()
    return wcs


def frame_of(offset, *, mask=None, uncertainty=True):
    rng = np.random.default_rng(1)
    return CCDData(
        rng.normal(size=SHAPE).astype("f4"),
        unit="adu",
        mask=mask,
        wcs=shifted_wcs(offset),
        uncertainty=VarianceUncertainty(rng.uniform(1, 2, SHAPE).astype("f4"))
        if uncertainty
        else None,
    )


@pytest.fixture
def grid():
    return shift_grid([shifted_wcs(offset) for offset in OFFSETS], [SHAPE] * 3)


def test_the_grid_is_the_bounding_box(grid):
    assert grid.shape == (20 + 13, 30 + 6)
    np.testing.assert_allclose(grid.wcs.wcs.crpix, [15.2 + 3, 9.7 + 5])
    shifts = whole_pixel_shifts([shifted_wcs(offset) for offset in OFFSETS], [SHAPE] * 3)
    assert_array_equal(shifts, STARTS)


@pytest.mark.parametrize(("offset", "start"), list(zip(OFFSETS, STARTS, strict=True)))
def test_pixels_are_moved_not_changed(grid, offset, start):
    frame = frame_of(offset, mask=np.random.default_rng(2).random(SHAPE) < 0.1)
    projected = IntegerShiftResampler()(frame, grid)
    assert isinstance(projected, ProjectedFrame)
    x, y = start
    assert projected.window == (slice(y, y + 20), slice(x, x + 30))
    assert_array_equal(projected.mask, frame.mask)
    assert_array_equal(projected.data, np.where(frame.mask, 0, frame.data))
    assert_array_equal(projected.variance, np.where(frame.mask, 0, frame.uncertainty.array))
    assert projected.data.dtype == projected.variance.dtype == np.float32


@pytest.mark.parametrize("rows", [slice(0, 7), slice(4, 11), slice(20, 33)])
def test_a_band_is_a_part_of_the_whole(grid, rows):
    for offset in OFFSETS:
        frame = frame_of(offset)
        planes = []
        for target in (grid, grid.cutout(rows)):
            projected = IntegerShiftResampler()(frame, target)
            plane = np.zeros(target.shape, dtype="f4")
            plane[projected.window] = projected.data
            planes.append(plane)
        assert_array_equal(planes[1], planes[0][rows])


def test_elsewhere_the_window_is_empty():
    far = MosaicGrid(shifted_wcs((500.0, 0.0)), SHAPE)
    projected = IntegerShiftResampler()(frame_of((0, 0)), far)
    assert projected.window == (slice(0, 0), slice(0, 0))
    assert projected.data.size == 0


def test_values_that_are_not_finite_are_masked(grid):
    frame = frame_of((0, 0), uncertainty=False)
    frame.data[3, 4] = np.nan
    projected = IntegerShiftResampler()(frame, grid)
    assert projected.mask[3, 4]
    assert projected.mask.sum() == 1
    assert projected.data[3, 4] == 0
    assert not projected.variance.any()


def test_the_frame_is_not_changed(grid):
    frame = frame_of((3.4, -5.2))
    before = frame.data.copy()
    projected = IntegerShiftResampler()(frame, grid)
    projected.data[...] = 0
    assert_array_equal(frame.data, before)


def test_it_can_be_typed_back():
    assert eval(repr(IntegerShiftResampler())) == IntegerShiftResampler()
