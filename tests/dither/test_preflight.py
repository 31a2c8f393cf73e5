"""The look before the reduction finds what is wrong, and nothing else."""

import io
import json
import shutil

import numpy as np
import pytest
from astropy.io import fits
from astropy.nddata import CCDData
from rich.console import Console

from emirimg.dither import (
    PixelLook,
    Severity,
    check_exposures,
    find_calibrations,
    look_at_pixels,
    quick_seeing,
)
from emirimg.instrument import H2RG, HAWAII2
from emirimg.io import group_exposures, read_frame
from emirimg.report import preflight_text
from emirimg.simulation import Scene, write_tutorial

SECTION = "[897:1152,897:1152]"
SCENE = Scene(
    seed=2, n_exposures=7, shape=(256, 256), n_stars=150, n_galaxies=10, dither_scale=0.4,
    cosmic_rays=5,
)  # fmt: skip
GOOD = {
    "tutorial": SCENE,
    "H2RG": SCENE.replace(detector="H2RG"),
    "NEXP 2": SCENE.replace(n_exposures=8, repeats=2),
}


@pytest.fixture(scope="session")
def good_trees(tmp_path_factory):
    """Trees in which nothing is wrong; not to be changed."""
    trees = {}
    for name, scene in GOOD.items():
        paths = write_tutorial(tmp_path_factory.mktemp("good") / "tree", scene)
        for path in paths.exposures:
            fits.setval(path, "DETSEC", value=SECTION)
        trees[name] = paths.root
    return trees


@pytest.fixture
def tree(good_trees, tmp_path):
    """Return a function that copies a good tree; its exposures are in ``data``."""

    def copy(name="tutorial"):
        root = tmp_path / "tree"
        shutil.copytree(good_trees[name], root)
        return root, sorted((root / "data").glob("0*.fits"))

    return copy


def edit(path, function=None, **keywords):
    with fits.open(path, mode="update") as hdus:
        for key, value in keywords.items():
            hdus[0].header[key.replace("_OBS", "-OBS")] = value
        if function is not None:
            hdus[0].data = function(hdus[0].data.copy())


def serious(found, severity=None):
    """Return (topic, files) of the warnings and errors."""
    wanted = [Severity.WARNING, Severity.ERROR] if severity is None else [severity]
    return [(item.topic, item.files) for item in found.all_findings if item.severity in wanted]


@pytest.mark.parametrize("name", GOOD)
def test_nothing_is_invented(name, good_trees):
    found = check_exposures(good_trees[name])
    assert serious(found) == []
    assert found.works
    (group,) = found.groups
    assert len(group.exposures) == GOOD[name].n_exposures
    assert [use.path is not None for use in group.calibrations] == [True] * 3
    assert group.detector == GOOD[name].detector


def test_seeing_and_sky_are_those_of_the_scene(good_trees):
    truth = SCENE.truth
    (group,) = check_exposures(good_trees["tutorial"]).groups
    seeing = [look.seeing for look in group.exposures]
    assert np.median(seeing) == pytest.approx(np.median(truth.frames["fwhm"].value), rel=0.15)
    sky = [look.sky for look in group.exposures]
    assert np.median(sky / truth.frames["sky"].value) == pytest.approx(1, abs=0.1)
    assert np.corrcoef(sky, truth.frames["sky"].value)[0, 1] > 0.9


def test_a_missing_exposure(tree):
    root, files = tree()
    files[2].unlink()
    found = check_exposures(root)
    assert found.works
    assert serious(found) == [("pattern", ())]
    assert "6 of the 7 positions" in found.all_findings[0].text
    assert "IMGOBBL 3 missing" in found.all_findings[0].text


def test_a_missing_repeat(tree):
    root, files = tree("NEXP 2")
    files[3].unlink()
    found = check_exposures(root)
    assert found.works
    assert serious(found) == [("pattern", ())]
    assert (
        f"{files[2].name}: NEXP is 2, but the position has 1 exposure"
        in found.all_findings[0].text
    )


@pytest.mark.parametrize(
    ("keyword", "value", "word"),
    [
        ("FILTER", "Ks", "filter (F1230, Ks)"),
        ("OBJECT", "OTHER", "object (TEST, OTHER)"),
        ("EXPTIME", 10.0, "exposure time (29.9993 s, 10 s)"),
        ("READMODE", "CDS", "read mode (RAMP, CDS)"),
    ],
)
def test_mixed_exposures(keyword, value, word, tree):
    root, files = tree()
    edit(files[4], **{keyword: value})
    found = check_exposures(root)
    assert not found.works
    assert len(found.groups) == 2
    mixed, odd = found.findings
    assert mixed.severity == Severity.ERROR
    assert word in mixed.text
    assert (odd.topic, odd.files) == ("groups", (files[4].name,))


def test_sky_beside_the_target_is_no_other_object(tree):
    root, files = tree()
    for path in files[5:]:
        edit(path, OBJECT="TEST_SKY")
    found = check_exposures(root)
    assert [group.role for group in found.groups] == ["target", "sky"]
    assert not [item for item in found.findings if item.topic == "groups"]
    edit(files[6], FILTER="H")
    lost = check_exposures(root).findings[0]
    assert (lost.topic, lost.files) == ("groups", (files[6].name,))
    assert "not used" in lost.text


def test_saturated_exposures(tree):
    root, files = tree()
    edit(files[1], lambda data: np.where(data > np.percentile(data, 95), 60000, data))
    edit(files[3], lambda data: data + 45000)
    found = check_exposures(root)
    assert found.works
    assert ("saturation", (files[1].name,)) in serious(found)
    assert ("saturation", (files[3].name,)) in serious(found)
    assert ("sky", (files[3].name,)) in serious(found)
    edit(files[0], lambda data: np.full_like(data, 65535))
    assert ("pixels", (files[0].name,)) in serious(check_exposures(root), Severity.WARNING)


def test_swapped_axes(tree):
    root, files = tree()
    for path in files:
        header = fits.getheader(path)
        matrix = {f"CD{i}_{j}": header[f"CD{3 - i}_{j}"] for i in (1, 2) for j in (1, 2)}
        edit(path, **matrix)
    found = check_exposures(root)
    assert not found.works
    assert serious(found, Severity.ERROR) == [("wcs", tuple(path.name for path in files))]
    assert "mirrored" in found.all_findings[0].text
    for path in files:
        edit(path, CTYPE1="DEC--ZPN", CTYPE2="RA---ZPN")
    found = check_exposures(root)
    assert not found.works
    assert found.groups == ()
    assert [item.topic for item in found.findings] == ["files"] + ["wcs"] * 7


@pytest.mark.parametrize(("factor", "works"), [(1.05, True), (2.0, False)])
def test_wrong_scale(factor, works, tree):
    root, files = tree()
    header = fits.getheader(files[2])
    edit(files[2], **{key: factor * header[key] for key in header["CD?_?"]})
    found = check_exposures(root)
    assert found.works == works
    assert ("wcs", (files[2].name,)) in serious(found)


def test_turned_exposure(tree):
    root, files = tree()
    header, angle = fits.getheader(files[2]), np.radians(5)
    matrix = np.array([[header[f"CD{i}_{j}"] for j in (1, 2)] for i in (1, 2)])
    matrix = matrix @ [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    edit(files[2], **{f"CD{i}_{j}": matrix[i - 1, j - 1] for i in (1, 2) for j in (1, 2)})
    found = check_exposures(root)
    assert serious(found) == [("wcs", (files[2].name,))]
    assert "turned by 5.0 deg" in found.all_findings[0].text


def test_pointings(tree):
    root, files = tree()
    dec = fits.getheader(files[2])["CRVAL2"]
    edit(files[2], CRVAL2=dec + 1)
    edit(files[5], DEC="+45:00:00")
    text = {item.files[0]: item.text for item in check_exposures(root).all_findings if item.files}
    assert "it would be left out" in text[files[2].name]
    assert "outside of the frame" in text[files[5].name]
    edit(files[2], CRVAL2=dec + 45 / 3600)
    found = check_exposures(root)
    assert any(
        "jumps" in item.text and item.files == (files[2].name,) for item in found.all_findings
    )
    for path in files:
        edit(path, CRVAL1=39.97, CRVAL2=-1.576, RA="02:39:52.8", DEC="-01:34:33")
    assert any("without a dither" in item.text for item in check_exposures(root).all_findings)


def test_faults_of_a_file_name_it_once(tree):
    root, files = tree()
    edit(files[2], EXPTIME="abc")
    edit(files[4], CRVAL1="abc")
    text = {item.files[0]: item.text for item in check_exposures(root).all_findings if item.files}
    assert text[files[2].name] == "keyword EXPTIME is 'abc'; a positive number was expected"
    assert text[files[4].name] == "keyword CRVAL1 is 'abc'; a number was expected"


def test_one_exposure_is_singular(tree):
    root, files = tree()
    for path in files[1:]:
        path.unlink()
    found = check_exposures(root)
    assert any(item.text.startswith("1 exposure: three") for item in found.all_findings)
    console = Console(file=io.StringIO(), width=80)
    console.print(preflight_text(found))
    assert "HAWAII-2, 1 exposure\n" in console.file.getvalue()


def test_between_the_detectors(tree):
    root, files = tree("H2RG")
    for path in files:
        edit(path, DATE_OBS="2023-05-01T00:00:00")
    found = check_exposures(root)
    assert found.works
    assert [topic for topic, _ in serious(found)] == ["detector"]
    for path in files:
        edit(path, INSCONF="")
    found = check_exposures(root)
    assert not found.works
    assert "no detector in use" in found.findings[0].text


def test_truncated_file(tree):
    root, files = tree()
    content = files[2].read_bytes()
    files[2].write_bytes(content[: len(content) // 2])
    found = check_exposures(root)
    assert not found.works
    assert serious(found) == [("files", (files[2].name,))]
    assert "is truncated" in found.all_findings[0].text
    assert len(found.groups[0].exposures) == 6
    files[2].write_bytes(b"")
    found = check_exposures(root)
    assert found.works  # it would be left out
    assert ("files", (files[2].name,)) in serious(found, Severity.WARNING)
    assert not check_exposures(files).works  # it was named


def test_calibrations_of_the_other_detector(tree):
    root, _ = tree()
    control = root / "control.yaml"
    control.write_text(
        control.read_text().replace("master_flat_spec.fits", "master_flat_spec_H2RG.fits")
    )
    found = check_exposures(root)
    assert not found.works
    assert serious(found) == [("calibrations", ("master_flat_spec_H2RG.fits",))]
    assert "belongs to the H2RG" in found.all_findings[0].text


def test_calibration_of_another_shape_or_level(tree):
    root, _ = tree()
    flat = root / "data" / "master_flat_spec.fits"
    edit(flat, lambda data: 3000 * data)
    assert serious(check_exposures(root)) == [("calibrations", (flat.name,))]
    edit(flat, lambda data: data[:128])
    assert serious(check_exposures(root), Severity.ERROR) == [("calibrations", (flat.name,))]
    flat.unlink()
    assert "no such file" in check_exposures(root).all_findings[0].text


def test_no_calibrations(tree, monkeypatch):
    root, files = tree()
    (root / "control.yaml").unlink()
    # There might be one above the directory of the test.
    monkeypatch.setattr("emirimg.dither.preflight.calibrations.find_control", lambda _: None)
    found = check_exposures(root)
    assert found.works
    assert serious(found) == [("calibrations", ())] * 2
    flat = root / "data" / "master_flat_spec.fits"
    (group,) = group_exposures(files)
    uses = find_calibrations(group, files={"flat": flat})
    assert [(use.kind, use.path, use.reason) for use in uses] == [
        ("bad_pixels", None, "not named"), ("dark", None, "not named"), ("flat", flat, "named"),
    ]  # fmt: skip


def test_damaged_control_file(tree):
    root, _ = tree()
    (root / "control.yaml").write_text("version: 7\n")
    found = check_exposures(root)
    assert serious(found, Severity.ERROR) == [("calibrations", ())]


def kill(data):
    data[:128, 128:] = 0
    return data


def test_dead_quadrant(tree):
    root, files = tree()
    edit(files[2], kill)
    found = check_exposures(root)
    assert found.works
    assert serious(found) == [("channels", (files[2].name,))]
    assert "quadrant 2" in found.all_findings[0].text


@pytest.mark.parametrize(
    ("detector", "part", "channel"),
    [(H2RG, (slice(None), slice(64, 128)), 2), (HAWAII2, (slice(1024, 1152), slice(0, 1024)), 17)],
)
@pytest.mark.parametrize("what", ["level", "noise", "dead"])
def test_bad_channel(what, detector, part, channel):
    rng = np.random.default_rng(1)
    data = rng.normal(3000, 25, detector.shape).astype(np.float32)
    if what == "level":
        data[part] *= 2.5
    elif what == "noise":
        data[part] += rng.normal(0, 300, data[part].shape)
    else:
        data[part] = 3000
    look = look_at_pixels(CCDData(data, unit="adu"), detector)
    assert look.bad_channels == (channel,)
    assert look.bad_quadrants == ()


def test_flawed_ramps(tree):
    root, files = tree()
    for path in files:
        edit(path, DATE_OBS=fits.getval(path, "DATE-OBS").replace("2018-12", "2018-08"))
    found = check_exposures(root)
    assert serious(found) == [("readout", tuple(path.name for path in files))]
    for path in files:
        edit(path, READMODE="CDS")
    assert serious(check_exposures(root)) == []


def test_useless_exposures(tree):
    root, files = tree()
    edit(files[1], lambda data: np.full_like(data, 2800))
    found = check_exposures(root)
    assert found.works
    assert serious(found) == [("pixels", (files[1].name,))]
    edit(files[1], lambda data: np.full(data.shape, np.nan, np.float32))
    edit(files[2], lambda data: 0 * data)
    found = check_exposures(root)
    assert found.works
    assert serious(found) == [("pixels", (files[1].name,)), ("pixels", (files[2].name,))]
    for path in files:
        edit(path, lambda data: np.full(data.shape, np.nan, np.float32))
    assert ("pixels", ()) in serious(check_exposures(root), Severity.ERROR)


def test_many_pixels_without_a_value(tree):
    root, files = tree()

    def spoil(data):
        data = data.astype(np.float32)
        data[:20] = np.nan
        return data

    edit(files[1], spoil)
    assert serious(check_exposures(root)) == [("pixels", (files[1].name,))]


def test_the_same_exposure_twice(tree):
    root, files = tree()
    header, data = fits.getheader(files[2]), fits.getdata(files[2])
    header["IMGOBBL"], header["DATE-OBS"] = 4, fits.getval(files[3], "DATE-OBS")
    fits.writeto(files[3], data, header, overwrite=True)
    found = check_exposures(root)
    names = (files[2].name, files[3].name)
    assert serious(found).count(("duplicates", names)) == 2  # its UUID and its pixels


def test_few_exposures(tree):
    _, files = tree()
    for path in files[2:]:
        path.unlink()
    found = check_exposures(files[0].parent)
    assert "2 exposures: three or more" in " ".join(item.text for item in found.all_findings)


def test_nothing_to_reduce(tmp_path):
    found = check_exposures(tmp_path)
    assert not found.works
    assert serious(found) == [("files", ())]
    assert json.loads(json.dumps(found.to_dict()))["works"] is False


def test_as_json(good_trees):
    content = json.loads(
        json.dumps(check_exposures(good_trees["tutorial"]).to_dict(), allow_nan=False)
    )
    (group,) = content["groups"]
    assert content["works"]
    assert group["works"]
    assert group["exposure_time"] == pytest.approx(29.99926)
    assert group["exposures"][0]["start"].startswith("2018-12-17T23:57:24")
    assert group["calibrations"][2]["path"].endswith("master_flat_spec.fits")


def test_looks_do_not_touch_their_input(good_trees):
    path = next((good_trees["tutorial"] / "data").glob("0*.fits"))
    frame = read_frame(path)
    before = frame.data.copy()
    look = look_at_pixels(frame, HAWAII2)
    assert np.array_equal(frame.data, before)
    assert look.digest != look_at_pixels(frame.divide(2.0), H2RG).digest


def test_seeing_of_single_frames(good_trees):
    path = next((good_trees["tutorial"] / "data").glob("0*.fits"))
    look = look_at_pixels(read_frame(path), HAWAII2)
    alone, n_stars = quick_seeing([look], 0, np.zeros((1, 2)))
    assert n_stars > 0
    assert 2.5 < alone < 5
    nothing = PixelLook(np.nan, 0.0, 1.0, False, (), (), "", look.middle)
    assert quick_seeing([nothing], 0, np.zeros((1, 2)))[1] == 0
