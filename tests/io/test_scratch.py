"""Planes in memory and in scratch files."""

import gc
from pathlib import Path

import numpy as np
import pytest

from emirimg._lazy import LazyPlane
from emirimg.exceptions import FrameError
from emirimg.io import Scratch

IMAGE = np.arange(300 * 40, dtype=np.float32).reshape(300, 40)


def files(directory):
    return [path for path in directory.rglob("*") if path.is_file()]


@pytest.mark.parametrize("dtype", [np.float32, np.uint8])
@pytest.mark.parametrize(
    "key",
    [
        np.s_[:], np.s_[17:90], np.s_[::-1], np.s_[::7], np.s_[290:2:-7], np.s_[3::40],
        np.s_[::-40], np.s_[5:5:2], np.s_[1::3, 1::3], np.s_[5, 6],
    ],
)  # fmt: skip
def test_a_file_holds_what_was_kept(tmp_path, dtype, key):
    image = IMAGE.astype(dtype)
    with Scratch(0, tmp_path) as scratch:
        plane = scratch.keep(image.copy())
        assert isinstance(plane, LazyPlane)
        np.testing.assert_array_equal(plane[key], image[key])
        assert plane.dtype == dtype


def test_memory_is_used_first_and_again(tmp_path):
    with Scratch(2 * IMAGE.nbytes, tmp_path) as scratch:
        kept = [scratch.keep(IMAGE.copy()) for _ in range(3)]
        assert [isinstance(plane, np.ndarray) for plane in kept] == [True, True, False]
        del kept[0]
        gc.collect()
        assert isinstance(scratch.keep(IMAGE.copy()), np.ndarray)


def test_no_directory_without_need(tmp_path):
    with Scratch(IMAGE.nbytes, tmp_path) as scratch:
        scratch.keep(IMAGE.copy())
        assert list(tmp_path.iterdir()) == []


def test_a_file_goes_with_its_plane(tmp_path):
    with Scratch(0, tmp_path) as scratch:
        plane = scratch.keep(IMAGE)
        assert len(files(tmp_path)) == 1
        del plane
        gc.collect()
        assert files(tmp_path) == []


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_everything_goes_after_an_error(tmp_path, error):
    def fail():
        with Scratch(0, tmp_path) as scratch:
            kept.append(scratch.keep(IMAGE))
            raise error

    kept = []
    with pytest.raises(error):
        fail()
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(FrameError, match="can no longer be read: No such file"):
        kept[0][:1]


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="needs /proc")
def test_files_are_open_only_while_they_are_read(tmp_path):
    opened = Path("/proc/self/fd")
    with Scratch(0, tmp_path) as scratch:
        before = len(list(opened.iterdir()))
        planes = [scratch.keep(IMAGE) for _ in range(30)]
        assert sum(float(plane[3, 3]) for plane in planes) == 30 * IMAGE[3, 3]
        assert len(list(opened.iterdir())) == before


def test_a_directory_that_is_none(tmp_path):
    with (
        Scratch(0, tmp_path / "absent") as scratch,
        pytest.raises(FrameError, match=r"no scratch files can be written: No such file.*absent"),
    ):
        scratch.keep(IMAGE)


def test_a_full_disk_is_told(tmp_path, monkeypatch):
    class Full(np.ndarray):
        def tofile(self, path):
            raise OSError(28, "No space left on device", str(path))

    monkeypatch.setattr("numpy.ascontiguousarray", lambda plane: plane.view(Full))
    with (
        Scratch(0, tmp_path) as scratch,
        pytest.raises(FrameError, match=r"48000 bytes cannot be written.*No space left.*memory"),
    ):
        scratch.keep(IMAGE)
