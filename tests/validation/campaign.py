"""Simulate a scene, reduce it by one road or the other, score the mosaic, clean up."""

import json
import os
import shutil
import subprocess
import sys
import time
import traceback
import warnings
from pathlib import Path

import click

from emirimg import DitherReducer
from emirimg.exceptions import EmirimgError, EmirimgWarning
from emirimg.instrument import H2RG
from emirimg.io import read_calibrations
from emirimg.simulation import SCENES, ScoredImage, Truth, score, write_tutorial

SEEDS = {"tutorial": (1, 2, 3)}
"""Seeds of the scenes that are observed more than once; the others have 1."""

RUNS = [(name, seed) for name in SCENES for seed in SEEDS.get(name, (1,))]
"""Scenes and their seeds, in the order of the table."""

NUMINA = "NUMINA"
"""Environment variable with the path of the command ``numina``; without it PyEmir is not run."""

AFTER_EMIRIMG = "after emirimg"
"""Added to the name of a recipe of PyEmir whose frames emirimg has calibrated."""


class Campaign:
    """Results in one directory; what is there already is not done again.

    Parameters
    ----------
    directory : path
        Gets a JSON file for each result, and a tree of exposures at a time.
    keep : bool
        Whether trees stay.
    first_step : {"numina", "emirimg"}
        Who reduces the single exposures that PyEmir then combines:
        ``emirimg run`` does the same ten times as fast.
    """

    def __init__(self, directory, *, keep=False, first_step="numina"):
        self.directory = Path(directory)
        self.keep = keep
        self.first_step = first_step
        self.directory.mkdir(parents=True, exist_ok=True)

    def result(self, name, make):
        """Return the result of that name, made when it is not there."""
        path = self.directory / f"{name}.json"
        if not path.exists():
            click.echo(f"{time.strftime('%H:%M:%S')} {name}")
            part = path.with_suffix(".part")
            part.write_text(json.dumps(make(), indent=1))
            part.rename(path)
        return json.loads(path.read_text())

    def has(self, *names):
        return all((self.directory / f"{name}.json").exists() for name in names)

    def roads(self, detector):
        """Return what reduces a tree by each road, by its name."""
        roads = {"emirimg": reduce_and_score}
        if numina := os.environ.get(NUMINA):
            versions = ("v5_h2rg",) if detector == H2RG.name else ("v5", "v6")
            label = "" if self.first_step == "numina" else f" {AFTER_EMIRIMG}"
            for version in versions:
                roads[version + label] = _Legacy(numina, version, self.first_step)
        return roads

    def scene(self, name, seed, scene=None, only=None):
        """Reduce a scene by all roads, or only some of them, and return the result of each."""
        roads = self.roads((scene or SCENES[name]).detector)
        keys = {
            road: f"{name}-{seed}-{road.replace(' ', '-')}"
            for road in roads
            if only is None or road.split()[0] in only
        }
        tree = self.directory / f"tree-{name}-{seed}"
        if not self.has(*keys.values()) and not (tree / "control.yaml").exists():
            write_tutorial(tree, (scene or SCENES[name]).replace(seed=seed), overwrite=True)
        results = {
            road: self.result(key, lambda road=road: attempt(roads[road], tree))
            for road, key in keys.items()
        }
        if not self.keep:
            shutil.rmtree(tree, ignore_errors=True)
        return results


def attempt(make, tree):
    """Return what was made, or how it failed: one failure does not end a campaign."""
    start = time.process_time()
    try:
        result = make(tree)
    except (EmirimgError, subprocess.SubprocessError, ValueError, IndexError) as error:
        return {"failed": f"{type(error).__name__}: {error}", "trace": traceback.format_exc()}
    return {**result, "cpu": round(time.process_time() - start, 1)}


def reduce_and_score(tree, *, perfect=True, unrejected=None, keep=None, **strategies):
    """Reduce the exposures of a tree by the modern road, and score the mosaic."""
    tree = Path(tree)
    truth = Truth.read(tree)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", EmirimgWarning)  # they are in the result
        result = DitherReducer(calibrations=calibrations_of(tree), **strategies).reduce(
            exposures_of(tree)
        )
    if keep is not None:
        result.write(keep, overwrite=True)
    image = ScoredImage.from_mosaic(result.mosaic)
    notes = list(result.warnings)
    del result
    return {
        **score(image, truth, perfect=perfect, unrejected=unrejected).to_dict(),
        "warnings": notes,
    }


def exposures_of(tree):
    return sorted((Path(tree) / "data").glob("*-EMIR-STARE_IMAGE.fits"))


def calibrations_of(tree):
    data = Path(tree) / "data"
    h2rg = Truth.read(tree).scene.detector == H2RG.name
    return read_calibrations(
        bad_pixels=data / ("master_bpm_zeros.fits" if h2rg else "master_bpm.fits"),
        dark=data / "master_dark_zeros.fits",
        flat=data / ("master_flat_spec_H2RG.fits" if h2rg else "master_flat_spec.fits"),
    )


class _Legacy:
    """A recipe of PyEmir, run by the command numina in the tree itself."""

    def __init__(self, numina, version, first_step):
        self.numina = [numina]
        self.version = version
        emirimg = [sys.executable, "-c", "from emirimg.cli import main; main()"]
        self.first = emirimg if first_step == "emirimg" else self.numina

    def __call__(self, tree):
        if not list(tree.glob("obsid*_work")):
            _run(self.first, tree, "dithered_ini.yaml")
        _run(self.numina, tree, f"dithered_{self.version}.yaml")
        results = tree / f"obsid_combined_{self.version}_results"
        image = ScoredImage.read(results / "reduced_image.fits")
        shutil.rmtree(tree / f"obsid_combined_{self.version}_work")
        shutil.rmtree(results)
        return score(image, Truth.read(tree), perfect=False).to_dict()


def _run(command, tree, observation):
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "MPLBACKEND": "agg"}
    if command[0] != sys.executable:
        environment.pop("PYTHONPATH", None)
    command = [*command, "run", observation, "--link-files", "-r", "control.yaml"]
    try:
        subprocess.run(command, cwd=tree, env=environment, check=True, capture_output=True)
    except subprocess.CalledProcessError as error:
        said = error.stderr.decode(errors="replace").strip().splitlines()
        msg = f"{error} {said[-1] if said else ''}"
        raise subprocess.SubprocessError(msg) from error
