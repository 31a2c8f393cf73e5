"""Objects that consist of several, taken apart."""

import warnings

import numpy as np
import pytest
from astropy.utils.exceptions import AstropyUserWarning
from photutils.segmentation import SegmentationImage, deblend_sources, detect_sources

from emirimg.objects._deblend import deblended

from .mosaics import SHAPE, SIGMA, sources


def image_of(x, y, flux, shape=(40, 60)):
    return sources(np.array(x), np.array(y), np.array(flux), shape=shape).astype("f4")


def test_two_stars_are_parted_at_the_saddle_between_them():
    image = image_of([25.0, 34.0], [20.0, 20.0], [5e4, 5e4])
    inside = image > 20
    parts = deblended(image, inside, 5, contrast=0.005)
    assert set(np.unique(parts)) == {0, 1, 2}
    np.testing.assert_array_equal(parts > 0, inside)
    np.testing.assert_array_equal(parts[:, :30][inside[:, :30]], parts[20, 25])
    np.testing.assert_array_equal(parts[:, 30:][inside[:, 30:]], parts[20, 34])


@pytest.mark.parametrize(
    ("x", "flux", "options"),
    [
        ([30.0, 30.0], [5e4, 5e4], {}),  # at one place
        ([25.0, 34.0], [5e4, 5e4], {"npixels": 200}),  # hardly larger together
        ([25.0, 34.0], [5e4, 5e3], {"contrast": 0.5}),
    ],
)
def test_what_is_left_whole(x, flux, options):
    image = image_of(x, [20.0, 20.0], flux)
    assert deblended(image, image > 20, **{"npixels": 5, "contrast": 0.005} | options) is None


def test_a_plain_is_left_whole():
    assert deblended(np.ones((9, 9), "f4"), np.ones((9, 9), bool), 5, contrast=0) is None


def test_the_faintest_part_is_given_up_first():
    image = image_of([20.0, 30.0, 40.0], [20.0] * 3, [5e4, 4e3, 5e4])
    inside = image > 20
    assert deblended(image, inside, 3, contrast=0.001).max() == 3
    left = deblended(image, inside, 3, contrast=0.1)
    assert left.max() == 2
    np.testing.assert_array_equal(left > 0, inside)


def test_nothing_is_changed():
    image = image_of([25.0, 34.0], [20.0, 20.0], [5e4, 5e4])
    inside = image > 20
    before = image.copy(), inside.copy()
    deblended(image, inside, 5, contrast=0.005)
    np.testing.assert_array_equal(image, before[0])
    np.testing.assert_array_equal(inside, before[1])


@pytest.mark.parametrize("level", [0.0, -8.0])  # faintest pixels may be below zero
@pytest.mark.parametrize("contrast", [0.0, 0.005, 0.2])
def test_parts_are_those_of_photutils(level, contrast):
    rng = np.random.default_rng(3)
    crowded = sources(*rng.uniform(10, 290, (2, 60)), np.exp(rng.uniform(8, 12, 60)))
    noise = rng.normal(0, SIGMA, (SHAPE[0] + 2, SHAPE[1] + 2))
    smooth = sum(noise[y : y + SHAPE[0], x : x + SHAPE[1]] for y in range(3) for x in range(3)) / 9
    image = (crowded + smooth + level).astype("f4")
    segments = detect_sources(image, level + 1.5 * SIGMA, 5)
    n_divided = 0
    for label, region in zip(segments.labels, segments.slices, strict=True):
        inside = segments.data[region] == label
        parts = deblended(image[region], inside, 5, contrast=contrast)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", AstropyUserWarning)  # levels in equal steps
            whole = SegmentationImage(inside.astype(int))
            expected = deblend_sources(image[region], whole, 5, contrast=contrast).data
        if parts is None:
            np.testing.assert_array_equal(expected, inside)
        else:
            np.testing.assert_array_equal(parts, expected)
            n_divided += 1
    assert n_divided > 3
