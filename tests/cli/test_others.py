"""``emirimg simulate``, ``demo``, ``score`` and ``info``."""

import json
import re
from types import SimpleNamespace

import numpy as np
import pytest
from astropy.io import fits

from emirimg.cli import _scenes
from emirimg.cli._options import SCENE_NAMES
from emirimg.io import write_mosaic
from emirimg.projection import MosaicGrid
from emirimg.simulation import SCENES, Truth, perfect_mosaic


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
    monkeypatch.setattr(_scenes, "write_tutorial", lambda *_, **__: SimpleNamespace(exposures=()))
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
    page = (tmp_path / "demo" / "results" / "report.html").read_text(encoding="utf-8")
    assert f"emirimg reduce {tmp_path}/demo/data -o {tmp_path}/demo/results</pre>" in page
    again = emirimg("demo", tmp_path / "demo")
    assert again.exit_code == 1
    assert "not an empty directory" in again.stderr


def test_score_refuses_what_is_no_truth(tree, emirimg, tmp_path):
    result = emirimg("score", tree.exposures[0], tmp_path)
    assert result.exit_code == 1
    assert "emirimg: error:" in result.stderr


def test_score_says_which_argument_is_missing(tree, emirimg):
    file = tree.exposures[0]
    for arguments, message in (
        ([], "Missing argument 'MOSAICS... TREE'"),
        ([file], f"TREE is missing: .* must come last, but {file} is a file"),
        ([tree.root], f"MOSAICS are missing: .* before the directory {tree.root}"),
        ([tree.root, tree.root], f"{tree.root} is a directory; a mosaic"),
    ):
        result = emirimg("score", *arguments)
        assert result.exit_code == 2
        assert re.search(message, " ".join(result.stderr.split()))


@pytest.fixture(scope="session")
def perfect(tree, tmp_path_factory):
    """Two files with the ideal stack of the tree."""
    truth = Truth.read(tree.root)
    wcss = [truth.wcs(index) for index in range(truth.scene.n_exposures)]
    grid = MosaicGrid.covering(wcss, [truth.scene.frame_shape] * len(wcss))
    mosaic = perfect_mosaic(truth, grid)
    directory = tmp_path_factory.mktemp("perfect")
    return [write_mosaic(directory / name, mosaic) for name in ("one.fits", "two.fits")]


def test_score_of_mosaics_side_by_side(tree, perfect, emirimg, tmp_path, monkeypatch):
    result = emirimg("score", *perfect, tree.root, "--json", tmp_path / "scores.json")
    assert result.exit_code == 0, result.stderr
    heading = next(line for line in result.output.splitlines() if "figure of merit" in line)
    assert heading.split()[3:] == ["one", "two", "perfect", "unit", "goal"]
    content = json.loads((tmp_path / "scores.json").read_text())
    one, two = content["mosaics"]
    assert one["mosaic"] == str(perfect[0])
    assert one["values"] == two["values"]
    assert one["perfect"]
    monkeypatch.setattr(_scenes, "score", None)  # nothing is measured in vain
    again = emirimg("score", perfect[0], tree.root, "--json", tmp_path / "scores.json")
    assert again.exit_code == 1
    assert "scores.json" in again.stderr


def test_score_takes_a_weight_map(tree, perfect, emirimg, tmp_path):
    with fits.open(perfect[0]) as hdus:
        fits.writeto(tmp_path / "plain.fits", hdus[0].data, hdus[0].header)
        fits.writeto(tmp_path / "weight.fits", 1 / np.maximum(4 * hdus["UNCERT"].data, 1e-3))
    scores = []
    for name, options in (("without", ()), ("with", ("--weight", tmp_path / "weight.fits"))):
        json_file = tmp_path / f"{name}.json"
        arguments = ("score", tmp_path / "plain.fits", tree.root, "--json", json_file, *options)
        assert emirimg(*arguments).exit_code == 0
        scores.append(json.loads(json_file.read_text())["mosaics"][0]["values"]["noise_claimed"])
    assert scores[0] is None
    assert scores[1] == pytest.approx(0.5, abs=0.05)
    refused = emirimg("score", *perfect, tree.root, "--weight", tmp_path / "weight.fits")
    assert refused.exit_code == 2
    assert "--weight is for one mosaic" in refused.stderr


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
