"""Files as observers have them, and what the legacy tools make of the same input."""

from pathlib import Path

import pytest
from emir_files import write_exposure

from emirimg.blocks import DitherRequirements, ObservationBlock, StareRequirements
from emirimg.exceptions import InputError, MetadataWarning
from emirimg.instrument import H2RG, HAWAII2
from emirimg.io.numina import (
    format_blocks,
    generate_blocks,
    generate_from_headers,
    read_blocks,
    read_control,
    write_blocks,
)

DATA = Path(__file__).parent / "data"
OBSERVATIONS = sorted(DATA.glob("dithered_*.yaml"))


def read_text(text, tmp_path, read=read_blocks):
    path = tmp_path / "file.yaml"
    path.write_text(text)
    return read(path)


@pytest.mark.parametrize("path", OBSERVATIONS, ids=lambda path: path.stem)
def test_observations_are_read_and_written_as_they_were(path, tmp_path):
    blocks = read_blocks(path)
    assert len(blocks) == (14 if path.stem == "dithered_ini" else 15)
    copy = write_blocks(tmp_path / "copy.yaml", blocks)
    assert copy.read_bytes() == path.read_bytes()


def test_content():
    blocks = read_blocks(DATA / "dithered_v5_h2rg.yaml")
    assert blocks[0].id == "_4006361"
    assert blocks[0].frames[2] == "0004006369-20231119-EMIR-STARE_IMAGE.fits"
    assert blocks[0].requirements == StareRequirements(reprojection_method="interp")
    assert not blocks[0].enabled
    assert blocks[-1].children == tuple(block.id for block in blocks[:-1])
    assert blocks[-1].requirements == DitherRequirements(
        iterations=1, sky_images=6, refine_offsets=True, adhoc_sky_correction_h2rg=True
    )


STARE = "instrument: EMIR\nmode: STARE_IMAGE\nframes: [a.fits]\n"


def test_free_forms(tmp_path):
    (block,) = read_text(
        "\ufeff%YAML 1.1\n---\nid: 7\r\ninstrument: EMIR\nmode: STARE_IMAGE\n"
        "images:\n- a.fits\n- b.fits\nrequirements:\nchildren:\nparent: 012\n"
        "labels: {night: 2018-12-17, n: [1, 2]}\npipeline: default\n...\n",
        tmp_path,
    )
    assert block.id == "7"
    assert block.frames == ("a.fits", "b.fits")
    assert block.requirements == StareRequirements()
    assert block.enabled
    assert block.parent == "012"
    assert block.labels == {"night": "2018-12-17", "n": [1, 2]}


def test_numbers_as_identifiers_keep_their_digits(tmp_path):
    blocks = read_text(
        f"id: 0001237553\n{STARE}---\nid: 12\n{STARE}---\nid: c\ninstrument: EMIR\n"
        "mode: FULL_DITHERED_IMAGE\nchildren: [0001237553, '12']\n",
        tmp_path,
    )
    assert [block.id for block in blocks] == ["0001237553", "12", "c"]
    assert blocks[2].children == ("0001237553", "12")


def test_children_of_other_files(tmp_path):
    text = "id: c\ninstrument: EMIR\nmode: FULL_DITHERED_IMAGE\nchildren: [_1]\n"
    with pytest.raises(InputError, match="no block has the id '_1'"):
        read_text(text, tmp_path)
    assert read_blocks(tmp_path / "file.yaml", known={"_1"})[0].children == ("_1",)


def test_names_that_need_quotes(tmp_path):
    blocks = [
        ObservationBlock(
            id=name,
            instrument="EMIR",
            mode="STARE_IMAGE",
            frames=("#a.fits", "a: b.fits", "true", "12"),
            labels={"x": ["y: z"]},
            pipeline="null",
            parent="1_000",
        )
        for name in ("yes", "null", "- x", "0x10", "caf\u00e9", "{a}", "*a", "1.5", "'")
    ]
    path = write_blocks(tmp_path / "blocks.yaml", blocks)
    assert read_blocks(path) == blocks


def test_write_every_requirement(tmp_path):
    block = ObservationBlock(
        id="c",
        instrument="EMIR",
        mode="FULL_DITHERED_IMAGE",
        children=["_1"],
        requirements={
            "iterations": 2, "sky_images": 6, "sky_images_sep_time": 7.5, "offsets": None,
            "refine_offsets": True, "fit_doughnut": True, "extinction": 0.08,
            "method": "sigmaclip", "method_kwargs": {"low": 2.5, "high": 4},
            "nside_adhoc_sky_correction": 0, "adhoc_sky_correction_h2rg": True,
        },
    )  # fmt: skip
    path = write_blocks(tmp_path / "blocks.yaml", [block])
    (again,) = read_blocks(path, known=["_1"])
    assert again == block
    assert again.requirements.model_fields_set == block.requirements.model_fields_set


def test_blocks_are_not_replaced(tmp_path):
    path = tmp_path / "blocks.yaml"
    path.write_text("mine")
    with pytest.raises(InputError, match="exists already"):
        write_blocks(path, [])
    write_blocks(path, read_blocks(OBSERVATIONS[0]), overwrite=True)
    assert path.read_bytes() == OBSERVATIONS[0].read_bytes()


LIST = [f"00018775{n}-20181217-EMIR-STARE_IMAGE.fits" for n in range(10, 16)]


@pytest.mark.parametrize("path", [DATA / "dithered_ini.yaml", DATA / "dithered_v0.yaml"])
def test_the_tutorial_is_generated(path):
    frames = [name for block in read_blocks(path) for name in block.frames]
    step = 0 if path.stem == "dithered_ini" else 1
    blocks = generate_blocks(frames, step=step, repeat=1, obsid_combined="combined_v0")
    assert format_blocks(blocks) == path.read_text()


def test_generate_options():
    blocks = generate_blocks(LIST, step=1, repeat=3, reprojection="exact")
    assert [block.id for block in blocks] == ["_0001877510", "_0001877513", "_combined"]
    assert blocks[1].frames == tuple(LIST[3:])
    assert blocks[1].requirements.reprojection_method == "exact"
    assert [block.enabled for block in blocks] == [False, False, True]
    assert blocks[2].children == ("_0001877510", "_0001877513")


def test_list_lines():
    lines = ["# a comment", "@ another", "", "a.fits and words\n", "  b.fits\r\n", "short"]
    blocks = generate_blocks(lines, step=0)
    assert [block.frames for block in blocks] == [("a.fits",), ("b.fits",), ("short",)]
    assert [block.id for block in blocks] == ["_a.fits", "_b.fits", "_short"]


@pytest.mark.parametrize(
    ("lines", "options", "words"),
    [
        ([], {}, "has 0 files"),
        (LIST, {"repeat": 4}, r"has 6 files; a multiple of repeat \(4\)"),
        (LIST, {"repeat": 0}, "repeat must be 1 or more"),
        (["data/a.fits"], {}, "leads out of its directory"),
        (["0123456789a.fits", "0123456789b.fits"], {}, "would get the id '_0123456789'"),
        (LIST, {"reprojection": "linear"}, "found 'linear'"),
        (LIST, {"step": 1, "obsid_combined": "../x"}, "leads out of its directory"),
    ],
)
def test_unusable_lists(lines, options, words):
    with pytest.raises(InputError, match=words):
        generate_blocks(lines, **{"step": 0, **options})


def write_night(directory, places, *, repeats, minute=0, **keywords):
    """Write the exposures of a dither pattern; the file names do not follow the time."""
    number = minute
    for place in range(places):
        for repeat in range(repeats):
            write_exposure(
                directory / f"{9999999999 - number}.fits",
                OBSBLOCK=place // 7 + 1,
                IMGOBBL=place % 7 + 1,
                NIMGOBBL=min(7, places - place // 7 * 7),
                NEXP=repeats,
                EXP=repeat + 1,
                DATE_OBS=f"2018-12-17T22:{number:02d}:00.00",
                **keywords,
            )
            number += 1


def test_generate_from_headers(tmp_path):
    write_night(tmp_path, 9, repeats=2)
    blocks = generate_from_headers(tmp_path, reprojection="none")
    assert len(blocks) == 9
    assert blocks[0].frames == ("9999999999.fits", "9999999998.fits")
    assert blocks[8].id == "_9999999983"
    assert all(block.enabled for block in blocks)
    assert blocks[0].requirements.reprojection_method == "none"
    combined = generate_from_headers(tmp_path, step=1, obsid_combined="all")
    assert len(combined) == 10
    assert combined[9].id == "_all"
    assert combined[9].children == tuple(block.id for block in blocks)
    assert [block.enabled for block in combined] == [False] * 9 + [True]


def test_generate_from_headers_of_several_sequences(tmp_path):
    write_night(tmp_path, 3, repeats=1, OBJECT="M 31/a")
    write_night(tmp_path, 2, repeats=3, minute=20, FILTER="H", OBJECT="M 31/a")
    write_night(tmp_path, 1, repeats=1, minute=40, OBJECT="M 31/a", READMODE="CDS")
    blocks = generate_from_headers(tmp_path, step=1)
    combined = [block for block in blocks if block.mode == "FULL_DITHERED_IMAGE"]
    assert [(block.id, len(block.children)) for block in combined] == [
        ("_combined_M31a_F1230", 3), ("_combined_M31a_H", 2), ("_combined_M31a_F1230_2", 1),
    ]  # fmt: skip
    path = write_blocks(tmp_path / "blocks.yaml", blocks)
    assert read_blocks(path) == blocks


def test_incomplete_positions_are_reported(tmp_path):
    write_night(tmp_path, 2, repeats=2)
    (tmp_path / "9999999996.fits").unlink()
    with pytest.warns(MetadataWarning, match="NEXP is 2, but 1 exposure was found"):
        blocks = generate_from_headers(tmp_path)
    assert [len(block.frames) for block in blocks] == [2, 1]


def test_incomplete_patterns_are_reported(tmp_path):
    write_night(tmp_path, 3, repeats=2)
    for number in (9999999996, 9999999997):
        (tmp_path / f"{number}.fits").unlink()
    with pytest.warns(MetadataWarning, match=r"2 of the 3 positions \(NIMGOBBL\) of OBSBLOCK 1 "):
        blocks = generate_from_headers(tmp_path)
    assert len(blocks) == 2


@pytest.mark.parametrize("mode", ["DARK", "DOME_FLAT", "ARC_LAMPS", "SIMPLE_BIAS"])
def test_raw_calibrations_are_passed_over(tmp_path, mode):
    write_night(tmp_path, 2, repeats=1)
    write_exposure(tmp_path / "calibration.fits", OBSMODE=mode)
    assert len(generate_from_headers(tmp_path)) == 2
    with pytest.raises(InputError, match=rf"a calibration \(OBSMODE is '{mode}'\)"):
        generate_from_headers(tmp_path / "calibration.fits")


def test_a_repeated_pattern_is_not_a_repeated_exposure(tmp_path):
    for minute in range(3):
        start = f"2018-12-17T22:0{minute}:00.00"
        write_exposure(tmp_path / f"{minute}.fits", DATE_OBS=start, NIMGOBBL=1)
    assert [block.frames for block in generate_from_headers(tmp_path)] == [
        ("0.fits",), ("1.fits",), ("2.fits",),
    ]  # fmt: skip


TAGS = {"grism": "OPEN", "filter": "J"}


def test_control():
    control = read_control(DATA / "control.yaml")
    assert control.root == DATA / "data"
    for detector, mask, flat in (
        (HAWAII2, "master_bpm.fits", "master_flat_spec.fits"),
        (H2RG, "master_bpm_zeros.fits", "master_flat_spec_H2RG.fits"),
    ):
        chosen = [
            control.choose(kind, detector, TAGS)
            for kind in ("MasterBadPixelMask", "MasterDark", "MasterIntensityFlat", "MasterBias")
        ]
        assert chosen == [
            control.root / mask,
            control.root / "master_dark_zeros.fits",
            control.root / flat,
            None,
        ]
        assert control.defaults("FULL_DITHERED_IMAGE", detector, TAGS) == {}


def test_the_first_entry_that_agrees_is_chosen(tmp_path):
    control = read_text(
        "products:\n  EMIR:\n"
        "  - {id: 1, type: MasterIntensityFlat, tags: {filter: H}, content: h.fits}\n"
        "  - {id: 2, type: MasterIntensityFlat, tags: {filter: J, grism: OPEN}, content: j.fits}\n"
        "  - {id: 3, type: MasterIntensityFlat, tags: {filter: J}, content: late.fits}\n"
        "  - {id: 4, type: MasterBias, tags: {n: 3}, content: sub/bias.fits}\n"
        "  - {id: 5, type: MasterDark, tags:, content: dark.fits}\n"
        "  MEGARA: whatever\n",
        tmp_path,
        read_control,
    )
    for detector in (HAWAII2, H2RG):  # the older form does not tell them apart
        assert control.choose("MasterIntensityFlat", detector, TAGS).name == "j.fits"
        assert control.choose("MasterDark", detector, {}).name == "dark.fits"
    flat = {"filter": " J ", "grism": "X"}
    assert control.choose("MasterIntensityFlat", H2RG, flat).name == "late.fits"
    assert control.choose("MasterIntensityFlat", H2RG, {}) is None
    assert control.choose("MasterBias", H2RG, {"n": 3}) == tmp_path / "data" / "sub" / "bias.fits"


@pytest.mark.parametrize(("root", "found"), [("calib", "calib"), ("/calib", "/calib")])
def test_rootdir(tmp_path, root, found):
    control = read_text(f"version: 1\nrootdir: {root}\n", tmp_path, read_control)
    assert control.root == tmp_path / found


def test_requirements_of_a_control_file(tmp_path):
    text = (DATA / "control.yaml").read_text()
    entries = (
        "name: 'offsets', tags: {filter: J}, content: 'j.txt'}\n"
        "        - {name: 'extinction', tags: {}, content: 0.1"
    )
    text = text.replace("name: 'x_offsets', tags: {}, content: 'ref_object_pos.txt'", entries, 1)
    control = read_text(text, tmp_path, read_control)
    mode = "FULL_DITHERED_IMAGE"
    assert control.defaults(mode, HAWAII2, TAGS) == {"offsets": "j.txt", "extinction": 0.1}
    assert control.defaults(mode, HAWAII2, {}) == {"extinction": 0.1}
    assert control.defaults(mode, H2RG, TAGS) == {}
    assert control.defaults("STARE_IMAGE", HAWAII2, TAGS) == {}
    assert control.defaults(mode, HAWAII2, TAGS, pipeline="other") == {}


def test_control_without_anything(tmp_path):
    for text in ("version: 1\n", "products:\n", "products: {EMIR: }\nrequirements: {}\n"):
        assert read_text(text, tmp_path, read_control).calibrations == ()
