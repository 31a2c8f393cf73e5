"""A directory as the observatory delivers one."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import yaml
from astropy.io import fits

from emirimg.exceptions import InputError
from emirimg.instrument import H2RG, HAWAII2, frame_wcs, undistorted
from emirimg.simulation import Scene, Truth, write_tutorial

SMALL = Scene(shape=(96, 96), dither_scale=0.05, n_stars=30, n_galaxies=4, n_exposures=4)


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    return write_tutorial(tmp_path_factory.mktemp("sequence"), SMALL)


def test_files(tree):
    names = {path.relative_to(tree.root).as_posix() for path in tree.root.rglob("*.*")}
    expected = {
        "control.yaml", "dithered_ini.yaml", *(f"dithered_v{n}.yaml" for n in range(7)),
        *(f"data/{n}-20181217-EMIR-STARE_IMAGE.fits"
          for n in ("0001877553", "0001877559", "0001877565", "0001877571")),
        "data/master_bpm.fits", "data/master_bpm_zeros.fits", "data/master_dark_zeros.fits",
        "data/master_flat_ones.fits", "data/master_flat_spec.fits",
        "data/master_flat_spec_H2RG.fits", "data/user_offsets.txt",
        "truth/catalogue.ecsv", "truth/frames.ecsv", "truth/scene.json",
    }  # fmt: skip
    assert names == expected
    for path in (*tree.exposures, tree.bad_pixel_mask, tree.dark, tree.flat, tree.control):
        assert path.is_file()


def test_exposures_are_those_of_the_scene(tree):
    for index, path in enumerate(tree.exposures):
        with fits.open(path) as hdus:
            frame = SMALL.exposure(index)
            np.testing.assert_array_equal(hdus[0].data, frame.data)
            assert hdus[0].header["UUID"] == frame.header["UUID"]
            np.testing.assert_allclose(
                frame_wcs(hdus[0].header).wcs.crval, frame.wcs.wcs.crval, rtol=0, atol=1e-12
            )


def test_calibrations_have_identifiers(tree):
    uuids = set()
    for path in (
        tree.bad_pixel_mask,
        tree.dark,
        tree.flat,
        tree.root / "data/master_flat_ones.fits",
    ):
        header = fits.getheader(path)
        uuids.add(header["UUID"])
        assert header["INSCONF"] == HAWAII2.uuid
        assert header["DATE-OBS"]
    assert len(uuids) == 4
    other = fits.getheader(tree.root / "data/master_flat_spec_H2RG.fits")
    assert other["INSCONF"] == H2RG.uuid


def test_truth_comes_back(tree):
    for directory in (tree.root, tree.truth):
        truth = Truth.read(directory)
        assert truth.scene == SMALL
        np.testing.assert_allclose(truth.catalogue["ra"].value, SMALL.truth.catalogue["ra"].value)
        np.testing.assert_allclose(truth.wcs(2).wcs.crval, SMALL.truth.wcs(2).wcs.crval)
        assert truth.psf(1).fwhm == pytest.approx(SMALL.truth.psf(1).fwhm)


def test_no_truth_here(tmp_path):
    with pytest.raises(InputError, match="no truth of a simulated sequence here"):
        Truth.read(tmp_path)


def test_control_file_names_existing_files(tree):
    control = yaml.safe_load(tree.control.read_text())
    assert control["version"] == 1
    assert set(control["products"]["EMIR"]) == {HAWAII2.uuid, H2RG.uuid}
    for products in control["products"]["EMIR"].values():
        assert [product["type"] for product in products] == [
            "MasterBadPixelMask", "MasterDark", "MasterIntensityFlat",
        ]  # fmt: skip
        assert all((tree.root / "data" / product["content"]).is_file() for product in products)


def test_observation_blocks(tree):
    blocks = list(yaml.safe_load_all(tree.observations["ini"].read_text()))
    assert [block["id"] for block in blocks] == [f"_{path.name[:10]}" for path in tree.exposures]
    assert all(block["enabled"] and block["mode"] == "STARE_IMAGE" for block in blocks)
    *frames, combination = yaml.safe_load_all(tree.observations["v6"].read_text())
    assert not any(block["enabled"] for block in frames)
    assert combination == {
        "id": "_combined_v6",
        "instrument": "EMIR",
        "mode": "FULL_DITHERED_IMAGE",
        "children": [block["id"] for block in blocks],
        "requirements": {
            "iterations": 1, "sky_images": 6, "refine_offsets": True, "fit_doughnut": True,
            "nside_adhoc_sky_correction": 10,
        },
        "enabled": True,
    }  # fmt: skip


def test_text_of_a_block(tree):
    assert (
        tree.observations["ini"]
        .read_text()
        .startswith(
            "id: _0001877553\n"
            "instrument: EMIR\n"
            "mode: STARE_IMAGE\n"
            "frames:\n"
            " - 0001877553-20181217-EMIR-STARE_IMAGE.fits\n"
            "requirements:\n"
            "  reprojection_method: interp\n"
            "enabled: True\n"
            "---\n"
        )
    )


def test_reference_object_is_one_star(tree):
    places = np.loadtxt(tree.root / "data/user_offsets.txt")
    assert places.shape == (4, 2)
    sky = [
        undistorted(SMALL.truth.wcs(index)).wcs_pix2world([place], 1)[0]
        for index, place in enumerate(places)
    ]
    np.testing.assert_allclose(sky, np.broadcast_to(sky[0], (4, 2)), rtol=0, atol=1e-6)
    catalogue = SMALL.truth.catalogue
    distance = np.hypot(catalogue["ra"].value - sky[0][0], catalogue["dec"].value - sky[0][1])
    assert distance.min() < 1e-6


def test_h2rg_with_repeats(tmp_path):
    scene = SMALL.replace(detector="H2RG", n_exposures=9, repeats=3)
    tree = write_tutorial(tmp_path / "new", scene)
    assert set(tree.observations) == {"ini", "v0", "v5_h2rg"}
    blocks = list(yaml.safe_load_all(tree.observations["ini"].read_text()))
    assert blocks[1]["id"] == "_4006374"
    assert blocks[1]["frames"] == [
        f"{n}-20231119-EMIR-STARE_IMAGE.fits" for n in ("0004006374", "0004006378", "0004006382")
    ]
    *_, combination = yaml.safe_load_all(tree.observations["v5_h2rg"].read_text())
    assert combination["requirements"]["adhoc_sky_correction_h2rg"] is True
    assert tree.bad_pixel_mask.name == "master_bpm_zeros.fits"
    assert not fits.getdata(tree.bad_pixel_mask).any()
    assert fits.getdata(tree.root / "data/master_bpm.fits").any()
    assert len(np.loadtxt(tree.root / "data/user_offsets.txt")) == 3


def test_only_the_field_is_combined(tmp_path):
    tree = write_tutorial(tmp_path, SMALL.replace(n_exposures=2).with_sky_exposures())
    blocks = list(yaml.safe_load_all(tree.observations["ini"].read_text()))
    assert len(blocks) == len(tree.exposures) == 4
    *_, combination = yaml.safe_load_all(tree.observations["v5"].read_text())
    assert combination["children"] == [blocks[0]["id"], blocks[2]["id"]]
    assert len(np.loadtxt(tree.root / "data/user_offsets.txt")) == 2


def test_existing_directories_are_respected(tmp_path):
    (tmp_path / "mine.txt").write_text("precious")
    with pytest.raises(InputError, match="not an empty directory"):
        write_tutorial(tmp_path, SMALL.replace(n_exposures=1))
    tree = write_tutorial(tmp_path, SMALL.replace(n_exposures=1), overwrite=True)
    assert len(tree.exposures) == 1
    assert (tmp_path / "mine.txt").read_text() == "precious"


def test_executor_makes_no_difference_and_progress_is_told(tree, tmp_path):
    told = []

    def progress(items, description, total):
        told.append((description, total))
        return items

    with ThreadPoolExecutor(3) as executor:
        other = write_tutorial(tmp_path, SMALL, executor=executor, progress=progress)
    for one, two in zip(tree.exposures, other.exposures, strict=True):
        assert one.read_bytes() == two.read_bytes()
    assert told == [("simulating exposures", 4)]
