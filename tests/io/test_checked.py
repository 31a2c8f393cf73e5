"""Images with checksums: the files are those that astropy writes."""

import re

import numpy as np
import pytest
from astropy.io import fits

from emirimg.io._checked import write_checked


def images(shape, dtypes, rng):
    """Return HDUs of images of those types, the first with a header."""
    planes = [(rng.normal(0, 1e4, shape)).astype(dtype) for dtype in dtypes]
    header = fits.Header([("OBJECT", "M 31", "name"), ("HISTORY", "calibrated")])
    hdus = [fits.PrimaryHDU(planes[0], header=header)]
    hdus += [fits.ImageHDU(plane, name=f"P{n}") for n, plane in enumerate(planes[1:])]
    return fits.HDUList(hdus)


def without_times(path):
    text = path.read_bytes()
    return re.sub(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d|CHECKSUM= '\w+'", b"", text)


@pytest.mark.parametrize("shape", [(1, 1), (7, 5), (64, 9), (131, 77)])
@pytest.mark.parametrize("dtypes", [("f4", "f4", "i2", "u1"), ("f8", "i4"), ("i2",)])
def test_files_are_those_of_astropy(shape, dtypes, tmp_path):
    for name in "ab":
        hdus = images(shape, dtypes, np.random.default_rng(1))
        if name == "a":
            write_checked(tmp_path / name, hdus)
        else:
            hdus.writeto(tmp_path / name, checksum=True)
    assert without_times(tmp_path / "a") == without_times(tmp_path / "b")


def test_checksums_are_right(tmp_path):
    rng = np.random.default_rng(2)
    for number in range(40):  # of as many sums, some need each of the rules of the encoding
        path = tmp_path / f"{number}.fits"
        write_checked(path, images((9, 8), ("f4", "u1"), rng))
        with fits.open(path) as hdus:
            for hdu in hdus:
                assert re.fullmatch(r"[0-9A-Za-z]{16}", hdu.header["CHECKSUM"])
                assert hdu.verify_checksum() == hdu.verify_datasum() == 1


def test_an_old_file_stays(tmp_path):
    path = tmp_path / "a.fits"
    path.write_text("old")
    with pytest.raises(FileExistsError):
        write_checked(path, images((3, 3), ("f4",), np.random.default_rng(3)))
    assert path.read_text() == "old"
