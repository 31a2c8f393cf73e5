"""A simulated night that two programs reduce in directories of their own."""

import os
import shutil
import subprocess
import sys
import time

from comparison import compare_mosaics, compare_positions

from emirimg.io import find_image
from emirimg.simulation import Scene, write_tutorial

N_EXPOSURES = {
    detector: int(os.environ.get("EMIRIMG_INTEROP_EXPOSURES", number))
    for detector, number in (("HAWAII-2", "3"), ("H2RG", "2"))
}
SEED = 2
"""With some others, numina gives up the refinement of the offsets, and says so only in its log;
then there is nothing to compare."""
EMIRIMG = [sys.executable, "-c", "from emirimg.cli import main; main()"]
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1", "MPLBACKEND": "agg"}

STARE_RMS, STARE_MASK = 0.1, 0.999
VERSIONS = {"v0": 0.1, "v1": 0.1, "v2": 0.1, "v3": 0.1, "v4": 0.2, "v5": 0.2, "v6": 0.2}
"""For each combination, the largest rms difference in units of the noise."""
LEAST_MAP = 0.995
WITH_OBJECTS = 0.3
"""Where objects are masked, the part of the exposures from which pixels are compared."""


class Tree:
    """A simulated night, and the directories in which it is reduced."""

    def __init__(self, base, numina, detector):
        self.source = base / "source"
        self.commands = {"numina": [numina], "emirimg": EMIRIMG}
        scene = Scene(n_exposures=N_EXPOSURES[detector], detector=detector, seed=SEED)
        write_tutorial(self.source, scene)
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

    def step_1(self):
        """Let both reduce all exposures, and remember how long it took."""
        self.times = {name: self.run(name, "dithered_ini.yaml") for name in self.commands}
        return self

    def blocks_of_step_1(self):
        texts = (self.source / "dithered_ini.yaml").read_text().split("---\n")
        return [text.splitlines()[0].removeprefix("id: ") for text in texts]

    def image(self, program, block):
        return find_image(self.source.with_name(program) / f"obsid{block}_results")


def note_times(note, name, times):
    ratio = times["numina"] / times["emirimg"]
    seconds = ", ".join(f"{program} {spent:.1f} s" for program, spent in times.items())
    note(f"{name:40s} {seconds}: {ratio:.1f}")


def assert_positions_agree(note, name, ours, theirs):
    agreement = compare_positions(ours, theirs)
    note(f"{name:40s} {agreement}")
    assert agreement.same_grid
    assert agreement.rms < STARE_RMS
    assert agreement.same > STARE_MASK


def assert_step_1_agrees(note, name, tree):
    note_times(note, f"step 1, {name}", tree.times)
    for block in tree.blocks_of_step_1():
        images = [tree.image(program, block) for program in ("emirimg", "numina")]
        assert_positions_agree(note, f"{name} {block}", *images)


def assert_mosaics_agree(note, name, ours, theirs, version):
    covered = WITH_OBJECTS if version in ("v4", "v5", "v6") else 0.0
    agreement = compare_mosaics(ours, theirs, least_covered=covered)
    note(f"{name:40s} {agreement}")
    assert agreement.same_grid
    assert agreement.rms < VERSIONS[version]
    assert agreement.same > LEAST_MAP


def assert_step_2_agrees(note, name, tree, file, block, version):
    note_times(note, name, {who: tree.run(who, file) for who in ("numina", "emirimg")})
    log = tree.source.with_name("numina") / f"obsid{block}_results" / "processing.log"
    # Else the offsets are not those that were asked for.
    assert "Error during cross-correlation" not in log.read_text(), "take another SEED"
    ours, theirs = (tree.image(who, block) for who in ("emirimg", "numina"))
    assert_mosaics_agree(note, name, ours, theirs, version)
