"""``emirimg generate-yaml``: the blocks of a dithered sequence."""

import pytest

from emirimg.io import read_blocks

NAMES = [f"{number:010}-20181217-EMIR-STARE_IMAGE.fits" for number in range(1877553, 1877559)]


@pytest.fixture
def names(tmp_path):
    path = tmp_path / "list.txt"
    path.write_text("".join(f"{name}\n" for name in ["# comment", "@ other", *NAMES]))
    return path


def test_step_0(emirimg, names, tmp_path):
    result = emirimg("generate-yaml", names, "--step", 0, "--outfile", tmp_path / "a.yaml")
    assert result.exit_code == 0
    assert result.output.endswith("a.yaml: 6 blocks\n")
    assert (tmp_path / "a.yaml").read_text().split("---\n")[0] == (
        "id: _0001877553\ninstrument: EMIR\nmode: STARE_IMAGE\nframes:\n"
        f" - {NAMES[0]}\nrequirements:\n  reprojection_method: interp\nenabled: True\n"
    )
    assert len(read_blocks(tmp_path / "a.yaml")) == 6


def test_step_1(emirimg, names, tmp_path):
    result = emirimg(
        "generate-yaml", names, "--step", 1, "--repeat", 3, "--reprojection", "exact",
        "--obsid_combined", "combined_v0", "--outfile", tmp_path / "a.yaml", "--echo",
    )  # fmt: skip
    assert result.exit_code == 0
    assert result.output.startswith("Executing: ")
    first, _, combined = read_blocks(tmp_path / "a.yaml")
    assert (first.enabled, combined.enabled) == (False, True)
    assert first.frames == tuple(NAMES[:3])
    assert first.requirements.reprojection_method == "exact"
    assert combined.id == "_combined_v0"
    assert combined.children == ("_0001877553", "_0001877556")


@pytest.mark.parametrize("step", [0, 1])
def test_from_headers(emirimg, tree, tmp_path, step):
    result = emirimg(
        "generate-yaml", "--from-headers", tree.exposures[0].parents[1], "--step", step,
        "--outfile", tmp_path / "a.yaml",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    blocks = read_blocks(tmp_path / "a.yaml")
    assert len(blocks) == 4 + step
    assert {name for block in blocks for name in block.frames} == {
        path.name for path in tree.exposures
    }


def test_an_existing_file_stays(emirimg, names, tmp_path):
    (tmp_path / "a.yaml").write_text("mine")
    result = emirimg("generate-yaml", names, "--step", 0, "--outfile", tmp_path / "a.yaml")
    assert result.exit_code == 1
    assert "a.yaml exists already" in result.stderr
    assert (tmp_path / "a.yaml").read_text() == "mine"


@pytest.mark.parametrize(
    ("text", "message"),
    [(b"", "the list has 0 files"), (b"\xff\xfe", "is not a text file"), (b"a/b.fits", "leads")],
)
def test_bad_list(emirimg, tmp_path, text, message):
    (tmp_path / "list.txt").write_bytes(text)
    result = emirimg(
        "generate-yaml", tmp_path / "list.txt", "--step", 0, "--outfile", tmp_path / "a.yaml"
    )
    assert result.exit_code == 1
    assert message in result.stderr
    assert not (tmp_path / "a.yaml").exists()


def test_list_or_headers(emirimg, names, tmp_path):
    options = ["--step", 0, "--outfile", tmp_path / "a.yaml"]
    assert emirimg("generate-yaml", *options).exit_code == 2
    assert emirimg("generate-yaml", names, "--from-headers", tmp_path, *options).exit_code == 2
    result = emirimg("generate-yaml", "--from-headers", tmp_path, "--repeat", 2, *options)
    assert result.exit_code == 2
