"""Validate the package on simulated scenes: ``python tests/validation/run.py --help``."""

import argparse
import json
import shutil
from pathlib import Path

import click
from ablation import ABLATION_SCENES, FIGURES_SHOWN, ablation, alternatives
from campaign import AFTER_EMIRIMG, RUNS, Campaign
from montecarlo import monte_carlo
from tables import ablation_table, errors_table, figures_table, grid, missed, scenes_table

from emirimg.simulation import SCENES

ENDINGS = ("", f"-{AFTER_EMIRIMG}".replace(" ", "-"))
ROADS = ("emirimg", "v5", "v6", "v5_h2rg")
PARTS = ("scenes", "montecarlo", "ablation")


def main():
    parser = argparse.ArgumentParser(
        description="Reduce simulated scenes, score them, and write validation.rst. What an"
        " earlier run has left in the directory is not done again. PyEmir is run beside"
        " emirimg when the environment variable NUMINA names the command numina."
    )
    parser.add_argument("directory", type=Path, help="where the results go")
    parser.add_argument("--part", choices=PARTS, action="append", help="only this part")
    parser.add_argument("--scene", choices=list(SCENES), action="append", help="only this scene")
    parser.add_argument("--ablate", action="append", help="only this ablation, such as sky=None")
    parser.add_argument("--realisations", type=int, default=32, help="of the Monte-Carlo check")
    parser.add_argument("--seed", type=int, action="append", help="only scenes of this seed")
    parser.add_argument("--road", choices=ROADS, action="append", help="only this road")
    parser.add_argument(
        "--first-step", choices=("numina", "emirimg"), default="numina",
        help="who reduces the single exposures for PyEmir; emirimg does it faster",
    )  # fmt: skip
    parser.add_argument(
        "--tables", type=Path, metavar="DIR",
        help="run nothing, write the tables of the documentation from what is there",
    )  # fmt: skip
    parser.add_argument("--keep", action="store_true", help="keep the exposures")
    options = parser.parse_args()
    if options.tables:
        write_tables(options.directory, options.tables)
        return
    parts = options.part or PARTS
    campaign = Campaign(options.directory, keep=options.keep, first_step=options.first_step)
    text = []
    if "scenes" in parts:
        text += scenes(campaign, options)
    if "montecarlo" in parts:
        text.append(errors(campaign, options.realisations))
    if "ablation" in parts:
        for name in options.scene or ABLATION_SCENES:
            if name in ABLATION_SCENES:
                text.append(bring(campaign, name, options.ablate))
    (campaign.directory / "validation.rst").write_text("\n".join(text))
    click.echo("\n".join(text))


def scenes(campaign, options):
    runs = [
        (name, seed)
        for name, seed in RUNS
        if name in (options.scene or SCENES) and seed in (options.seed or (seed,))
    ]
    text, summary = [], []
    for name, seed in runs:
        results = campaign.scene(name, seed, only=options.road)
        text.append(figures_table(f"{name}, seed {seed}", results))
        ours = results.get("emirimg", {})
        state = ours.get("failed") or ", ".join(missed(ours)) or "none"
        summary.append([f"{name}, seed {seed}", state])
    return [grid("Goals that emirimg misses", ["scene", "missed"], summary), *text]


def errors(campaign, n_realisations):
    directory = campaign.directory / "tree-montecarlo"
    result = campaign.result(
        f"montecarlo-{n_realisations}",
        lambda: monte_carlo(directory, n_realisations=n_realisations),
    )
    shutil.rmtree(directory, ignore_errors=True)
    return errors_table(result, f"Scatter of {n_realisations} realisations over the noise claimed")


def bring(campaign, scene, only):
    results = ablation(campaign, scene, only)
    rows = []
    for name, result in results.items():
        values = result.get("values", {})
        cells = [values.get(figure) for figure in FIGURES_SHOWN]
        rows.append([name, *("-" if cell is None else f"{cell:.3f}" for cell in cells)])
    return grid(f"What each strategy brings: {scene}", ["instead", *FIGURES_SHOWN], rows)


def write_tables(directory, target):
    """Write the tables of results that are there, for the documentation to include."""
    found = {}
    for name, seed in RUNS:
        for road in ("emirimg", *(road + end for road in ROADS[1:] for end in ENDINGS)):
            path = directory / f"{name}-{seed}-{road}.json"
            if path.exists():
                found[name, seed, road] = json.loads(path.read_text())
    if found:
        (target / "scenes.inc").write_text(scenes_table(found))
    for path in directory.glob("montecarlo-*.json"):
        (target / "montecarlo.inc").write_text(errors_table(json.loads(path.read_text())))
    for scene in ABLATION_SCENES:
        results = {}
        for name in alternatives():
            path = directory / f"ablation-{scene}-{name.replace(' ', '-')}.json"
            if path.exists():
                results[name] = json.loads(path.read_text())
        if "all" in results:
            (target / f"ablation_{scene}.inc").write_text(ablation_table(results))


if __name__ == "__main__":
    main()
