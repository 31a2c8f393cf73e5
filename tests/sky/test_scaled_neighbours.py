"""The sky as a combination of scaled neighbours."""

import warnings

import numpy as np
import pytest
from dithers import dither

from emirimg.sky import ScaledNeighbourSky


def reference(truth, index, n, *, objects=None, combine=np.nanmean):
    """The definition in plain NumPy, for a mean without rejection."""
    masks = [frame.mask.copy() for frame in truth.stack]
    if objects is not None:
        masks = [mask | other for mask, other in zip(masks, objects, strict=True)]
    values = np.array([frame.data for frame in truth.stack], dtype=float)
    values[np.array(masks)] = np.nan
    levels = np.nanmedian(values.reshape(len(values), -1), axis=1)
    nearest = sorted(set(range(len(values))) - {index}, key=lambda k: abs(k - index))[:n]
    return levels[index] * combine(values[nearest] / levels[nearest, None, None], axis=0)


@pytest.mark.parametrize(("name", "combine"), [("mean", np.nanmean), ("median", np.nanmedian)])
def test_it_agrees_with_its_definition(name, combine):
    truth = dither(range(7), n_stars=10)
    for frame in truth.stack:
        frame.mask[::17, ::13] = True  # the same pixels in all frames
    skies = ScaledNeighbourSky(n_frames=4, combiner=name)(truth.stack, objects=truth.objects)
    for index in (0, 3):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # of the NaN of bad pixels
            expected = reference(truth, index, 4, objects=truth.objects, combine=combine)
        known = np.isfinite(expected)
        np.testing.assert_allclose(skies[index].image[known], expected[known], rtol=2e-6)
        np.testing.assert_allclose(skies[index].image[~known], skies[index].level, rtol=1e-6)
        assert not known.all()


def test_repeats_of_a_pointing_are_used():
    truth = dither([0, 0, 0, 1])
    assert ScaledNeighbourSky(n_frames=2)(truth.stack)[0].n_used == 2


def test_the_separation_limits_the_neighbours():
    truth = dither(range(6))  # one frame a minute
    skies = ScaledNeighbourSky(max_separation=1.5)(truth.stack)
    assert [sky.n_used for sky in skies] == [1, 2, 2, 2, 2, 1]


def test_every_parameter_matters():
    truth = dither(range(9))
    truth.stack[3].data[40:44, 40:44] += 2000
    images = [
        ScaledNeighbourSky(**options)(truth.stack)[4].image
        for options in (
            {"n_frames": 8},
            {"n_frames": 4},
            {"n_frames": 8, "max_separation": "1.5 min"},
            {"n_frames": 8, "combiner": "median"},
            {"n_frames": 8, "combiner": {"name": "sigmaclip", "low": 2, "high": 2}},
        )
    ]
    for number, image in enumerate(images):
        for other in images[number + 1 :]:
            assert np.abs(image - other).max() > 1


def test_frames_without_an_uncertainty():
    truth = dither(range(5))
    expected = ScaledNeighbourSky()(truth.stack)[2]
    for frame in truth.stack:
        frame.uncertainty = None
    found = ScaledNeighbourSky()(truth.stack)[2]
    np.testing.assert_array_equal(found.image, expected.image)
    np.testing.assert_allclose(found.variance, expected.variance, rtol=0.05)
