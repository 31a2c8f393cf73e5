"""A night in a directory of its own, and quick stand-ins for the numerics."""

import shutil
from types import SimpleNamespace

import astropy.units as u
import numpy as np
import pytest
from astropy.io.fits import Header
from astropy.nddata import CCDData

from emirimg.calibration import calibrate
from emirimg.dither import DitheredImage, StareResult, legacy, legacy_stare
from emirimg.instrument import read_metadata, undistorted

IDS = ["_0001877553", "_0001877559", "_0001877565", "_0001877571"]


def names(directory):
    return sorted(path.name for path in directory.iterdir())


def edit(path, *changes):
    text = path.read_text()
    for found, replacement in changes:
        assert found in text
        text = text.replace(found, replacement)
    path.write_text(text)


@pytest.fixture
def calls(monkeypatch):
    """Replace the numerics by something quick, and note how they were called."""
    noted = []

    def stare_image(frames, requirements, calibrations, **_):
        noted.append(("stare", frames, requirements, calibrations))
        frame = calibrate(frames[0], calibrations, read_metadata(frames[0].meta))
        frame.wcs = undistorted(frame.wcs)
        return StareResult(frame)

    def full_dithered_image(frames, requirements, *, offsets, names, on_intermediate, **_):
        noted.append(("dither", frames, requirements, offsets, names))
        if on_intermediate is not None:
            on_intermediate("superflat_comb_i0", CCDData(np.ones((3, 3)), unit="adu"))
        data = np.mean([item.frame.data for item in frames], axis=0, dtype=np.float32)
        header = Header({"HISTORY": "emirimg: combined quickly"})
        return DitheredImage(
            data=data,
            variance=data + 1,
            map=np.full(data.shape, len(frames), np.int16),
            wcs=frames[0].frame.wcs,
            header=header,
            alignment=SimpleNamespace(
                wcss=[item.frame.wcs for item in frames],
                methods=["header" for _ in frames],
                shifts=np.zeros((len(frames), 2)),
                residuals=np.full(len(frames), np.nan) * u.arcsec,
                n_matched=np.zeros(len(frames), int),
            ),
            warnings=(),
        )

    monkeypatch.setattr(legacy_stare, "stare_image", stare_image)
    monkeypatch.setattr(legacy, "full_dithered_image", full_dithered_image)
    return noted


@pytest.fixture
def place(tree, tmp_path, monkeypatch, calls):  # noqa: ARG001 (nothing real is run)
    """A tree of its own, whose exposures and calibrations are links, as current directory."""
    root = tree.exposures[0].parents[1]
    base = tmp_path / "night"
    base.mkdir()
    for path in root.glob("*.yaml"):
        shutil.copy(path, base)
    (base / "data").mkdir()
    for path in (root / "data").iterdir():
        (base / "data" / path.name).symlink_to(path)
    monkeypatch.chdir(base)
    return base


@pytest.fixture
def step1(emirimg, place, calls):
    """The tree after the exposures were reduced."""
    result = emirimg("run", "dithered_ini.yaml", "--link-files", "-r", "control.yaml")
    assert result.exit_code == 0, result.stderr
    calls.clear()
    return place
