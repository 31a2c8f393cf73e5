import numpy as np
import pytest
from astropy.time import Time

from emirimg.exceptions import MetadataError
from emirimg.instrument import DETECTORS, H2RG, HAWAII2, detector_at, detector_by_uuid


@pytest.mark.parametrize("detector", DETECTORS, ids=lambda d: d.name)
def test_the_channels_cover_every_pixel_once(detector):
    hits = np.zeros(detector.shape, dtype=int)
    channels = list(detector.channels())
    for y, x in channels:
        hits[y, x] += 1
    assert len(channels) == 32
    assert (hits == 1).all()


@pytest.mark.parametrize("detector", DETECTORS, ids=lambda d: d.name)
def test_the_quadrants_cover_every_pixel_once(detector):
    hits = np.zeros(detector.shape, dtype=int)
    for y, x in detector.quadrants():
        hits[y, x] += 1
    assert (hits == 1).all()


@pytest.mark.parametrize(
    ("row", "column", "vertical"),
    [(10, 10, True), (10, 2000, False), (2000, 10, False), (2000, 2000, True)],
    ids=["lower left", "lower right", "upper left", "upper right"],
)
def test_the_direction_of_the_hawaii2_channels(row, column, vertical):
    numbers = HAWAII2.channel_numbers()
    same_column = numbers[row, column] == numbers[(row + 128) % 1024 + row // 1024 * 1024, column]
    assert same_column == vertical


def test_the_h2rg_channels_are_64_columns_wide():
    numbers = H2RG.channel_numbers()
    np.testing.assert_array_equal(numbers[0], np.arange(2048) // 64 + 1)
    np.testing.assert_array_equal(numbers[0], numbers[-1])


@pytest.mark.parametrize(
    ("date", "name"),
    [
        ("2018-12-17T23:57:24", "HAWAII-2"),
        ("2023-03-10T12:00:00", "HAWAII-2"),
        ("2023-07-01T12:00:00", "H2RG"),
        ("2026-01-01T00:00:00", "H2RG"),
    ],
)
def test_the_date_tells_the_detector(date, name):
    assert detector_at(Time(date)).name == name


@pytest.mark.parametrize("date", ["2015-01-01T00:00:00", "2023-05-01T00:00:00"])
def test_dates_without_a_detector(date):
    with pytest.raises(MetadataError, match=r"no detector in use at .*HAWAII-2 from 2016"):
        detector_at(Time(date))


def test_an_unknown_uuid_is_answered_with_the_known_ones():
    assert detector_by_uuid(H2RG.uuid.upper()) is H2RG
    with pytest.raises(MetadataError, match="'nonsense'; known are 225fcaf2"):
        detector_by_uuid("nonsense")
