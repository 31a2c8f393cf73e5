"""What everything that finds the residual of a sky promises."""

import copy
import sys
from pathlib import Path

import numpy as np
import pytest

from emirimg.exceptions import SkyWarning
from emirimg.sky import (
    ChannelMedian,
    DetectorResidual,
    QuadrantCells,
    QuadrantSurface,
    RowColumnStriping,
    SmoothResidual,
)

sys.path.insert(0, str(Path(__file__).parents[1] / "sky"))
from dithers import H2RG, HAWAII2, flat_frame

RESIDUALS = [
    QuadrantSurface(box_size=16),
    QuadrantSurface(box_size=16, max_order=1),
    ChannelMedian(),
    SmoothResidual(box_size=64),
    DetectorResidual(box_size=16),
    QuadrantCells(n_side=2),
    RowColumnStriping(),
]
SHAPE = (256, 256)


@pytest.mark.parametrize("date", [HAWAII2, H2RG], ids=["HAWAII-2", "H2RG"])
@pytest.mark.parametrize("residual", RESIDUALS, ids=repr)
class TestResiduals:
    def test_shape_and_type(self, residual, date):
        found = residual(flat_frame(shape=(250, 256), date=date), objects=None)
        assert found.shape == (250, 256)
        assert found.dtype == np.float32
        assert np.isfinite(found).all()

    def test_a_good_frame_is_left_alone(self, residual, date):
        found = [
            residual(flat_frame(shape=SHAPE, date=date, seed=seed), objects=None).std()
            for seed in range(4)
        ]
        # A smooth mesh always follows some noise: that of 16 blocks of 64 x 64.
        assert np.mean(found) < (
            0.7 if isinstance(residual, SmoothResidual | QuadrantCells) else 0.15
        )

    def test_a_constant_is_found(self, residual, date):
        frame = flat_frame(shape=SHAPE, date=date)
        frame.data += 7
        found = np.mean(residual(frame, objects=None))
        # A constant is no stripe.
        expected = 0 if isinstance(residual, RowColumnStriping) else 7
        assert found == pytest.approx(expected, abs=0.5)

    def test_objects_are_honoured(self, residual, date):
        frame = flat_frame(shape=SHAPE, date=date)
        objects = np.zeros(SHAPE, bool)
        objects[20:150, 5:250] = True
        frame.data[objects] += 2000
        found = residual(frame, objects=objects)
        assert np.abs(found).max() < 6
        if not isinstance(residual, RowColumnStriping):
            assert np.abs(residual(frame, objects=None)).max() > 100

    def test_a_large_object_does_not_make_it_explode(self, residual, date):
        frame = flat_frame(shape=SHAPE, date=date)
        y, x = np.mgrid[: SHAPE[0], : SHAPE[1]]
        objects = np.hypot(y - 70, x - 70) < 66
        frame.data += 0.02 * x
        frame.data += 5e4 * np.exp(-np.hypot(y - 70, x - 70) / 8)
        found = residual(frame, objects=objects)
        assert np.abs(found).max() < 60

    def test_masked_pixels_do_not_count(self, residual, date):
        frame = flat_frame(shape=SHAPE, date=date)
        before = residual(frame, objects=None)
        frame.mask[100:104] = True
        frame.data[100:104] = 1e5
        np.testing.assert_allclose(residual(frame, objects=None), before, atol=1.5)

    def test_input_is_not_changed(self, residual, date):
        frame = flat_frame(shape=SHAPE, date=date)
        objects = np.zeros(SHAPE, bool)
        objects[:30, :30] = True
        old, old_objects = copy.deepcopy(frame), objects.copy()
        found = residual(frame, objects=objects)
        found += 1
        np.testing.assert_array_equal(frame.data, old.data)
        np.testing.assert_array_equal(frame.mask, old.mask)
        np.testing.assert_array_equal(objects, old_objects)

    def test_objects_everywhere(self, residual, date):
        frame = flat_frame(shape=SHAPE, date=date)
        with pytest.warns(SkyWarning, match="masks leave too few pixels"):
            found = residual(frame, objects=np.ones(SHAPE, bool))
        assert not found.any()

    def test_a_frame_without_a_mask(self, residual, date):
        frame = flat_frame(shape=SHAPE, date=date)
        masked = residual(frame, objects=None)
        frame.mask = None
        np.testing.assert_array_equal(residual(frame, objects=None), masked)

    def test_repr(self, residual, date):
        del date
        assert eval(repr(residual)) == residual
