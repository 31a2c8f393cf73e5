from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from emir_files import exposure_header, write_exposure

from emirimg.exceptions import InputError, MetadataError, MixedExposuresError, QualityWarning
from emirimg.io import (
    find_control,
    find_exposures,
    group_exposures,
    header_table,
    require_one_group,
)

LEGACY_TABLE = Path(__file__).parent / "data" / "fitsheader_out.txt"


def start(minute):
    return f"2018-12-17T23:{minute:02d}:00.00"


@pytest.fixture
def night(tmp_path):
    """Three exposures among everything else that lies about."""
    data = tmp_path / "night" / "data"
    data.mkdir(parents=True)
    for number in (2, 1, 3):
        write_exposure(data / f"{number}.fits", DATE_OBS=start(number))
    write_exposure(data / "master_flat.fits", NUMTYPE="MASTER_FLAT")
    write_exposure(data / "reduced.fits", NUM_NCOM=3)
    write_exposure(data / "mosaic.fits", EMIRIMG="1.0")
    write_exposure(data / "spectrum.fits", GRISM="J")
    write_exposure(data / "osiris.fits", INSTRUME="OSIRIS")
    write_exposure(data / "lamp.fits", OBSMODE="TEST", CTYPE1=None, CTYPE2=None)
    (data / "notes.txt").write_text("clear sky\n")
    return data.parent


def names(paths):
    return [path.name for path in paths]


def test_directories_are_searched(night):
    assert names(find_exposures(night)) == ["1.fits", "2.fits", "3.fits"]
    assert find_exposures(str(night / "data")) == find_exposures([night])
    assert len(find_exposures([night, night / "data", night / "data" / "1.fits"])) == 3


def test_named_files(night):
    assert names(find_exposures([night / "data" / "3.fits"])) == ["3.fits"]
    with pytest.raises(InputError) as caught:
        find_exposures((night / "data").glob("*.fits"))
    message = str(caught.value)
    for part in (
        "master_flat.fits is not a raw imaging exposure of EMIR: a calibration",
        "reduced.fits is not", "NUM-NCOM", "mosaic.fits is not", "EMIRIMG",
        "a spectrum (GRISM is 'J')", "INSTRUME is 'OSIRIS'", "no celestial WCS",
    ):  # fmt: skip
        assert part in message
    assert len(message.splitlines()) == 6


def test_nothing_found(tmp_path):
    with pytest.raises(InputError, match=r"missing\.fits: no such file"):
        find_exposures(tmp_path / "missing.fits")
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(InputError, match="empty; found were: no FITS files"):
        find_exposures(empty)
    write_exposure(empty / "a.fits", GRISM="K")
    with pytest.raises(InputError, match="found were: 1 x a spectrum"):
        find_exposures(empty)
    with pytest.raises(InputError, match="an empty list"):
        find_exposures([])


def test_damaged_file_in_a_directory(night):
    (night / "data" / "junk.fits").write_bytes(b"junk")
    with pytest.warns(QualityWarning, match=r"junk\.fits is not a FITS file.* left out"):
        assert len(find_exposures(night)) == 3


def test_an_image_without_a_wcs_in_a_directory_is_told(night):
    write_exposure(night / "data" / "lost.fits", OBSMODE="STARE_IMAGE", CTYPE1=None)
    with pytest.warns(QualityWarning, match=r"lost\.fits has no celestial WCS .*left out"):
        assert len(find_exposures(night)) == 3


def test_only_headers_are_read(night):
    path = night / "data" / "1.fits"
    path.write_bytes(path.read_bytes()[:5760])
    assert len(group_exposures(night)[0].paths) == 3


def test_groups(tmp_path):
    header = exposure_header()
    variants = {
        "a": {"DATE_OBS": start(5)},
        "b": {"DATE_OBS": start(1)},
        "c": {"DATE_OBS": start(2), "EXPTIME": header["EXPTIME"] + 0.001},
        "d": {"DATE_OBS": start(3), "EXPTIME": 60.0},
        "e": {"DATE_OBS": start(4), "FILTER": "H"},
        "f": {"DATE_OBS": start(6), "OBJECT": "OTHER"},
        "g": {"DATE_OBS": start(7), "READMODE": "CDS"},
        "h": {"DATE_OBS": "2023-11-19T00:00:00"},
    }
    for name, keywords in variants.items():
        write_exposure(tmp_path / f"{name}.fits", **keywords)
    groups = group_exposures(tmp_path)
    assert [names(group.paths) for group in groups] == [
        ["b.fits", "c.fits", "a.fits"], ["d.fits"], ["e.fits"], ["f.fits"], ["g.fits"], ["h.fits"],
    ]  # fmt: skip
    first = groups[0]
    assert (first.object_name, first.filter_name, first.read_mode) == ("TEST", "F1230", "RAMP")
    assert first.exposure_time.to_value("s") == header["EXPTIME"]
    assert first.detector.name == "HAWAII-2"
    assert [item.start.isot[14:16] for item in first.metadata] == ["01", "02", "05"]
    with pytest.raises(MixedExposuresError) as caught:
        require_one_group(groups)
    lines = str(caught.value).splitlines()
    assert lines[1].split() == [
        "exposures", "object", "filter", "exptime", "readmode", "detector", "first", "file",
    ]  # fmt: skip
    assert lines[3].split() == [
        "3", "TEST", "F1230", "29.9993", "s", "RAMP", "HAWAII-2", "b.fits",
    ]  # fmt: skip
    assert len(lines) == 3 + 6


def test_one_group(night):
    groups = group_exposures(night)
    assert require_one_group(groups) is groups[0]
    with pytest.raises(MixedExposuresError, match="no exposures"):
        require_one_group([])


def test_missing_keyword_is_an_error(tmp_path):
    write_exposure(tmp_path / "a.fits", EXPTIME=None)
    with pytest.raises(MetadataError, match=r"a\.fits: keyword EXPTIME is missing"):
        group_exposures(tmp_path)


@pytest.mark.parametrize("place", ["night/data", "night", "."])
def test_find_control(night, place, tmp_path):
    assert find_control(night) is None
    control = tmp_path / place / "control.yaml"
    control.write_text("version: 1\n")
    assert find_control([night / "data" / "1.fits"]) == control
    assert find_control(night / "data") == control


def test_the_nearest_control_wins(night):
    for place in (night, night / "data"):
        (place / "control.yaml").write_text("version: 1\n")
    assert find_control(night / "data") == night / "data" / "control.yaml"
    deep = night / "data" / "x" / "y"
    deep.mkdir(parents=True)
    (night / "data" / "control.yaml").unlink()
    assert find_control(deep) is None


def test_the_table_is_the_known_one(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("data").mkdir()
    lines = LEGACY_TABLE.read_text().splitlines()
    keys = lines[0].split()[1:]
    for line in lines[2:]:
        name, *words = line.split()
        header = fits.Header({"INSTRUME": "EMIR"})
        for key, word in zip(keys, words, strict=True):
            header[key] = (
                float(word) if key == "EXPTIME" else int(word) if word.isdigit() else word
            )
        header["CTYPE1"], header["CTYPE2"] = "RA---ZPN", "DEC--ZPN"
        fits.PrimaryHDU(np.zeros((1, 1)), header).writeto(name)
    for paths in ("data", sorted(Path("data").iterdir())):
        table = header_table(paths)
        assert table.pformat(max_lines=-1, max_width=-1) == lines
    assert table["IMGOBBL"].sum() == 2 * 28


def test_the_table_shows_what_is_missing(tmp_path):
    write_exposure(tmp_path / "a.fits", OBSBLOCK=None)
    write_exposure(tmp_path / "b.fits", OBSBLOCK="two")
    write_exposure(tmp_path / "c.fits", EXP=None, OBSBLOCK=3)
    table = header_table(tmp_path)
    assert table["OBSBLOCK"].mask.tolist() == [True, False, False]
    assert table["OBSBLOCK"].tolist() == [None, "two", "3"]
    assert table["EXP"].tolist() == [1, 1, None]
