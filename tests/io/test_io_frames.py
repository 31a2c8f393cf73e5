import gzip
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import astropy.units as u
import numpy as np
import pytest
from astropy.io import fits
from astropy.nddata import CCDData, VarianceUncertainty
from emir_files import SIZE, exposure_header, write_exposure

from emirimg.exceptions import FrameError, InputError, MetadataError
from emirimg.io import read_calibrations, read_frame, read_header, read_image, write_frame

RAMP = np.arange(SIZE * SIZE).reshape(SIZE, SIZE)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "exposure.fits"


def same_place(one, other):
    pixels = np.array([[0.0, 0.0], [SIZE - 1, 3.0], [7.5, SIZE]])
    return np.allclose(
        one.wcs_pix2world(pixels, 0), other.wcs_pix2world(pixels, 0), rtol=0, atol=1e-10
    )


@pytest.mark.parametrize(
    ("dtype", "low", "high"),
    [
        (np.uint8, 0, 255),
        (np.int16, -32768, 32767),
        (np.uint16, 0, 65535),
        (np.int32, -(2**24), 2**24),
        (np.float32, -1e30, 1e30),
        (np.float64, -1e30, 1e30),
    ],
)
def test_pixel_types(path, dtype, low, high):
    data = RAMP.astype(dtype)
    data[0, :2] = low, high
    write_exposure(path, data)
    frame = read_frame(path)
    assert frame.data.dtype == np.dtype("=f4")
    assert frame.data.dtype.isnative
    np.testing.assert_array_equal(frame.data, data.astype(np.float32))
    assert frame.unit == u.adu
    assert frame.mask is None
    assert frame.uncertainty is None
    assert "BZERO" not in frame.meta


def test_scaled_integers(path):
    hdu = fits.PrimaryHDU(RAMP.astype(np.float32) / 4 + 100, exposure_header())
    hdu.scale("int16", bscale=0.25, bzero=100)
    hdu.writeto(path)
    assert fits.getheader(path)["BSCALE"] == 0.25
    np.testing.assert_array_equal(read_frame(path).data, RAMP / 4 + 100)


def test_blank_integers_are_masked(path):
    data = RAMP.astype(np.int16)
    data[3, 4] = -999
    write_exposure(path, data, BLANK=-999)
    frame = read_frame(path)
    assert np.argwhere(frame.mask).tolist() == [[3, 4]]


def test_not_finite_pixels_are_masked(path):
    data = RAMP.astype(np.float64)
    data[1, 2], data[3, 4], data[5, 6] = np.nan, -np.inf, 1e300
    write_exposure(path, data)
    frame = read_frame(path)
    assert np.argwhere(frame.mask).tolist() == [[1, 2], [3, 4], [5, 6]]
    assert np.isfinite(frame.data).all()


def test_header_and_wcs(path):
    write_exposure(path)
    frame = read_frame(path)
    header = exposure_header()
    assert {key: frame.meta[key] for key in header} == dict(header)
    assert frame.wcs.wcs.ctype[0] == "RA---ZPN"
    assert frame.wcs.wcs_pix2world([[SIZE / 2 - 1, SIZE / 2 - 1]], 0)[0] == pytest.approx(
        [39.97, -1.576]
    )


def test_image_in_an_extension(path):
    primary = fits.PrimaryHDU(header=fits.Header({"OBSERVER": "X"}))
    image = fits.ImageHDU(RAMP.astype(np.float32), exposure_header())
    fits.HDUList([primary, image]).writeto(path)
    frame = read_frame(path)
    assert frame.meta["OBSERVER"] == "X"
    np.testing.assert_array_equal(frame.data, RAMP)
    assert read_header(path)["OBJECT"] == "TEST"


def test_gzipped(path):
    write_exposure(path)
    zipped = path.with_suffix(".fits.gz")
    zipped.write_bytes(gzip.compress(path.read_bytes()))
    np.testing.assert_array_equal(read_frame(zipped).data, RAMP)
    zipped.write_bytes(zipped.read_bytes()[:-100])
    with pytest.raises(FrameError, match="damaged gzip file"):
        read_frame(zipped)


def test_last_block_not_padded(path):
    write_exposure(path)
    with fits.open(path) as hdus:
        start = hdus.fileinfo(0)["datLoc"]
    content = path.read_bytes()
    path.write_bytes(content[: start + 4 * SIZE * SIZE])
    assert path.stat().st_size < len(content)
    np.testing.assert_array_equal(read_frame(path).data, RAMP)


def test_no_file_is_left_open(path):
    write_exposure(path)
    descriptors = Path("/proc/self/fd")
    before = len(list(descriptors.iterdir()))
    frames = [read_frame(path) for _ in range(3)]
    assert len(list(descriptors.iterdir())) == before
    assert all(frame.data.flags.owndata for frame in frames)


def test_threads_read_the_same(path):
    write_exposure(path)
    with ThreadPoolExecutor(8) as pool:
        for frame in pool.map(read_frame, [path] * 32):
            np.testing.assert_array_equal(frame.data, RAMP)


@pytest.mark.parametrize("kept", [0, 5, 1000, 2880, 6000, 8000, 9000])
def test_truncated_anywhere(path, kept):
    write_exposure(path)
    content = path.read_bytes()
    assert len(content) > 9000
    path.write_bytes(content[:kept])
    with pytest.raises(FrameError, match=r"exposure\.fits (is truncated|is not a|has a damaged)"):
        read_frame(path)


def test_truncated_message(path):
    write_exposure(path, n_extensions=1)
    path.write_bytes(path.read_bytes()[:-2880])
    with pytest.raises(FrameError, match=r"truncated: HDU 1 should end at byte \d+, but the file"):
        read_frame(path)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (b"\x89PNG\r\n", "starts with b'.x89PNG"),
        (b"SIMPLE  =                    T" + b" " * 3000, "damaged header in HDU 0"),
        (b"SIMPLE  = garbage", "damaged header in HDU 0"),
    ],
)
def test_not_fits(path, content, words):
    path.write_bytes(content)
    with pytest.raises(FrameError, match=words) as caught:
        read_frame(path)
    assert str(path) in str(caught.value)
    assert "raw EMIR exposure" in str(caught.value)
    with pytest.raises(FrameError, match=r"exposure\.fits"):
        read_header(path)


def test_missing_and_directory(tmp_path):
    for read in (read_frame, read_image, read_header):
        with pytest.raises(FrameError, match=r"missing\.fits: no such file"):
            read(tmp_path / "missing.fits")
        with pytest.raises(FrameError, match="is not a file"):
            read(tmp_path)


def test_no_image(path):
    fits.PrimaryHDU(header=exposure_header()).writeto(path)
    with pytest.raises(FrameError, match="contains no image"):
        read_frame(path)


@pytest.mark.parametrize("shape", [(10,), (1, SIZE, SIZE)])
def test_axes(path, shape):
    fits.PrimaryHDU(np.zeros(shape), exposure_header()).writeto(path)
    with pytest.raises(FrameError, match=rf"an image of {len(shape)} axes.* 2 were expected"):
        read_frame(path)


def test_shape(path):
    write_exposure(path, np.zeros((SIZE, SIZE + 1)))
    with pytest.raises(FrameError, match=r"shape \(32, 33\), but .* HAWAII-2 has the shape \(32"):
        read_frame(path)


@pytest.mark.parametrize("section", [None, "[1:9999,1:32]", "nonsense", "[9:1,9:1]", 5])
def test_shape_without_a_window(path, section):
    write_exposure(path, DETSEC=section)
    with pytest.raises(FrameError, match=r"\(2048, 2048\)"):
        read_frame(path)


@pytest.mark.parametrize(
    "keywords",
    [
        {"CTYPE1": None, "CTYPE2": None},
        {"CTYPE1": "LINEAR", "CTYPE2": "LINEAR"},
    ],
)
def test_no_celestial_wcs(path, keywords):
    write_exposure(path, **keywords)
    with pytest.raises(FrameError, match="no celestial WCS"):
        read_frame(path)


@pytest.mark.parametrize(
    ("keywords", "found"),
    [
        ({"CRVAL1": None}, "keyword CRVAL1 is missing"),
        ({"CRPIX2": None}, "keyword CRPIX2 is missing"),
        ({"CRVAL2": "abc"}, "keyword CRVAL2 is 'abc'"),
        ({"CD1_1": "abc"}, "keyword CD1_1 is 'abc'"),
    ],
)
def test_a_wcs_without_its_numbers(path, keywords, found):
    write_exposure(path, **keywords)
    with pytest.raises(MetadataError, match=rf"{path.name}: {found}; a number was expected"):
        read_frame(path)


def test_unusable_wcs(path):
    write_exposure(path, CD1_1=0.0, CD1_2=0.0)
    with pytest.raises(FrameError, match="unusable WCS"):
        read_frame(path)


@pytest.mark.parametrize("key", ["EXPTIME", "DATE_OBS"])
def test_missing_keywords(path, key):
    write_exposure(path, **{key: None})
    with pytest.raises(MetadataError, match=rf"exposure.fits: keyword {key.replace('_', '-')}"):
        read_frame(path)


def test_read_image_needs_no_wcs(path):
    fits.PrimaryHDU(np.full((4, 5), 2, dtype=np.int16)).writeto(path)
    image = read_image(path, unit=u.adu / u.s)
    assert image.unit == u.adu / u.s
    assert image.wcs is None
    assert image.data.dtype == np.float32
    assert image.shape == (4, 5)


def test_read_calibrations(tmp_path):
    mask = np.zeros((4, 5), dtype=np.uint8)
    mask[1, 2] = 3
    fits.PrimaryHDU(mask).writeto(tmp_path / "bpm.fits")
    fits.PrimaryHDU(np.full((4, 5), 0.5)).writeto(tmp_path / "dark.fits")
    flat = np.ones((4, 5))
    flat[0, 0] = np.nan
    fits.PrimaryHDU(flat).writeto(tmp_path / "flat.fits")
    read = read_calibrations(
        bad_pixels=tmp_path / "bpm.fits", dark=tmp_path / "dark.fits", flat=tmp_path / "flat.fits"
    )
    assert read.bad_pixels.dtype == bool
    assert np.argwhere(read.bad_pixels).tolist() == [[1, 2]]
    assert read.dark.unit == u.adu / u.s
    assert read.flat.unit == u.dimensionless_unscaled
    assert np.argwhere(read.unusable).tolist() == [[0, 0], [1, 2]]
    assert [(kind, name) for kind, name, _ in read.inputs] == [
        ("bad_pixels", "bpm.fits"), ("dark", "dark.fits"), ("flat", "flat.fits"),
    ]  # fmt: skip
    assert all(len(digest) == 64 for _, _, digest in read.inputs)


def test_no_calibrations():
    read = read_calibrations()
    assert (read.bad_pixels, read.dark, read.flat, read.inputs) == (None, None, None, ())


def test_write_frame(path, tmp_path):
    write_exposure(path)
    frame = read_frame(path)
    frame.mask = RAMP % 7 == 0
    frame.uncertainty = VarianceUncertainty(np.full(RAMP.shape, 2.0, dtype=np.float32))
    before = frame.meta.copy()
    copy = write_frame(tmp_path / "copy.fits", frame)
    assert frame.meta == before
    with fits.open(copy, checksum=True) as hdus:
        assert [hdu.name for hdu in hdus] == ["PRIMARY", "MASK", "UNCERT"]
        assert all("CHECKSUM" in hdu.header for hdu in hdus)
        assert "PC1_1" not in hdus[0].header
        assert hdus[0].header["CD1_1"] == -5.396e-5
    again = read_frame(copy)
    np.testing.assert_array_equal(again.data, frame.data)
    assert same_place(again.wcs, frame.wcs)
    assert again.meta["OBJECT"] == "TEST"
    opened = CCDData.read(copy)
    np.testing.assert_array_equal(opened.mask, frame.mask)
    np.testing.assert_array_equal(opened.uncertainty.array, frame.uncertainty.array)
    assert same_place(opened.wcs, frame.wcs)


def test_a_frame_can_be_used_while_it_is_written(path, tmp_path, monkeypatch):
    write_exposure(path)
    frame = read_frame(path)
    frame.mask = np.zeros(frame.shape, bool)
    frame.uncertainty = VarianceUncertainty(np.ones(frame.shape, "f4"))
    data, write, written = frame.data.copy(), fits.file._File.writearray, []

    def look(file, array):
        np.testing.assert_array_equal(frame.data, data)
        np.testing.assert_array_equal(frame.uncertainty.array, 1)
        written.append(array)
        write(file, array)

    monkeypatch.setattr(fits.file._File, "writearray", look)
    write_frame(tmp_path / "copy.fits", frame)
    assert len(written) == 3


def test_write_frame_does_not_replace(path):
    frame = CCDData(np.zeros((3, 3), dtype=np.float32), unit="adu")
    write_frame(path, frame)
    with pytest.raises(InputError, match="exists already"):
        write_frame(path, frame)
    frame.data += 1
    write_frame(path, frame, overwrite=True)
    assert fits.getdata(path).min() == 1
