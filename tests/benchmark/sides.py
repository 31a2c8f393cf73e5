"""Who does the work, and by which commands."""

import importlib.util
import os
import shutil
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path

from measuring import Command, Side, measure

NUMINA = "NUMINA"
"""Environment variable with the path of the command ``numina``; without it PyEmir is not run."""
MANY = 64
"""How many files a reduction of many exposures may have open."""
WORK = str(Path(__file__).with_name("work.py"))
EMIRIMG = (sys.executable, "-c", "from emirimg.cli import main; main()")
PYEMIR = "pyemir"
VERSIONS = ("v0", "v5", "v6")
_SWARP = (
    "-c", "/dev/null", "-SUBTRACT_BACK", "N", "-COMBINE_TYPE", "CLIPPED",
    "-RESAMPLING_TYPE", "LANCZOS3", "-WEIGHT_TYPE", "MAP_WEIGHT",
    "-WEIGHT_SUFFIX", ".weight.fits", "-NTHREADS", "2", "-VERBOSE_TYPE", "QUIET",
    "-WRITE_XML", "N",
)  # fmt: skip


class Place:
    """The directory of the benchmark, and what is worked on in it.

    Frames are made when they are first asked for, by other processes, so that
    this one stays small.
    """

    def __init__(self, directory, n_exposures=None):
        self.directory = Path(directory).absolute()
        self.n_exposures = n_exposures

    @property
    def tree(self):
        return self._made("tree", "simulate", "14")

    @property
    def many(self):
        return self._made(f"tree-{self.n_exposures}", "simulate", str(self.n_exposures))

    @property
    def frames(self):
        return self._made("frames", "frames", self.tree, last=True)

    def _made(self, name, work, argument, *, last=False):
        path = self.directory / name
        if not path.exists():
            part = path.with_name(f"{name}.part")
            arguments = (argument, part) if last else (part, argument)
            shutil.rmtree(part, ignore_errors=True)
            self.directory.mkdir(parents=True, exist_ok=True)
            command = (sys.executable, WORK, work, *map(str, arguments))
            measure(Command(command, self.directory))
            part.rename(path)
        return path

    @property
    def first_block(self):
        """The identifier of the first exposure."""
        text = (self.tree / "dithered_ini.yaml").read_text()
        return text.split("id: ", 1)[1].split(maxsplit=1)[0]

    def legacy(self, program):
        """Return a directory with the parameter files of the tree."""
        path = self.directory / program
        if not path.exists():
            path.mkdir(parents=True)
            for file in self.tree.glob("*.yaml"):
                shutil.copy(file, path)
            (path / "data").symlink_to(self.tree / "data")
        return path


def make_sides(names, place):
    """Return the sides of those names, those that cannot be run with the reason."""
    return {name: _MAKERS[name](place) for name in _MAKERS if name in names}


def _absent(why):
    return Side((), failure=why)


def _reduce(tree, place, name, **options):
    target = place.directory / name
    argv = (
        *EMIRIMG, "reduce", str(tree / "data"), "-r", str(tree / "control.yaml"),
        "-o", str(target), "-q",
    )  # fmt: skip
    return Command(argv, place.directory, (target,), **options)


def _first_reduce(place):
    cache = place.directory / "empty-cache"
    environment = {"NUMBA_CACHE_DIR": str(cache)}
    command = _reduce(place.tree, place, "reduced-first", environment=environment)
    return Side((replace(command, new=(*command.new, cache)),))


def _swarp(place):
    swarp = shutil.which("SWarp") or shutil.which("swarp")
    if swarp is None:
        return _absent("SWarp is not installed")
    images = sorted(map(str, place.frames.glob("[0-9]*[0-9].fits")))
    target = place.directory / "swarp"
    return Side((Command((swarp, *images, *_SWARP), target, (target,)),))


def _coadd(place):
    directory = place.directory / "coadded"
    argv = (sys.executable, WORK, "coadd", str(place.frames), str(directory / "mosaic.fits"))
    return Side((Command(argv, directory, (directory,)),), warm_up=True)


def _legacy(program, version):
    def make(place):
        numina = shutil.which(os.environ.get(NUMINA, ""))
        if program == PYEMIR and numina is None:
            return _absent(f"{NUMINA} does not name the command numina of PyEmir")
        base = place.legacy(program)
        run = partial(_block, base, (numina,) if program == PYEMIR else EMIRIMG)
        step_1 = run("dithered_ini.yaml", sorted(base.glob("obsid_[0-9]*_*")))
        if version == "stare":
            return Side((step_1,), warm_up=program == "emirimg")
        made = [base / f"obsid_combined_{version}_{kind}" for kind in ("work", "results")]
        return Side(
            (run(f"dithered_{version}.yaml", made),), program == "emirimg",
            before=step_1, wanted=base / f"obsid{place.first_block}_results",
        )  # fmt: skip

    return make


def _block(base, command, file, made):
    environment = {"OMP_NUM_THREADS": "1", "MPLBACKEND": "agg"}
    if command != EMIRIMG:
        environment["PYTHONPATH"] = ""
    argv = (*command, "run", file, "--link-files", "-r", "control.yaml")
    return Command(argv, base, tuple(made), environment)


def _in_memory(name, package=None):
    def make(place):
        if package and importlib.util.find_spec(package) is None:
            return _absent(f"{package} is not installed")
        argv = (sys.executable, WORK, name, str(place.frames))
        return Side((Command(argv, place.directory, inner=True),))

    return make


def _python(text):
    return lambda place: Side((Command((sys.executable, "-c", text), place.directory),), True)


_MAKERS = {
    "reduce": lambda place: Side((_reduce(place.tree, place, "reduced"),), warm_up=True),
    "swarp": _swarp,
    "coadd": _coadd,
    "reduce-first": _first_reduce,
    "stare": _legacy("emirimg", "stare"),
    "pyemir-stare": _legacy(PYEMIR, "stare"),
    **{
        name + version: _legacy(program, version)
        for version in VERSIONS
        for name, program in (("", "emirimg"), ("pyemir-", PYEMIR))
    },
    "combine": _in_memory("combine-emirimg"),
    "ccdproc": _in_memory("combine-ccdproc", "ccdproc"),
    "project": _in_memory("project-emirimg"),
    "reproject-interp": _in_memory("project-reproject", "reproject"),
    "coadd-few": _in_memory("coadd-emirimg"),
    "reproject-coadd": _in_memory("coadd-reproject", "reproject"),
    "help": lambda place: Side((Command((*EMIRIMG, "--help"), place.directory),), warm_up=True),
    "import": _python("import emirimg"),
    "import-reducer": _python("from emirimg import DitherReducer"),
    "import-nddata": _python("import astropy.nddata"),
    "reduce-many": lambda place: Side(
        (_reduce(place.many, place, "reduced-many", open_files=MANY),)
    ),
}
"""What makes each side, those that are compared beside each other."""
