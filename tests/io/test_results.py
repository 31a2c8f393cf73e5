import hashlib
import json

import astropy.units as u
import numpy as np
import pytest
from astropy.io import fits
from astropy.nddata import CCDData, VarianceUncertainty
from astropy.table import Table
from astropy.wcs import WCS
from emir_files import exposure_header

from emirimg.combine import Mosaic
from emirimg.exceptions import FrameError, InputError
from emirimg.instrument import frame_wcs, undistorted
from emirimg.io import (
    find_exposures,
    read_mosaic,
    read_provenance,
    sha256,
    write_json,
    write_mosaic,
    write_table,
)
from emirimg.projection import MosaicGrid

SHAPE = (30, 40)
PLANES = ("data", "variance", "mask", "coverage", "exposure")


def tangent_grid():
    wcs = WCS(naxis=2)
    wcs.wcs.ctype = ["RA---TAN", "DEC--TAN"]
    wcs.wcs.crval = [39.97, -1.576]
    wcs.wcs.crpix = [20.5, 15.5]
    wcs.wcs.cd = [[-5.4e-5, 1e-7], [2e-7, 5.4e-5]]
    wcs.wcs.radesys = "FK5"
    wcs.wcs.equinox = 2000.0
    wcs.wcs.set()
    return MosaicGrid(wcs, SHAPE)


def zenithal_grid():
    return MosaicGrid(undistorted(frame_wcs(exposure_header())), SHAPE)


def make_mosaic(grid=None):
    rng = np.random.default_rng(1)
    header = exposure_header(PC1_1=7.0, BZERO=32768, HISTORY="emirimg: a step")
    header["NCOMBINE"] = 14
    return Mosaic(
        grid=tangent_grid() if grid is None else grid,
        data=rng.normal(size=SHAPE).astype(np.float32),
        variance=rng.uniform(size=SHAPE).astype(np.float32),
        mask=rng.uniform(size=SHAPE) < 0.1,
        coverage=rng.integers(0, 1000, SHAPE).astype(np.int16),
        exposure=rng.uniform(0, 1e5, SHAPE).astype(np.float32),
        header=header,
    )


@pytest.fixture
def path(tmp_path):
    return tmp_path / "mosaic.fits"


@pytest.mark.parametrize("grid", [tangent_grid, zenithal_grid])
def test_round_trip(path, grid):
    mosaic = make_mosaic(grid())
    assert write_mosaic(path, mosaic) == path
    again = read_mosaic(path)
    for name in PLANES:
        plane = getattr(again, name)
        np.testing.assert_array_equal(plane, getattr(mosaic, name))
        assert plane.dtype == getattr(mosaic, name).dtype
        assert plane.dtype.isnative
    assert again.grid.shape == SHAPE
    pixels = np.array([[0.0, 0.0], [39.0, 29.0]])
    np.testing.assert_allclose(
        again.grid.wcs.wcs_pix2world(pixels, 0),
        mosaic.grid.wcs.wcs_pix2world(pixels, 0),
        rtol=0,
        atol=1e-10,
    )
    assert again.grid.wcs.wcs.radesys == "FK5"
    assert again.header["NCOMBINE"] == 14
    assert again.header["HISTORY"] == ["emirimg: a step"]
    assert not {"CTYPE1", "CD1_1", "PV2_1", "NAXIS", "CHECKSUM"} & set(again.header)


def test_ccddata_opens_it_as_it_is(path):
    mosaic = make_mosaic()
    write_mosaic(path, mosaic)
    image = CCDData.read(path)
    assert image.unit == u.adu
    assert isinstance(image.uncertainty, VarianceUncertainty)
    assert image.uncertainty.unit == u.adu**2
    np.testing.assert_array_equal(image.data, mosaic.data)
    np.testing.assert_array_equal(image.uncertainty.array, mosaic.variance)
    np.testing.assert_array_equal(image.mask, mosaic.mask)
    assert image.wcs.wcs.ctype[0] == "RA---TAN"


def test_layout(path):
    write_mosaic(path, make_mosaic())
    with fits.open(path, checksum=True) as hdus:
        hdus.verify("exception")
        assert [(hdu.name, hdu.header["BITPIX"]) for hdu in hdus] == [
            ("PRIMARY", -32), ("UNCERT", -32), ("MASK", 8), ("MAP", 16), ("EXPTIME", -32),
            ("PROVENANCE", 8),
        ]  # fmt: skip
        for hdu in hdus:
            assert {"CHECKSUM", "DATASUM"} <= set(hdu.header)
        for hdu in hdus[:-1]:
            assert not hdu.header["PV*"]
            assert not hdu.header["PC*_*"]
            assert hdu.header["CD1_1"] == -5.4e-5
            assert hdu.header["CTYPE1"] == "RA---TAN"
        assert hdus[0].header["BUNIT"] == "adu"
        assert hdus[0].header["DATE-OBS"] == exposure_header()["DATE-OBS"]
        assert "BZERO" not in hdus[0].header
        assert hdus["UNCERT"].header["UTYPE"] == "VarianceUncertainty"
        assert hdus["EXPTIME"].header["BUNIT"] == "s"


def test_the_mosaic_is_not_changed(path):
    mosaic = make_mosaic()
    header = mosaic.header.copy()
    planes = {name: getattr(mosaic, name).copy() for name in PLANES}
    write_mosaic(path, mosaic)
    assert mosaic.header == header
    for name, plane in planes.items():
        np.testing.assert_array_equal(getattr(mosaic, name), plane)


def test_the_mosaic_can_be_used_while_it_is_written(path, monkeypatch):
    mosaic = make_mosaic()
    planes = {name: getattr(mosaic, name).copy() for name in PLANES}
    write, written = fits.file._File.writearray, []

    def look(file, array):
        for name, plane in planes.items():
            np.testing.assert_array_equal(getattr(mosaic, name), plane)
        written.append(array)
        write(file, array)

    monkeypatch.setattr(fits.file._File, "writearray", look)
    write_mosaic(path, mosaic)
    assert len(written) >= len(PLANES)


def test_a_mosaic_is_no_exposure(path):
    write_mosaic(path, make_mosaic())
    with pytest.raises(InputError, match="a calibration or a product"):
        find_exposures(path)


def test_provenance(path):
    rows = [
        ("exposure", "a.fits", "0" * 64),
        ("strategy", "sky", json.dumps({"name": "neighbours", "n": 12})),
        ("flat", "caf\u00e9.fits", ""),
    ]
    write_mosaic(path, make_mosaic(), provenance=iter(rows))
    assert read_provenance(path) == [*rows[:2], ("flat", "caf\\xe9.fits", "")]
    write_mosaic(path, make_mosaic(), overwrite=True)
    assert read_provenance(path) == []


def test_overwrite(path):
    mosaic = make_mosaic()
    write_mosaic(path, mosaic)
    before = path.read_bytes()
    with pytest.raises(InputError, match="exists already"):
        write_mosaic(path, make_mosaic(zenithal_grid()))
    assert path.read_bytes() == before
    write_mosaic(path, make_mosaic(zenithal_grid()), overwrite=True)
    assert path.read_bytes() != before
    assert list(path.parent.iterdir()) == [path]


def test_a_failure_leaves_nothing(path, monkeypatch):
    def fill_the_disk(_hdus, name, **_options):
        name.write_bytes(b"SIMPLE")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(fits.HDUList, "writeto", fill_the_disk)
    with pytest.raises(OSError, match="No space left"):
        write_mosaic(path, make_mosaic())
    assert list(path.parent.iterdir()) == []


def test_not_a_mosaic(path, tmp_path):
    with pytest.raises(FrameError, match="no such file; a mosaic"):
        read_mosaic(path)
    fits.PrimaryHDU(np.zeros(SHAPE)).writeto(path)
    with pytest.raises(FrameError, match="has no extensions UNCERT, MASK, MAP, EXPTIME"):
        read_mosaic(path)
    with pytest.raises(FrameError, match="has no extension PROVENANCE"):
        read_provenance(path)
    good = write_mosaic(tmp_path / "good.fits", make_mosaic())
    good.write_bytes(good.read_bytes()[:-8000])
    with pytest.raises(FrameError, match="truncated"):
        read_mosaic(good)


def test_damaged_mosaics(tmp_path):
    good = write_mosaic(tmp_path / "good.fits", make_mosaic())
    with fits.open(good) as hdus:
        hdus["MAP"].data = hdus["MAP"].data[:-1]
        hdus.writeto(tmp_path / "shapes.fits")
    with pytest.raises(FrameError, match="planes of different shapes"):
        read_mosaic(tmp_path / "shapes.fits")
    with fits.open(good) as hdus:
        del hdus[0].header["CTYPE1"]
        del hdus[0].header["CTYPE2"]
        hdus.writeto(tmp_path / "wcs.fits")
    with pytest.raises(FrameError, match="no celestial WCS"):
        read_mosaic(tmp_path / "wcs.fits")
    with fits.open(good) as hdus:
        hdus[0].data = None
        hdus.writeto(tmp_path / "image.fits")
    with pytest.raises(FrameError, match="has no image"):
        read_mosaic(tmp_path / "image.fits")


def test_sha256(path):
    path.write_bytes(b"emir" * 100_000)
    assert sha256(path) == hashlib.sha256(b"emir" * 100_000).hexdigest()


def test_write_json(path):
    write_json(path, {"a": [1, 2.5, None, "\u00e9"]})
    assert json.loads(path.read_text()) == {"a": [1, 2.5, None, "\u00e9"]}
    with pytest.raises(InputError, match="exists already"):
        write_json(path, {})
    write_json(path, {}, overwrite=True)
    with pytest.raises(ValueError, match="JSON"):
        write_json(path, [float("nan")], overwrite=True)
    assert json.loads(path.read_text()) == {}


@pytest.mark.parametrize("suffix", [".ecsv", ".fits", ".csv"])
def test_write_table(tmp_path, suffix):
    table = Table({"a": [1, 2], "b": ["x", "y"]})
    path = write_table(tmp_path / f"table{suffix}", table)
    again = Table.read(path)
    assert again["a"].tolist() == [1, 2]
    with pytest.raises(InputError, match="exists already"):
        write_table(path, table)
    write_table(path, table, overwrite=True)


def test_unknown_table_format(tmp_path):
    with pytest.raises(InputError, match=r"not written as '\.xls'; known are \.ecsv"):
        write_table(tmp_path / "table.xls", Table({"a": [1]}))
