"""Exposures count when they are complete."""

import os
import time

import pytest
from emir_files import write_exposure

from emirimg.exceptions import InputError, QualityWarning
from emirimg.io import Arrivals


def names(paths):
    return [path.name for path in paths]


def age(path, seconds):
    then = time.time() - seconds
    os.utime(path, (then, then))


def test_what_was_there_before_counts_at_once(tmp_path):
    age(write_exposure(tmp_path / "2.fits"), 60)
    (tmp_path / "data").mkdir()
    age(write_exposure(tmp_path / "data" / "1.fits"), 60)
    age(write_exposure(tmp_path / "flat.fits", NUMTYPE="MASTER_FLAT"), 60)
    (tmp_path / "notes.txt").write_text("clear sky\n")
    assert names(Arrivals(tmp_path).look()) == ["2.fits", "1.fits"]


def test_a_new_file_counts_when_it_no_longer_changes(tmp_path):
    arrivals = Arrivals(tmp_path)
    path = write_exposure(tmp_path / "1.fits")
    whole = path.read_bytes()
    path.write_bytes(whole[:4000])
    assert arrivals.look() == []
    path.write_bytes(whole)
    assert arrivals.look() == []
    assert names(arrivals.look()) == ["1.fits"]


def test_a_truncated_file_counts_when_it_was_copied_again(tmp_path):
    path = write_exposure(tmp_path / "1.fits")
    whole = path.read_bytes()
    path.write_bytes(whole[:-2880])
    age(path, 60)
    arrivals = Arrivals(tmp_path)
    with pytest.warns(QualityWarning, match=r"1\.fits is truncated.*left out"):
        assert arrivals.look() == []
    assert arrivals.look() == []
    path.write_bytes(whole)
    arrivals.look()
    assert names(arrivals.look()) == ["1.fits"]


def test_only_directories_can_be_watched(tmp_path):
    with pytest.raises(InputError, match=r"1\.fits is not a directory; one to watch was expected"):
        Arrivals(write_exposure(tmp_path / "1.fits"))
