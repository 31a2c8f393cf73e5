"""Images and records in the layout of numina."""

import json
from datetime import UTC, datetime

import astropy.units as u
import numpy as np
import pytest
from astropy.io import fits
from astropy.nddata import CCDData, VarianceUncertainty
from emir_files import SIZE, exposure_header, write_exposure

from emirimg.blocks import CalibrationChoice, ControlFile, ObservationBlock, RequirementChoice
from emirimg.exceptions import FrameError, InputError
from emirimg.instrument import frame_wcs, undistorted
from emirimg.io import (
    PositionImage,
    TaskRecord,
    Workspace,
    find_image,
    identifier,
    read_blocks,
    read_control,
    read_located_blocks,
    read_position_image,
    read_positions,
    write_control_dump,
    write_dithered_image,
    write_intermediate_image,
    write_position_image,
    write_result,
)

CALIBRATIONS = {"bad_pixels": "uuid:b", "dark": "uuid:d", "flat": "file:f.fits"}


def position_image(*, channels=False, mask=True):
    rng = np.random.default_rng(3)
    header = exposure_header(UUID="raw", TSUTC2=1.5)
    numbers = (np.arange(SIZE * SIZE) % 32 + 1).reshape(SIZE, SIZE).astype(np.uint8)
    frame = CCDData(
        rng.normal(100, 10, (SIZE, SIZE)).astype(np.float32),
        unit=u.adu,
        mask=rng.random((SIZE, SIZE)) < 0.1 if mask else None,
        meta=header,
        wcs=undistorted(frame_wcs(header)),
    )
    return PositionImage(frame, numbers if channels else None)


def write(path, image, **changes):
    given = {"exposures": ["uuid:raw"], "calibrations": CALIBRATIONS, "method": "interp"}
    return write_position_image(path, image, **given | changes)


@pytest.mark.parametrize("channels", [True, False])
def test_position_image_round_trip(tmp_path, channels):
    image = position_image(channels=channels)
    header = image.frame.meta.copy()
    name = write(tmp_path / "a.fits", image)
    assert image.frame.meta == header
    read = read_position_image(tmp_path / "a.fits")
    np.testing.assert_array_equal(read.frame.data, image.frame.data)
    np.testing.assert_array_equal(read.frame.mask, image.frame.mask)
    if channels:
        np.testing.assert_array_equal(read.channels, image.channels)
    else:
        assert read.channels is None
    assert read.frame.meta["UUID"] == name != "raw"
    corner = [[0, 0], [SIZE, 5]]
    np.testing.assert_allclose(
        read.frame.wcs.wcs_pix2world(corner, 0), image.frame.wcs.wcs_pix2world(corner, 0)
    )


def test_position_image_layout(tmp_path):
    write(tmp_path / "a.fits", position_image(channels=True), exposures=["uuid:a", "uuid:b"])
    with fits.open(tmp_path / "a.fits") as hdus:
        assert [hdu.name for hdu in hdus] == ["PRIMARY", "BPM", "ICHANNEL"]
        assert hdus["BPM"].data.dtype == hdus["ICHANNEL"].data.dtype == np.uint8
        header = hdus[0].header
    assert header["EXP"] == 0
    assert header["NUM-NCOM"] == 2
    assert (header["NUM-BPM"], header["NUM-DK"], header["NUM-FF"]) == tuple(CALIBRATIONS.values())
    assert all(key in header for key in ("NUMRNAM", "NUMRVER", "NUMXVER", "NUMDRP", "NUMDRPV"))
    assert header["NUMPIPE"] == "default"
    assert header["PV2_1"] == 1.0
    assert not any(key in header for key in ("PV2_2", "PV2_3", "PV2_4", "PV2_5"))
    history = "\n".join(header["HISTORY"])
    assert "Combined 2 images using 'mean'" in history
    assert "Image uuid:b" in history
    assert "Flat-field correction with file:f.fits" in history


def test_distortion_stays_where_nothing_was_resampled(tmp_path):
    image = position_image()
    write(tmp_path / "a.fits", image, method="none")
    header = fits.getheader(tmp_path / "a.fits")
    assert header["PV2_3"] == 14584.8
    assert "Reprojection" not in "\n".join(header["HISTORY"])


def test_image_without_masked_pixels(tmp_path):
    write(tmp_path / "a.fits", position_image(mask=False))
    assert not read_position_image(tmp_path / "a.fits").frame.mask.any()


def test_image_of_another_program(tmp_path):
    data = np.ones((SIZE, SIZE), dtype=np.float64)
    data[3, 4] = np.nan
    fits.writeto(tmp_path / "a.fits", data, exposure_header())
    image = read_position_image(tmp_path / "a.fits")
    assert image.frame.data.dtype == np.float32
    assert np.argwhere(image.frame.mask).tolist() == [[3, 4]]
    fits.writeto(tmp_path / "b.fits", np.ones((SIZE, SIZE)), exposure_header())
    assert read_position_image(tmp_path / "b.fits").frame.mask is None


def test_image_with_planes_of_different_shapes(tmp_path):
    hdus = fits.HDUList(
        [
            fits.PrimaryHDU(np.ones((SIZE, SIZE)), exposure_header()),
            fits.ImageHDU(np.zeros((SIZE, 3), np.uint8), name="BPM"),
        ]
    )
    hdus.writeto(tmp_path / "a.fits")
    with pytest.raises(FrameError, match=r"a\.fits has an image of the shape \(32, 32\), but BPM"):
        read_position_image(tmp_path / "a.fits")


@pytest.mark.parametrize(
    ("changes", "message"),
    [({"CTYPE1": "X", "CTYPE2": "Y"}, "no celestial WCS"), ({"CD1_1": 0.0, "CD1_2": 0.0}, "WCS")],
)
def test_image_without_a_place_on_the_sky(tmp_path, changes, message):
    fits.writeto(tmp_path / "a.fits", np.ones((SIZE, SIZE)), exposure_header(**changes))
    with pytest.raises(FrameError, match=message):
        read_position_image(tmp_path / "a.fits")


def test_image_without_pixels(tmp_path):
    fits.PrimaryHDU().writeto(tmp_path / "a.fits")
    with pytest.raises(FrameError, match="no image of two axes"):
        read_position_image(tmp_path / "a.fits")


def test_dithered_image(tmp_path):
    children = [exposure_header(UUID=f"u{i}", TSUTC2=float(i)) for i in range(3)]
    wcs = undistorted(frame_wcs(children[0]))
    wcs.wcs.crpix += [7, 4]
    wcs.wcs.set()
    shape = (SIZE + 9, SIZE + 11)
    data = np.arange(shape[0] * shape[1], dtype=np.float32).reshape(shape)
    write_dithered_image(
        tmp_path / "a.fits", data, data + 1, np.full(shape, 300, np.int16),
        wcs=wcs, children=children, shape=(SIZE, SIZE), method="median", history=["a remark"],
    )  # fmt: skip
    with fits.open(tmp_path / "a.fits") as hdus:
        assert [hdu.name for hdu in hdus] == ["PRIMARY", "VARIANCE", "MAP"]
        np.testing.assert_array_equal(hdus[0].data, data)
        np.testing.assert_array_equal(hdus["VARIANCE"].data, data + 1)
        assert hdus["MAP"].data.max() == 300
        header = hdus[0].header
    assert (header["CRPIX1"], header["CRPIX2"]) == (SIZE / 2 + 7, SIZE / 2 + 4)
    assert header["NVALREGI"] == f"[4:{SIZE + 4},7:{SIZE + 7}]"
    assert header["NUM-NCOM"] == 3
    assert header["TSUTC2"] == 2.0
    assert header["OBSMODE"] == "FULL_DITHERED_IMAGE"
    history = list(header["HISTORY"])
    assert history[0] == "Combined 3 images using 'median'"
    assert history[2:] == ["Image u0", "Image u1", "Image u2", "a remark"]


@pytest.mark.parametrize("data", [np.eye(3, dtype=bool), np.eye(3, dtype=np.float32)])
def test_intermediate_image(tmp_path, data):
    kept = write_intermediate_image(tmp_path, "result_i0", CCDData(data, unit=u.adu))
    path = tmp_path / "result_i0.fits"
    np.testing.assert_array_equal(fits.getdata(path), np.eye(3))
    np.testing.assert_array_equal(kept.data[1:], np.eye(3)[1:])
    assert kept.uncertainty is None
    placed = CCDData(data, unit=u.adu, wcs=position_image().frame.wcs)
    write_intermediate_image(tmp_path, "result_i0", placed)
    assert fits.getheader(path)["CTYPE1"] == "RA---ZPN"


def test_intermediate_image_with_its_variance(tmp_path):
    frame = position_image().frame
    frame.uncertainty = VarianceUncertainty(2 * frame.data)
    kept = write_intermediate_image(tmp_path, "a_rfs_i1", frame)
    with fits.open(tmp_path / "a_rfs_i1.fits") as hdus:
        hdus.verify("exception")
        np.testing.assert_array_equal(hdus[0].data, frame.data)
        np.testing.assert_array_equal(hdus["VARIANCE"].data, 2 * frame.data)
    np.testing.assert_array_equal(kept.data, frame.data)
    np.testing.assert_array_equal(kept.uncertainty.array[3:9], 2 * frame.data[3:9])
    assert kept.mask is frame.mask
    (tmp_path / "a_rfs_i1.fits").unlink()
    with pytest.raises(FrameError, match=r"a_rfs_i1\.fits can no longer be read"):
        kept.data[:2]
    (tmp_path / "a_rfs_i1.fits").write_bytes(bytes(5000))
    with pytest.raises(FrameError, match=r"a_rfs_i1\.fits became shorter"):
        np.asarray(kept.data)


@pytest.mark.parametrize("channels", [True, False])
@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int16])
def test_image_that_stays_in_its_file(tmp_path, channels, dtype):
    """Floating-point images of either length stay; others are read, to the same result."""
    path = tmp_path / "a.fits"
    write(path, position_image(channels=channels))
    with fits.open(path) as hdus:
        data = hdus[0].data.astype(dtype)
        if dtype != np.int16:
            data[3, 4] = np.nan
        hdus[0].data = data
        hdus.writeto(path, overwrite=True)
    expected = read_position_image(path)
    found = read_position_image(path, in_memory=False)
    assert isinstance(found.frame.data, np.ndarray) == (dtype == np.int16)
    for one, two in (
        (found.frame.data, expected.frame.data),
        (found.frame.mask, expected.frame.mask),
        (found.channels, expected.channels),
    ):
        if two is None:
            assert one is None
            continue
        assert one.dtype == two.dtype
        assert one.shape == two.shape
        np.testing.assert_array_equal(one[3:7], two[3:7])
        np.testing.assert_array_equal(one[::5], two[::5])
        np.testing.assert_array_equal(one, two)
    assert found.frame.meta == expected.frame.meta
    assert not found.frame.data[3, 4] or dtype == np.int16


def test_damaged_images_are_refused_either_way(tmp_path):
    path = tmp_path / "a.fits"
    write(path, position_image())
    path.write_bytes(path.read_bytes()[:-3000])
    for in_memory in (True, False):
        with pytest.raises(FrameError, match="is truncated"):
            read_position_image(path, in_memory=in_memory)
    fits.writeto(tmp_path / "b.fits", np.ones((3, 2, 2)), exposure_header())
    with pytest.raises(FrameError, match="no image of two axes"):
        read_position_image(tmp_path / "b.fits", in_memory=False)


def test_identifier(tmp_path):
    assert identifier(write_exposure(tmp_path / "a.fits", UUID="12-34")) == "uuid:12-34"
    assert identifier(write_exposure(tmp_path / "b.fits")) == "file:b.fits"


@pytest.mark.parametrize("combined", [True, False])
def test_result_is_found(tmp_path, combined):
    write_result(tmp_path, combined=combined)
    content = json.loads((tmp_path / "result.json").read_text())
    assert ("result_sky" in content["values"]) == combined
    assert content["qc"] == "UNKNOWN"
    with pytest.raises(InputError, match=r"result\.json names the image 'reduced_image\.fits'"):
        find_image(tmp_path)
    write_exposure(tmp_path / "reduced_image.fits")
    assert find_image(tmp_path) == tmp_path / "reduced_image.fits"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "reduce that block first"),
        ("{", "is damaged"),
        ("[]", "is damaged"),
        ('{"values": {}}', "is damaged"),
        ('{"values": {"reduced_image": null}}', "names the image None"),
        ('{"values": {"reduced_image": "../secret.fits"}}', r"names the image '\.\./secret"),
    ],
)
def test_damaged_result(tmp_path, text, message):
    results = tmp_path / "results"
    results.mkdir()
    (tmp_path / "secret.fits").touch()
    if text is not None:
        (results / "result.json").write_text(text)
    with pytest.raises(InputError, match=message):
        find_image(results)


def test_task(tmp_path):
    block = ObservationBlock(id="_1", instrument="EMIR", mode="STARE_IMAGE", frames=["a.fits"])
    record = TaskRecord(
        block, "the-detector", {"master_bpm": ("control file", "b.fits")},
        created=datetime(2026, 1, 2, tzinfo=UTC),
    )  # fmt: skip
    record.start()
    record.say("two\n lines", "WARNING")
    record.write(
        tmp_path, Workspace.of_block("_1", tmp_path), base=tmp_path, copy_files=True,
        validate=False, intermediate=True,
    )  # fmt: skip
    task = json.loads((tmp_path / "task.json").read_text())
    assert list(task) == [
        "result", "id", "time_create", "time_start", "time_end", "request", "request_params",
        "request_runinfo", "state",
    ]  # fmt: skip
    assert list(task["request_params"]) == [
        "oblock_id", "pipeline", "instrument_configuration", "intermediate_results",
        "validate_results", "validate_inputs", "strict_inputs", "copy_files", "mode",
        "requirements", "logger_control",
    ]  # fmt: skip
    assert list(task["request_runinfo"]) == [
        "runner", "runner_version", "results_dir", "work_dir", "inputs", "instrument", "pipeline",
        "mode", "recipe_class", "recipe_fqn", "recipe_version",
    ]  # fmt: skip
    assert task["state"] == 2
    assert task["time_create"] == "2026-01-02T00:00:00+00:00"
    assert task["time_start"] <= task["time_end"]
    assert task["request_runinfo"]["results_dir"] == "obsid_1_results"
    assert task["request_runinfo"]["inputs"] == {
        "master_bpm": {"source": "control file", "value": "b.fits"}
    }
    assert (tmp_path / "processing.log").read_text().endswith(" - emirimg - WARNING - two lines\n")


def test_positions(tmp_path):
    path = tmp_path / "user_offsets.txt"
    path.write_text("# x y\n  1.5  2\n\n3, 4 comment\n")
    np.testing.assert_array_equal(read_positions(path, 2), [[1.5, 2], [3, 4]])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1 2\n3\n", r"offsets:2: found '3', two numbers"),
        ("1 2\n3 nan\n", r"offsets:2: "),
        ("1 b\n", r"offsets:1: "),
        ("1 2\n", "has 1 position for 2 exposures"),
        (None, "cannot be read"),
    ],
)
def test_damaged_positions(tmp_path, text, message):
    path = tmp_path / "offsets"
    if text is not None:
        path.write_text(text)
    with pytest.raises(InputError, match=message):
        read_positions(path, 2)


@pytest.mark.parametrize("detector", [None, "443fc0d1-e09a-48cc-a0fd-02be6f399da2"])
def test_a_dump_is_a_control_file(tmp_path, detector):
    control = ControlFile(
        calibrations=[
            CalibrationChoice(type="MasterDark", content="d.fits", detector=detector, id=3)
        ],
        requirements=[
            RequirementChoice(
                name="iterations", content=2, mode="FULL_DITHERED_IMAGE", detector=detector
            )
        ],
        root=tmp_path / "calibs",
    )
    block = ObservationBlock(id="_1", instrument="EMIR", mode="STARE_IMAGE", frames=["a.fits"])
    path = write_control_dump(tmp_path / "control_dump.yaml", [block], control)
    assert read_control(path) == control
    write_control_dump(path, [block], None)
    assert read_control(path) == ControlFile(root=tmp_path / "data")


SESSION = """\
- {id: _2, requirements: {reprojection_method: none}}
- {id: 0003, enabled: False}
---
id: _1
instrument: EMIR
mode: STARE_IMAGE
frames: [a.fits]
---
id: _2
instrument: EMIR
mode: STARE_IMAGE
frames: [b.fits]
enabled: False
---
id: 0003
instrument: EMIR
mode: STARE_IMAGE
frames: [c.fits]
"""


def test_session(tmp_path):
    path = tmp_path / "session.yaml"
    path.write_text(SESSION)
    blocks = [item.block for item in read_located_blocks([path], session=True)]
    assert [block.enabled for block in blocks] == [False, True, False]
    assert blocks[1].requirements.reprojection_method == "none"
    assert blocks[0].requirements.reprojection_method == "interp"
    with pytest.raises(InputError, match="a mapping with the keys id"):
        read_blocks(path)


@pytest.mark.parametrize(
    ("found", "replacement", "message"),
    [
        ("- {id: _2,", "- {id: _22,", r"yaml:1: \(document 1\) 0\.id: no block has the id '_22'"),
        ("enabled: False}", "enable: False}", r"yaml:2: \(document 1\) 1\.enable: unknown key"),
        ("- {id: 0003, enabled: False}", "- 3", r"yaml:2: \(document 1\) 1: a mapping with the"),
        ("none}", "nearest}", r"reprojection_method: found 'nearest'"),
        ("---\nid: _1", "id: _1", "not valid YAML"),
    ],
)
def test_damaged_session(tmp_path, found, replacement, message):
    path = tmp_path / "session.yaml"
    assert found in SESSION
    path.write_text(SESSION.replace(found, replacement, 1))
    with pytest.raises(InputError, match=message):
        read_located_blocks([path], session=True)


def test_a_file_without_its_session(tmp_path):
    path = tmp_path / "session.yaml"
    path.write_text(SESSION.partition("---\n")[2])
    with pytest.raises(InputError, match="the first document is a list"):
        read_located_blocks([path], session=True)


def test_blocks_of_several_files(tmp_path):
    one, two = tmp_path / "one.yaml", tmp_path / "two.yaml"
    stare = "id: _1\ninstrument: EMIR\nmode: STARE_IMAGE\nframes: [a.fits]\n"
    one.write_text("id: _c\ninstrument: EMIR\nmode: FULL_DITHERED_IMAGE\nchildren: [_1]\n")
    two.write_text(stare)
    located = read_located_blocks([one, two])
    assert [item.block.id for item in located] == ["_c", "_1"]
    assert located[0].at("children", 0) == f"{one}:4: (document 1)"
    one.write_text(stare)
    with pytest.raises(InputError, match=r"two\.yaml:1: .* of a block of .*one\.yaml"):
        read_located_blocks([one, two])


def test_loose_requirements(tmp_path):
    path = tmp_path / "a.yaml"
    path.write_text(
        "id: _1\ninstrument: EMIR\nmode: STARE_IMAGE\nframes: [a.fits]\n"
        "requirements:\n  reprojection_method: none\n  other: 3\n"
    )
    with pytest.warns(UserWarning, match=r"a\.yaml:7: \(document 1\) requirements\.other"):
        (located,) = read_located_blocks([path], loose=True)
    assert located.block.requirements.reprojection_method == "none"
