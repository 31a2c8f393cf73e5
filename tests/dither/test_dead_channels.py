"""Readout channels that do not see the sky."""

import numpy as np
import pytest
from astropy.nddata import CCDData

from emirimg import DitherReducer
from emirimg.calibration import Calibrations
from emirimg.dither.dead_channels import without_dead_channels
from emirimg.exceptions import SkyWarning
from emirimg.instrument.detectors import H2RG, HAWAII2
from emirimg.simulation import Scene

SHAPE = (2048, 2048)


def exposure(detector):
    sky = np.random.default_rng(1).normal(3000, 30, SHAPE).astype("f4")
    return CCDData(sky, unit="adu", mask=np.zeros(SHAPE, bool)), list(detector.channels())


@pytest.mark.parametrize("detector", [HAWAII2, H2RG], ids=["HAWAII-2", "H2RG"])
@pytest.mark.parametrize("spoil", [lambda x: 0 * x, lambda x: 0 * x + 3000, lambda x: x / 1000])
def test_dead_channels_are_masked(detector, spoil):
    frame, channels = exposure(detector)
    for number in (4, 5, 20):
        frame.data[channels[number]] = spoil(frame.data[channels[number]])
    # A bad pixel does not make it alive.
    frame.data[channels[4]][3, 7] = np.nan
    result, dead = without_dead_channels(frame, frame, detector)
    assert dead == (5, 6, 21)
    expected = np.zeros(SHAPE, bool)
    for number in (4, 5, 20):
        expected[channels[number]] = True
    np.testing.assert_array_equal(result.mask, expected)
    assert not frame.mask.any()


def test_a_faint_channel_is_kept():
    frame, channels = exposure(H2RG)
    frame.data[channels[3]] *= 0.1
    result, dead = without_dead_channels(frame, frame, H2RG)
    assert result is frame
    assert dead == ()


def test_without_a_sky_only_constant_ones_are_dead():
    frame, channels = exposure(H2RG)
    frame.data -= 3000
    frame.data[channels[3]] -= 100
    assert without_dead_channels(frame, frame, H2RG)[1] == ()
    frame.data[channels[7]] = 7
    assert without_dead_channels(frame, frame, H2RG)[1] == (8,)


@pytest.mark.filterwarnings("default::emirimg.exceptions.EmirimgWarning")
@pytest.mark.parametrize("spoilt", [[2], range(5)], ids=["one", "all"])
def test_a_dead_quadrant_is_reported_and_no_part_of_the_mosaic(spoilt):
    scene = Scene(
        shape=(128, 128), dither_scale=0.1, n_stars=60, n_galaxies=0, brightest=1e5, n_exposures=5
    )
    frames = [scene.exposure(index) for index in range(5)]
    for index in spoilt:
        frames[index].data[:64, :64] = 0
    masters = scene.calibrations()
    calibrations = Calibrations(dark=masters.dark, flat=masters.flat)
    with pytest.warns(SkyWarning, match="exposure 3: no sky in readout channel 1; it is masked"):
        result = DitherReducer(calibrations=calibrations).reduce(frames)
    assert result.mosaic.header["NDEADCHN"] == len(spoilt)
    assert "masked: exposure 3: no sky" in " ".join(result.mosaic.header["HISTORY"])
    fractions = [record.bad_fraction > 0.25 for record in result.frames]
    assert fractions == [index in spoilt for index in range(5)]
