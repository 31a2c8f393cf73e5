"""The validation in small: what it measures is right, and it can be interrupted."""

import inspect
import json
import sys

import numpy as np
import pytest
from ablation import ABLATION_SCENES, ALTERNATIVES, alternatives
from campaign import RUNS, Campaign, attempt
from montecarlo import monte_carlo
from run import write_tables
from tables import ablation_table, brings, figures_table, missed, scenes_table

from emirimg import DitherReducer, Strategy
from emirimg.exceptions import InputError
from emirimg.io import write_mosaic
from emirimg.projection import MosaicGrid
from emirimg.simulation import SCENES, Scene, perfect_mosaic

SMALL = Scene(
    shape=(288, 288), n_exposures=5, dither_scale=0.25, n_stars=50, n_galaxies=3, faintest=2e3,
    seed=3,
)  # fmt: skip


def test_every_scene_is_run():
    assert {name for name, _ in RUNS} == set(SCENES)
    assert len([name for name, _ in RUNS if name == "tutorial"]) == 3


def test_campaign_goes_on_where_it_stopped(tmp_path, monkeypatch):
    monkeypatch.delenv("NUMINA", raising=False)
    campaign = Campaign(tmp_path)
    first = campaign.scene("small", 3, SMALL)
    assert set(first) == {"emirimg"}
    assert "failed" not in first["emirimg"]
    assert first["emirimg"]["values"]["fwhm_ratio"] == pytest.approx(1, abs=0.03)
    assert [path.name for path in tmp_path.iterdir()] == ["small-3-emirimg.json"]
    (tmp_path / "small-3-emirimg.json").write_text(json.dumps({"values": {}}))
    assert Campaign(tmp_path).scene("small", 3, SMALL)["emirimg"] == {"values": {}}


def test_pyemir_is_run_and_scored_where_it_is_named(tmp_path, monkeypatch):
    truth = SMALL.truth
    wcss = [truth.wcs(index) for index in range(SMALL.n_exposures)]
    grid = MosaicGrid.covering(wcss, [SMALL.frame_shape] * len(wcss))
    write_mosaic(tmp_path / "perfect.fits", perfect_mosaic(truth, grid))
    # Stands for numina: makes the directories, and the perfect mosaic as its result.
    numina = tmp_path / "numina"
    numina.write_text(
        f"""#!/bin/sh
test "$1 $3 $4 $5" = "run --link-files -r control.yaml" && test -f "$2" || exit 1
echo "$2" >> {tmp_path}/calls
name=$(basename "$2" .yaml | sed s/dithered/combined/)
mkdir "obsid_$name"_work "obsid_$name"_results
cp {tmp_path}/perfect.fits "obsid_$name"_results/reduced_image.fits
"""
    )
    numina.chmod(0o755)
    monkeypatch.setenv("NUMINA", str(numina))
    campaign = Campaign(tmp_path / "results")
    (campaign.directory / "small-3-emirimg.json").write_text("{}")
    found = campaign.scene("small", 3, SMALL)
    assert set(found) == {"emirimg", "v5", "v6"}
    for version in ("v5", "v6"):
        assert found[version]["values"]["fwhm_ratio"] == pytest.approx(1, abs=0.02)
    calls = (tmp_path / "calls").read_text().split()
    assert calls == ["dithered_ini.yaml", "dithered_v5.yaml", "dithered_v6.yaml"]
    (campaign.directory / "other-3-emirimg.json").write_text("{}")
    numina.write_text("#!/bin/sh\necho no stars >&2\nexit 3\n")
    failed = campaign.scene("other", 3, SMALL.replace(n_exposures=2))["v5"]
    assert "returned non-zero exit status 3. no stars" in failed["failed"]


def test_emirimg_may_do_the_first_step_for_pyemir(tmp_path, monkeypatch):
    monkeypatch.setenv("NUMINA", "/bin/numina")
    roads = Campaign(tmp_path, first_step="emirimg").roads("H2RG")
    assert list(roads) == ["emirimg", "v5_h2rg after emirimg"]
    assert roads["v5_h2rg after emirimg"].first[0] == sys.executable
    roads = Campaign(tmp_path).roads("HAWAII-2")
    assert list(roads) == ["emirimg", "v5", "v6"]
    assert roads["v5"].first == roads["v5"].numina == ["/bin/numina"]


def test_tables_of_the_documentation(tmp_path):
    good = {"values": {"fwhm_ratio": 1.0, "false_detections": 0.0}}
    bad = {"values": {"fwhm_ratio": 1.05, "false_detections": 108.0}}
    for name, result in {
        "tutorial-1-emirimg": good,
        "tutorial-1-v5-after-emirimg": bad,
        "ablation-tutorial-all": good,
        "ablation-tutorial-combiner=mean": bad,
        "montecarlo-4": {"pixels": 1.01, "bright": 1.5},
    }.items():
        (tmp_path / f"{name}.json").write_text(json.dumps(result))
    write_tables(tmp_path, tmp_path)
    scenes = (tmp_path / "scenes.inc").read_text()
    assert "* - tutorial 1\n     - emirimg\n     - 1.000\n" in scenes
    assert "     - v5*\n     - **1.050**\n" in scenes
    assert "     - **108**\n" in scenes
    ablated = (tmp_path / "ablation_tutorial.inc").read_text()
    assert "* - combiner=mean\n     - **1.050**\n" in ablated
    assert "     - 1.010\n     - 0.97 - 1.03\n" in (tmp_path / "montecarlo.inc").read_text()
    assert "flux kept" not in scenes_table({})


def test_scenes_beside_the_ideal_and_failures():
    ours = {"values": {"cells": 0.4}, "perfect": {"cells": 0.36}}
    failed = {"failed": "no stars"}
    text = scenes_table({("five", 1, "emirimg"): ours, ("five", 1, "v5-after-emirimg"): failed})
    assert "   * - five 1\n     - emirimg\n" in text
    assert "     - **0.40**\n" in text
    assert "   * - \n     - ideal stack\n" in text
    assert "     - 0.36\n" in text
    assert "     - v5* (failed)\n" in text


def test_what_a_strategy_brings():
    whole = {"fwhm_ratio": 1.001, "depth_loss": 0.0, "noise_claimed": 1.02, "purity": None}
    other = {"fwhm_ratio": 0.97, "depth_loss": 0.003, "noise_claimed": 0.995, "purity": 1.0}
    assert brings(other, whole) == (["fwhm_ratio"], ["noise_claimed"])
    table = ablation_table({"all": {"values": whole}, "passes=1": {"values": other}})
    assert "     - **0.970**\n" in table
    assert "     - *0.995*\n" in table


def test_scenes_of_the_ablation_are_small():
    assert {scene.frame_shape for scene in ABLATION_SCENES.values()} == {(1024, 1024)}


def test_failure_is_told(tmp_path):
    def fail(_):
        msg = "no stars"
        raise InputError(msg)

    result = attempt(fail, tmp_path)
    assert result["failed"] == "InputError: no stars"
    text = figures_table("scene", {"emirimg": result, "v5": {"values": {"cells": 2.5}}})
    assert "* emirimg failed: InputError: no stars" in text
    assert "**2.500**" in text
    assert missed({"values": {"cells": 2.5, "purity": 1.0}}) == ["cells"]


def test_errors_of_a_small_scene(tmp_path):
    said = []
    found = monte_carlo(tmp_path / "tree", n_realisations=4, scene=SMALL, progress=said.append)
    assert len(said) == 4
    assert found["pixels"] == pytest.approx(1, abs=0.1)
    assert found["apertures"] == pytest.approx(1, abs=0.2)
    assert np.isfinite(found["corrnois"])
    # Where the alignment counts, not the noise of a pixel.
    assert found["sources"] < found["bright"]


def test_realisations_differ_in_their_noise_only():
    first, second = (SMALL.replace(realisation=number) for number in (0, 1))
    np.testing.assert_array_equal(first.truth.catalogue["flux"], second.truth.catalogue["flux"])
    np.testing.assert_array_equal(first.truth.cosmic_rays(1), second.truth.cosmic_rays(1))
    difference = first.exposure(1).data - second.exposure(1).data
    expected = np.sqrt(2 * (float(first.truth.frames["sky"][1]) / 5 + 5.69**2))
    assert np.median(abs(difference)) / 0.6745 == pytest.approx(expected, rel=0.1)


def test_every_strategy_is_ablated():
    strategies = {
        name
        for name, parameter in inspect.signature(DitherReducer.__init__).parameters.items()
        if isinstance(parameter.default, Strategy)
    }
    changed = [next(iter(changes), "all") for changes in alternatives().values()]
    assert set(changed) == strategies | {"passes", "all"}
    assert set(ALTERNATIVES) <= strategies | {"passes"}
    for changes in alternatives().values():
        DitherReducer(**changes)
