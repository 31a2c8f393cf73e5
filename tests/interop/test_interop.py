"""The same files, reduced by numina with PyEmir and by emirimg.

The environment variable NUMINA names the command ``numina``, in an environment
of its own; EMIRIMG_INTEROP_EXPOSURES the number of exposures (default: 4), and
EMIRIMG_INTEROP_TREE a new directory in which everything is kept.
"""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from comparison import TABLE, compare_mosaics, compare_positions

from emirimg.io import find_image
from emirimg.simulation import Scene, write_tutorial

N_EXPOSURES = int(os.environ.get("EMIRIMG_INTEROP_EXPOSURES", "4"))
SEED = 2
"""With others, numina gives up the refinement of the offsets, and there is nothing to compare."""
EMIRIMG = [sys.executable, "-c", "from emirimg.cli import main; main()"]
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1", "MPLBACKEND": "agg"}

STARE_RMS, STARE_MASK = 0.1, 0.999
VERSIONS = {"v0": 0.1, "v1": 0.1, "v2": 0.1, "v3": 0.1, "v4": 0.2, "v5": 0.2, "v6": 0.2}
"""For each combination, the largest rms difference in units of the noise."""
LEAST_MAP = 0.995
WITH_OBJECTS = 0.3
"""Where objects are masked, the part of the exposures from which pixels are compared."""


class Tree:
    """A simulated night that two programs reduce in directories of their own."""

    def __init__(self, base, numina, detector):
        self.source = base / "source"
        self.commands = {"numina": [numina], "emirimg": EMIRIMG}
        write_tutorial(self.source, Scene(n_exposures=N_EXPOSURES, detector=detector, seed=SEED))
        for name in self.commands:
            self.copy(name)

    def copy(self, name, results_of=None):
        """Make a directory with the parameter files, and perhaps with results of step 1."""
        place = self.source.with_name(name)
        place.mkdir()
        for path in self.source.glob("*.yaml"):
            shutil.copy(path, place)
        (place / "data").symlink_to(self.source / "data")
        if results_of is not None:
            for path in self.source.with_name(results_of).glob("obsid_[0-9]*_results"):
                shutil.copytree(path, place / path.name)
        return place

    def run(self, program, file, place=None):
        """Let a program run a file, and return the seconds it took."""
        place = place or self.source.with_name(program)
        start = time.monotonic()
        command = [*self.commands[program], "run", file, "--link-files", "-r", "control.yaml"]
        done = subprocess.run(
            command, cwd=place, env=ENVIRONMENT, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
        return time.monotonic() - start

    def image(self, program, block):
        return find_image(self.source.with_name(program) / f"obsid{block}_results")


def make_tree(tmp_path_factory, numina, detector):
    kept = os.environ.get("EMIRIMG_INTEROP_TREE")
    if kept:
        base = Path(kept) / detector
        base.mkdir(parents=True)
    else:
        base = tmp_path_factory.mktemp(detector)
    tree = Tree(base, numina, detector)
    times = {program: tree.run(program, "dithered_ini.yaml") for program in tree.commands}
    note_times(f"step 1, {N_EXPOSURES} exposures, {detector}", times)
    return tree


@pytest.fixture(scope="session")
def hawaii2(tmp_path_factory, numina):
    return make_tree(tmp_path_factory, numina, "HAWAII-2")


@pytest.fixture(scope="session")
def h2rg(tmp_path_factory, numina):
    return make_tree(tmp_path_factory, numina, "H2RG")


def note(name, agreement):
    TABLE.append(f"{name:40s} {agreement}")


def note_times(name, times):
    ratio = times["numina"] / times["emirimg"]
    TABLE.append(
        f"{name:40s} numina {times['numina']:.1f} s, emirimg {times['emirimg']:.1f} s: {ratio:.1f}"
    )


def blocks_of_step_1(tree):
    places = sorted(tree.source.with_name("emirimg").glob("obsid_[0-9]*_results"))
    return [place.name.removeprefix("obsid").removesuffix("_results") for place in places]


def assert_refined(tree, block):
    """Check that numina has refined the offsets, if it was to."""
    log = tree.source.with_name("numina") / f"obsid{block}_results" / "processing.log"
    assert "Error during cross-correlation" not in log.read_text(), "take another SEED"


def assert_positions_agree(tree, name):
    for block in blocks_of_step_1(tree):
        agreement = compare_positions(*(tree.image(who, block) for who in ("emirimg", "numina")))
        note(f"{name} {block}", agreement)
        assert agreement.same_grid
        assert agreement.rms < STARE_RMS
        assert agreement.same > STARE_MASK


def assert_mosaics_agree(name, ours, theirs, version):
    covered = WITH_OBJECTS if version in ("v4", "v5", "v6") else 0.0
    agreement = compare_mosaics(ours, theirs, least_covered=covered)
    note(name, agreement)
    assert agreement.same_grid
    assert agreement.rms < VERSIONS[version]
    assert agreement.same > LEAST_MAP


def test_step_1(hawaii2):
    assert_positions_agree(hawaii2, "interp")


def test_step_1_of_the_h2rg(h2rg):
    assert_positions_agree(h2rg, "interp, H2RG")


@pytest.mark.parametrize("method", ["adaptive", "exact"])
def test_other_resampling(hawaii2, method):
    block = blocks_of_step_1(hawaii2)[0]
    text = (hawaii2.source / "dithered_ini.yaml").read_text().split("---\n")[0]
    images = []
    for program in ("emirimg", "numina"):
        place = hawaii2.copy(f"{program}_{method}")
        (place / "one.yaml").write_text(text.replace("interp", method))
        hawaii2.run(program, "one.yaml", place)
        images.append(find_image(place / f"obsid{block}_results"))
    agreement = compare_positions(*images)
    note(f"{method} {block}", agreement)
    assert agreement.same_grid
    assert agreement.rms < STARE_RMS
    assert agreement.same > STARE_MASK


@pytest.mark.parametrize("version", VERSIONS)
def test_step_2(hawaii2, version):
    file = f"dithered_{version}.yaml"
    times = {program: hawaii2.run(program, file) for program in ("numina", "emirimg")}
    note_times(version, times)
    assert_refined(hawaii2, f"_combined_{version}")
    ours, theirs = (hawaii2.image(who, f"_combined_{version}") for who in ("emirimg", "numina"))
    assert_mosaics_agree(version, ours, theirs, version)


def test_step_2_of_the_h2rg(h2rg):
    (file,) = (path.name for path in h2rg.source.glob("dithered_v5*.yaml"))
    times = {program: h2rg.run(program, file) for program in ("numina", "emirimg")}
    note_times("v5, H2RG", times)
    (block,) = {
        path.name.removeprefix("obsid").removesuffix("_results")
        for path in h2rg.source.with_name("emirimg").glob("obsid_combined*_results")
    }
    assert_refined(h2rg, block)
    ours, theirs = (h2rg.image(who, block) for who in ("emirimg", "numina"))
    assert_mosaics_agree("v5, H2RG", ours, theirs, "v5")


@pytest.mark.parametrize("version", ["v0", "v5"])
@pytest.mark.parametrize(("first", "second"), [("emirimg", "numina"), ("numina", "emirimg")])
def test_one_program_takes_over_from_the_other(hawaii2, version, first, second):
    place = hawaii2.copy(f"{second}_after_{first}_{version}", results_of=first)
    file, block = f"dithered_{version}.yaml", f"_combined_{version}"
    hawaii2.run(second, file, place)
    mixed = find_image(place / f"obsid{block}_results")
    for program in ("numina", "emirimg"):
        if not (hawaii2.source.with_name(program) / f"obsid{block}_results").exists():
            hawaii2.run(program, file)
        name = f"{version}: {second} after {first}, to {program}"
        assert_mosaics_agree(name, mixed, hawaii2.image(program, block), version)
