"""``emirimg simulate``, ``demo``, ``score`` and ``info``."""

from types import SimpleNamespace

import pytest

from emirimg.cli import _run
from emirimg.cli._options import SCENE_NAMES
from emirimg.simulation import SCENES, Truth


def test_simulate_writes_a_tree(small, emirimg, tmp_path):
    result = emirimg("simulate", tmp_path / "new", "-n", 2, "--seed", 7)
    assert result.exit_code == 0, result.stderr
    assert small == {"scene": "tutorial", "seed": 7, "n_exposures": 2}
    assert Truth.read(tmp_path / "new").scene.seed == 7
    assert "emirimg reduce" in result.output


@pytest.mark.parametrize(
    ("option", "name", "value"),
    [
        (("--seed", 5), "seed", 5),
        (("--exposures", 3), "n_exposures", 3),
        (("--detector", "h2rg"), "detector", "H2RG"),
        (("--repeats", 2), "repeats", 2),
        (("--scene", "clouds"), "scene", "clouds"),
    ],
)
def test_options_reach_the_scene(option, name, value, small, emirimg, tmp_path, monkeypatch):
    monkeypatch.setattr(_run, "write_tutorial", lambda *_, **__: SimpleNamespace(exposures=()))
    assert emirimg("simulate", tmp_path / "new", *option).exit_code == 0
    assert small[name] == value


def test_every_scene_is_offered():
    assert tuple(SCENES) == SCENE_NAMES


@pytest.mark.usefixtures("small")
def test_simulate_keeps_what_is_there(emirimg, tmp_path):
    (tmp_path / "mine").touch()
    result = emirimg("simulate", tmp_path)
    assert result.exit_code == 1
    assert f"{tmp_path}: not an empty directory" in result.stderr


def test_impossible_option_is_a_usage_error(emirimg, tmp_path):
    assert emirimg("simulate", tmp_path, "-n", 0).exit_code == 2


@pytest.mark.usefixtures("small")
def test_demo_goes_the_whole_road(emirimg, tmp_path):
    result = emirimg("demo", tmp_path / "demo", "-n", 4)
    assert result.exit_code == 0, result.stderr
    assert (tmp_path / "demo" / "results" / "mosaic.png").exists()
    assert "FWHM of stars" in result.output
    assert str(tmp_path / "demo" / "results" / "mosaic.png") in result.output
    again = emirimg("demo", tmp_path / "demo")
    assert again.exit_code == 1
    assert "not an empty directory" in again.stderr


def test_score_refuses_what_is_no_truth(tree, emirimg, tmp_path):
    result = emirimg("score", tree.exposures[0], tmp_path)
    assert result.exit_code == 1
    assert "emirimg: error:" in result.stderr


def test_info_is_a_table(tree, emirimg):
    result = emirimg("info", tree.root)
    assert result.exit_code == 0
    lines = result.output.splitlines()
    assert "OBJECT" in lines[0]
    assert lines[1].startswith("---")
    assert [path.name in line for path, line in zip(tree.exposures, lines[2:], strict=True)] == [
        True
    ] * len(tree.exposures)


def test_info_names_a_file_that_is_none(emirimg, tmp_path):
    (tmp_path / "notes.fits").write_text("no FITS file")
    result = emirimg("info", tmp_path / "notes.fits")
    assert result.exit_code == 1
    assert "notes.fits" in result.stderr
