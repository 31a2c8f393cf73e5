"""The residual sky of each quadrant from the medians of its cells."""

import numpy as np
import pytest
from dithers import flat_frame

from emirimg.exceptions import SkyWarning
from emirimg.sky import QuadrantCells

SHAPE = (256, 256)


def steps_and_slopes():
    """A surface that is a plane on each quadrant, with steps between them."""
    y, x = np.indices(SHAPE) / 128 - 1
    return np.where(y < 0, 30.0 * x, -20.0 * y) + np.where(x < 0, 40.0 * y, 5.0)


def test_planes_with_steps_are_found_up_to_the_border():
    frame = flat_frame(shape=SHAPE, noise=1.0)
    frame.data += steps_and_slopes()
    found = QuadrantCells(n_side=4)(frame)
    assert np.abs(found - steps_and_slopes()).max() < 1
    assert found.dtype == np.float32


def test_the_number_of_cells_matters():
    frame = flat_frame(shape=SHAPE)
    y, x = np.indices(SHAPE)
    frame.data += 20 * np.sin(x / 15) * np.sin(y / 15)
    assert QuadrantCells(n_side=8)(frame).std() > 3 * QuadrantCells(n_side=1)(frame).std()


def test_cells_full_of_objects_are_filled():
    frame = flat_frame(shape=SHAPE, noise=1.0)
    frame.data += 12
    objects = np.zeros(SHAPE, dtype=bool)
    objects[20:80, 30:90] = True
    frame.data[objects] += 1e4
    np.testing.assert_allclose(QuadrantCells(n_side=5)(frame, objects=objects), 12, atol=1)


def test_a_masked_quadrant_is_left_alone():
    frame = flat_frame(shape=SHAPE)
    frame.data += 50
    frame.mask[:128, :128] = True
    with pytest.warns(SkyWarning, match="masks leave too few pixels"):
        found = QuadrantCells()(frame)
    assert not found[:128, :128].any()
    assert abs(found[128:].mean() - 50) < 1
