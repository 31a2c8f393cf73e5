"""The flat that the sky of the exposures makes."""

import sys
from pathlib import Path

import numpy as np
import pytest
from astropy.nddata import CCDData, VarianceUncertainty

from emirimg.combine import MeanCombiner, MedianCombiner
from emirimg.exceptions import SkyError
from emirimg.flat import DoughnutFit, SkyFlat, Superflat, divide_superflat

sys.path.insert(0, str(Path(__file__).parents[1] / "sky"))
from dithers import dither, smooth_shape

SHAPE = (128, 128)


@pytest.fixture
def truth():
    return dither(range(10), n_stars=20)


def test_the_shape_of_the_sky_is_found(truth):
    flat = SkyFlat()(truth.stack, objects=truth.objects)
    expected = smooth_shape(SHAPE) / np.median(smooth_shape(SHAPE))
    assert flat.image.dtype == np.float32
    assert flat.doughnut is None
    assert flat.combined is flat.image
    np.testing.assert_allclose(np.median(flat.image), 1, atol=1e-3)
    error = (flat.image - expected) / expected
    assert error.std() < 1.3 * 24 / 2900 / np.sqrt(10)
    assert abs(error.mean()) < 1e-3


def test_objects_are_left_out(truth):
    masked = SkyFlat()(truth.stack, objects=truth.objects).image
    blind = SkyFlat()(truth.stack, objects=None).image
    expected = smooth_shape(SHAPE) / np.median(smooth_shape(SHAPE))
    assert (masked / expected).max() < 1.03
    assert (blind / expected).max() > 1.05


def test_combiners_differ(truth):
    flats = [
        SkyFlat(combiner=combiner)(truth.stack).image
        for combiner in ("sigmaclip", MeanCombiner(), MedianCombiner())
    ]
    assert not np.allclose(flats[0], flats[2], atol=1e-4)
    assert not np.allclose(flats[1], flats[2], atol=1e-4)


def test_levels_are_those_of_usable_pixels_but_bad_ones_take_part(truth):
    before = SkyFlat()(truth.stack).image
    for frame in truth.stack:
        frame.mask[:40] = True
        frame.data[:40] *= 2
    after = SkyFlat()(truth.stack).image
    np.testing.assert_allclose(
        np.median(after[:40]) / np.median(after[40:]),
        2 * np.median(before[:40]) / np.median(before[40:]),
        rtol=1e-3,
    )


def test_where_no_sky_is_seen(truth):
    everywhere = [mask.copy() for mask in truth.objects]
    for frame, mask in zip(truth.stack, everywhere, strict=True):
        mask[50:60, 50:60] = True
        frame.data[:4] = 0
    flat = SkyFlat()(truth.stack, objects=everywhere).image
    assert (flat[50:60, 50:60] == 1).all()
    np.testing.assert_allclose(flat[:4], 1e-5)


def test_with_a_doughnut(truth):
    fit = DoughnutFit(n_radii=20, n_angles=60)
    flat = SkyFlat(doughnut=fit)(truth.stack, objects=truth.objects)
    plain = SkyFlat()(truth.stack, objects=truth.objects)
    np.testing.assert_array_equal(flat.combined, plain.image)
    np.testing.assert_allclose(flat.image * flat.doughnut, flat.combined, rtol=1e-6)
    assert flat.image.std() < 0.4 * flat.combined.std()


def test_a_sky_that_was_subtracted_is_refused(truth):
    truth.stack[2].data[...] = -1
    with pytest.raises(SkyError, match="frame 3: the sky level is -1"):
        SkyFlat()(truth.stack)


def test_input_is_not_changed_and_nothing_remembered(truth):
    before = [frame.data.copy() for frame in truth.stack]
    strategy = SkyFlat()
    one, two = strategy(truth.stack), strategy(truth.stack)
    np.testing.assert_array_equal(one.image, two.image)
    for frame, old in zip(truth.stack, before, strict=True):
        np.testing.assert_array_equal(frame.data, old)
    assert eval(repr(strategy)) == strategy
    assert eval(repr(SkyFlat(doughnut=DoughnutFit(window=5)))) == SkyFlat(
        doughnut={"name": "doughnut", "window": 5}
    )


def test_division():
    data = np.full((4, 4), 6.0, dtype="f4")
    image = np.linspace(0.5, 2, 16, dtype="f4").reshape(4, 4)
    uncertainty = VarianceUncertainty(np.full((4, 4), 3.0, dtype="f4"))
    frame = CCDData(data, unit="adu", mask=image > 1.5, uncertainty=uncertainty)
    found = divide_superflat(frame, Superflat(image, image))
    np.testing.assert_allclose(found.data, 6 / image, rtol=1e-6)
    np.testing.assert_allclose(found.uncertainty.array, 3 / image**2, rtol=1e-6)
    np.testing.assert_array_equal(found.mask, frame.mask)
    assert (frame.data == 6).all()
    assert (uncertainty.array == 3).all()
    frame.uncertainty = None
    assert divide_superflat(frame, Superflat(image, image)).uncertainty is None
