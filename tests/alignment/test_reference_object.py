"""Offsets from one place on the sky."""

import numpy as np
import pytest
from astropy.io.fits import Header
from astropy.nddata import CCDData
from astropy.wcs import WCS

from emirimg.alignment import ReferenceObjectAlignment
from emirimg.exceptions import AlignmentError
from emirimg.stack import DitherStack

SHAPE = (40, 60)
OFFSETS = np.array([[0.0, 0.0], [12.3, -7.6], [-4.4, 9.9]])


def tan_wcs(pointing=(0.0, 0.0)):
    """A WCS whose frame lies ``pointing`` pixels from the first one."""
    wcs = WCS(naxis=2)
    wcs.wcs.ctype = ["RA---TAN", "DEC--TAN"]
    wcs.wcs.crpix = [25.0, 20.0]
    wcs.wcs.cd = np.diag([-5.4e-5, 5.4e-5])
    wcs.wcs.crval = [150.0 - 5.4e-5 * pointing[0], 5.4e-5 * pointing[1]]
    wcs.wcs.set()
    return wcs


def stack_of(wcss):
    header = Header({"EXPTIME": 10.0, "DATE-OBS": "2018-12-17T23:10:00"})
    return DitherStack.from_frames(
        [CCDData(np.zeros(SHAPE, "f4"), unit="adu", meta=header.copy(), wcs=wcs) for wcs in wcss]
    )


@pytest.fixture
def stack():
    return stack_of([tan_wcs(offset) for offset in OFFSETS])


def found_offsets(alignment):
    crpix = np.array([wcs.wcs.crpix for wcs in alignment.wcss])
    return crpix[0] - crpix


def test_offsets_from_the_headers(stack):
    alignment = ReferenceObjectAlignment()(stack)
    np.testing.assert_allclose(found_offsets(alignment), OFFSETS, atol=1e-4)
    assert alignment.methods == ("header",) * 3
    assert not alignment.shifts.any()
    assert alignment.reference == 0
    for wcs in alignment.wcss:
        np.testing.assert_array_equal(wcs.wcs.crval, stack[0].wcs.wcs.crval)


def test_offsets_from_positions(stack):
    positions = np.array([1000.0, 900.0]) - OFFSETS - [[0, 0], [1.5, 0.5], [0, 0]]
    strategy = ReferenceObjectAlignment(positions=tuple(map(tuple, positions)))
    alignment = strategy(stack)
    np.testing.assert_allclose(found_offsets(alignment)[1], OFFSETS[1] + [1.5, 0.5])
    np.testing.assert_allclose(found_offsets(alignment)[2], OFFSETS[2])
    assert alignment.methods == ("reference_object",) * 3
    np.testing.assert_allclose(alignment.shifts[1], [1.5, 0.5], atol=1e-3)
    assert eval(repr(strategy)) == strategy


def test_there_must_be_one_position_for_each_frame(stack):
    with pytest.raises(AlignmentError, match=r"found 2 positions .* 3, one for each frame"):
        ReferenceObjectAlignment(positions=((1, 2), (3, 4)))(stack)


def test_a_frame_without_a_wcs(stack):
    stack[1].wcs = None
    with pytest.raises(AlignmentError, match="frame 2 has no WCS"):
        ReferenceObjectAlignment()(stack)
