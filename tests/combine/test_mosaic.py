import astropy.units as u
import numpy as np
import pytest
from astropy.io.fits import Header
from astropy.nddata import VarianceUncertainty
from astropy.wcs import WCS
from numpy.testing import assert_array_equal

from emirimg.combine import CombinedPlanes, Mosaic
from emirimg.projection import MosaicGrid


def planes(shape):
    return {
        "data": np.arange(6, dtype=np.float32).reshape(shape),
        "variance": np.ones(shape, dtype=np.float32),
        "mask": np.zeros(shape, dtype=bool),
        "coverage": np.ones(shape, dtype=np.int16),
        "exposure": np.ones(shape, dtype=np.float32),
    }


@pytest.fixture
def grid():
    wcs = WCS(naxis=2)
    wcs.wcs.ctype = ["RA---TAN", "DEC--TAN"]
    wcs.wcs.cdelt = [-5e-5, 5e-5]
    return MosaicGrid(wcs, (2, 3))


def test_a_mosaic_becomes_ccddata(grid):
    mosaic = Mosaic(grid=grid, **planes((2, 3)), header=Header({"OBJECT": "M 37"}))
    frame = mosaic.to_ccddata()
    assert frame.unit == u.adu
    assert frame.wcs is grid.wcs
    assert isinstance(frame.uncertainty, VarianceUncertainty)
    assert_array_equal(frame.data, mosaic.data)
    assert_array_equal(frame.uncertainty.array, mosaic.variance)
    assert_array_equal(frame.mask, mosaic.mask)
    frame.meta["OBJECT"] = "M 38"
    assert mosaic.header["OBJECT"] == "M 37"


@pytest.mark.parametrize("name", ["data", "variance", "mask", "coverage", "exposure"])
def test_planes_of_another_shape_are_refused(grid, name):
    wrong = planes((2, 3)) | {name: np.zeros((3, 3))}
    with pytest.raises(ValueError, match=f"{name} must have the shape of the grid"):
        Mosaic(grid=grid, **wrong, header=Header())


def test_count_is_the_number_of_values_used():
    used = np.array([[[True, False]], [[True, False]]])
    zeros = np.zeros((1, 2), dtype=np.float32)
    count = CombinedPlanes(zeros, zeros, used).count
    assert count.dtype == np.int16
    assert_array_equal(count, [[2, 0]])
