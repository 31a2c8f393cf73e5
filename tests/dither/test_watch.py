"""The sequence that is being observed, followed with a stand-in for the reduction."""

import math
import os
import time
from types import SimpleNamespace

import numpy as np
import pytest
from astropy.io import fits
from astropy.io.fits import Header

from emirimg.dither import foreseen_exposures, watch
from emirimg.exceptions import InputError, SkyError
from emirimg.instrument import read_metadata

KEYWORDS = {
    "INSTRUME": "EMIR", "OBJECT": "M33", "EXPTIME": 30.0, "READMODE": "RAMP", "FILTER": "J",
    "OBSBLOCK": 1, "NIMGOBBL": 7, "NEXP": 1, "EXP": 1, "CTYPE1": "RA---TAN",
    "CTYPE2": "DEC--TAN", "CRPIX1": 1.0, "CRPIX2": 1.0, "CRVAL1": 10.0, "CRVAL2": 20.0,
    "CD1_1": -5.4e-5, "CD2_2": 5.4e-5, "DETSEC": "[1:8,1:8]",
}  # fmt: skip


def header(number, **changes):
    start = f"2018-12-17T23:{number:02d}:00"
    return Header({**KEYWORDS, "IMGOBBL": number, "DATE-OBS": start, **changes})


@pytest.fixture
def arrive(tmp_path):
    """Let an exposure arrive that was complete long ago."""

    def arrive(number, **changes):
        path = tmp_path / f"{number:02d}.fits"
        data = np.ones((8, 8), dtype=np.float32)
        fits.PrimaryHDU(data, header(number, **changes)).writeto(path)
        os.utime(path, (time.time() - 60,) * 2)
        return path

    return arrive


def reduce(group, sky_exposures):
    """Be as deep as 20 mag for one exposure."""
    depth = 20 + 1.25 * math.log10(len(group.paths))
    return SimpleNamespace(quality=SimpleNamespace(depth=depth), skies=sky_exposures)


def looks(directory, **options):
    return watch(directory, reduce, **{"patience": 0.2, "pause": 0.01, **options})


def numbers(look):
    return [int(path.stem) for path in look.group.paths]


def test_each_exposure_makes_a_look(arrive, tmp_path):
    arrive(1)
    follow = looks(tmp_path, expected=3, patience=20)
    assert numbers(next(follow)) == [1]
    arrive(2)
    assert numbers(next(follow)) == [1, 2]
    arrive(3)
    assert numbers(next(follow)) == [1, 2, 3]
    assert list(follow) == []


def test_what_arrived_meanwhile_is_taken_together(arrive, tmp_path):
    arrive(1)
    follow = looks(tmp_path)
    next(follow)
    arrive(2)
    arrive(3)
    assert [numbers(look) for look in follow] == [[1, 2, 3]]


def test_patience_ends(arrive, tmp_path):
    arrive(1)
    begin = time.monotonic()
    assert [numbers(look) for look in looks(tmp_path, patience=0.3)] == [[1]]
    assert time.monotonic() - begin > 0.3


def test_nothing_arrives(tmp_path):
    assert list(looks(tmp_path)) == []


def test_depth_foreseen(arrive, tmp_path):
    arrive(1)
    arrive(2)
    (look,) = looks(tmp_path)
    assert look.foreseen == 7
    assert look.depth_foreseen == pytest.approx(20 + 1.25 * math.log10(7))
    (look,) = looks(tmp_path, expected=20)
    assert look.depth_foreseen == pytest.approx(20 + 1.25 * math.log10(20))


def test_the_latest_sequence_is_watched_until_another_begins(arrive, tmp_path):
    arrive(1, OBJECT="standard star")
    arrive(2)
    follow = looks(tmp_path, patience=20)
    assert numbers(next(follow)) == [2]
    arrive(3)
    assert numbers(next(follow)) == [2, 3]
    arrive(4)
    arrive(5, FILTER="Ks")
    assert [numbers(look) for look in follow] == [[2, 3, 4]]


def test_sky_beside_belongs_to_the_sequence(arrive, tmp_path):
    arrive(1)
    sky = arrive(2, OBJECT="M33 sky")
    (look,) = looks(tmp_path)
    assert numbers(look) == [1]
    assert look.sky_exposures == look.result.skies == (sky,)


def test_a_failure_is_told_and_the_watch_goes_on(arrive, tmp_path):
    def refuse(group, sky_exposures):
        if len(group.paths) == 1:
            msg = "one exposure is too few"
            raise SkyError(msg)
        return reduce(group, sky_exposures)

    arrive(1)
    follow = watch(tmp_path, refuse, patience=0.2, pause=0.01)
    first = next(follow)
    assert (first.result, first.problem) == (None, "one exposure is too few")
    assert math.isnan(first.depth)
    assert math.isnan(first.depth_foreseen)
    arrive(2)
    (second,) = follow
    assert second.result is not None


def test_there_must_be_a_directory(tmp_path):
    with pytest.raises(InputError, match="absent is not a directory"):
        next(looks(tmp_path / "absent"))


def foreseen(*items):
    return foreseen_exposures([read_metadata(header(place, EXP=n)) for place, n in items])


def test_foreseen_exposures():
    assert foreseen((1, 1)) == 7
    assert foreseen((1, 1), (2, 1), (7, 1)) == 3
    last = read_metadata(header(6, NEXP=2, EXP=2))
    before = read_metadata(header(6, NEXP=2, EXP=1))
    assert foreseen_exposures([before]) == 4
    assert foreseen_exposures([before, last]) == 4
    silent = header(1)
    del silent["NIMGOBBL"]
    assert foreseen_exposures([read_metadata(silent)] * 3) == 3
