"""Checksums that are worked out ahead are those of the files as they are."""

import hashlib
import os
import threading

import pytest

from emirimg.io import _checksums
from emirimg.io._checksums import checksum, checksums_beside


def true_checksum(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture
def files(tmp_path):
    paths = [tmp_path / name for name in ("a.fits", "b.fits", "notes.txt")]
    for number, path in enumerate(paths):
        path.write_bytes(bytes([number]) * 100_000)
    return paths


@pytest.fixture
def counted(monkeypatch):
    """Tell which files are read."""
    read, work_out = [], _checksums._worked_out

    def counting(path):
        read.append(path.name)
        return work_out(path)

    monkeypatch.setattr(_checksums, "_worked_out", counting)
    monkeypatch.setattr(_checksums, "_known", {})
    return read


def work_ahead(paths):
    with checksums_beside(paths):
        for thread in threading.enumerate():
            if thread.name == "checksums":
                thread.join()


def test_files_of_a_directory_are_read_once(files, counted):
    work_ahead([files[0].parent])
    assert counted == ["a.fits", "b.fits"]
    assert [checksum(path) for path in files] == [true_checksum(path) for path in files]
    assert counted == ["a.fits", "b.fits", "notes.txt"]


def test_a_file_that_was_written_anew_is_read_anew(files, counted):
    work_ahead(files[:1])
    before = files[0].stat()
    files[0].write_bytes(b"\1" * 100_000)
    os.utime(files[0], ns=(before.st_atime_ns, before.st_mtime_ns + 1))
    assert checksum(files[0]) == true_checksum(files[0])
    assert counted == ["a.fits", "a.fits"]


def test_what_cannot_be_read_is_left_to_who_needs_it(files, counted):
    files[0].unlink()
    work_ahead(files)
    assert counted == []
    with pytest.raises(FileNotFoundError):
        checksum(files[0])


def test_nothing_is_begun_when_the_time_is_over(files, counted, monkeypatch):
    over = threading.Event()
    listed = _checksums.fits_files

    def late(path):
        over.wait()
        return listed(path)

    monkeypatch.setattr(_checksums, "fits_files", late)
    with checksums_beside([files[0].parent]):
        thread = next(one for one in threading.enumerate() if one.name == "checksums")
    over.set()
    thread.join()
    assert counted == []
