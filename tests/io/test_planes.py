import numpy as np
import pytest
from astropy.io import fits

from emirimg.exceptions import FrameError, InputError
from emirimg.io import read_list, read_plane


@pytest.fixture
def path(tmp_path):
    header = fits.Header({"OBJECT": "M 31"})
    hdus = fits.HDUList(
        [
            fits.PrimaryHDU(header=header),
            fits.ImageHDU(np.arange(6, dtype=np.int16).reshape(2, 3), name="MAP"),
            fits.ImageHDU(np.zeros((2, 2, 2)), name="CUBE"),
        ]
    )
    hdus.writeto(tmp_path / "a.fits")
    return tmp_path / "a.fits"


@pytest.mark.parametrize("extension", [None, 1, "MAP", "map"])
def test_plane(path, extension):
    data, header = read_plane(path, extension)
    assert data.dtype.kind == "i"
    assert data.tolist() == [[0, 1, 2], [3, 4, 5]]
    assert header["OBJECT"] == "M 31"


@pytest.mark.parametrize(
    ("extension", "message"),
    [
        (0, "no image of two axes in extension 0; it has 0 PRIMARY, 1 MAP, 2 CUBE"),
        ("CUBE", "no image of two axes"),
        (3, "no extension 3"),
        ("BPM", "no extension 'BPM'"),
    ],
)
def test_missing_plane(path, extension, message):
    with pytest.raises(FrameError, match=message):
        read_plane(path, extension)


def test_list(tmp_path):
    path = tmp_path / "list.txt"
    path.write_text("# images\n\na.fits first\nb.fits\n")
    assert [str(name) for name in read_list(path)] == ["a.fits", "b.fits"]
    path.write_text("#\n")
    with pytest.raises(InputError, match="names no files"):
        read_list(path)
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(InputError, match="cannot be read"):
        read_list(path)


@pytest.mark.parametrize("number", [1, 2], ids=["alone", "one of several"])
def test_pixels_may_be_changed(number, tmp_path):
    hdus = fits.HDUList([fits.PrimaryHDU(np.ones((4, 4), dtype="f4"))])
    hdus.extend(fits.ImageHDU(np.zeros((4, 4))) for _ in range(number - 1))
    hdus.writeto(tmp_path / "image.fits")
    data, _ = read_plane(tmp_path / "image.fits")
    data += 1
    assert data.max() == 2
