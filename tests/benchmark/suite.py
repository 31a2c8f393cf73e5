"""Run the benchmark; ``run.py`` is the command."""

import argparse
import json
import os
import platform
import shutil
import statistics
from collections import defaultdict
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import click
from rows import outcome, rows
from show import growth_table, rst_table, sides_table, stages_table, text_table
from sides import Place, make_sides

PACKAGES = ("emirimg", "numpy", "numba", "astropy", "ccdproc", "reproject")
RESULT = "benchmark.json"
TABLES = {
    "benchmark.inc": rst_table,
    "sides.inc": sides_table,
    "stages.inc": stages_table,
    "growth.inc": growth_table,
}
"""What the documentation includes."""


def main(arguments=None):
    options = parse(arguments)
    if options.tables:
        found = json.loads((options.directory / RESULT).read_text())
        for name, table in TABLES.items():
            (options.tables / name).write_text(table(found))
        return
    place = Place(options.directory, options.exposures)
    found = run(place, repeat=options.repeat, only=options.only, say=click.echo)
    place.directory.mkdir(parents=True, exist_ok=True)
    (place.directory / RESULT).write_text(json.dumps(found, indent=1))
    click.echo(text_table(found))
    click.echo(f"All of it is in {place.directory / RESULT}")


def parse(arguments):
    parser = argparse.ArgumentParser(
        description="Measure what reductions take beside other programs, on the same frames:"
        " whole processes, in turn. SWarp, PyEmir (the environment variable NUMINA names its"
        " command numina), ccdproc and reproject are run where they are installed."
    )
    parser.add_argument(
        "directory", type=Path,
        help=f"where the frames (made when they are not there) and {RESULT} go",
    )  # fmt: skip
    parser.add_argument(
        "--only", action="append", metavar="NAME", choices=[*rows(1)],
        help=f"only this row, may be given several times: {', '.join(rows(1))}",
    )  # fmt: skip
    parser.add_argument("--repeat", type=int, default=3, help="rounds (default: %(default)s)")
    parser.add_argument(
        "--exposures", type=int, metavar="N",
        help="reduce so many exposures, too: 200 take half an hour more, and 10 GB of disk",
    )  # fmt: skip
    parser.add_argument(
        "--tables", type=Path, metavar="DIR",
        help=f"run nothing, write the tables of the documentation from {RESULT}",
    )  # fmt: skip
    options = parser.parse_args(arguments)
    if options.repeat < 1:
        parser.error("--repeat must be at least 1")
    if options.exposures is None and {"many-memory", "many-time"} & set(options.only or ()):
        parser.error("rows of many exposures need --exposures N")
    return options


def run(place, *, repeat=3, only=None, say=str):
    """Run all sides in turn, ``repeat`` times, and return what came out, for JSON."""
    chosen = {
        name: row for name, row in rows(place.n_exposures).items() if only is None or name in only
    }
    sides = make_sides({side for row in chosen.values() for side in row.sides}, place)
    stages = defaultdict(list)
    for name, side in sides.items():
        if side.warm_up:
            say(f"{name}: once, so that kernels are compiled")
            side.run(counted=False)
    for number in range(1, repeat + 1):
        for name, side in sides.items():
            say(f"{name}: {side.failure or f'round {number} of {repeat}'}")
            side.run()
            if name == "reduce" and not side.failure:
                for stage, seconds in read_stages(place.directory / "reduced").items():
                    stages[stage].append(seconds)
    outcomes = {
        name: outcome(row, sides, n_exposures=place.n_exposures) for name, row in chosen.items()
    }
    return {
        "machine": machine(),
        "repeat": repeat,
        "exposures": place.n_exposures,
        "rows": outcomes,
        "stages": {name: statistics.median(values) for name, values in stages.items()},
        "sides": {name: side.to_dict() for name, side in sides.items()},
    }


def read_stages(results):
    """Return the seconds of each stage of a reduction, as its log tells them.

    They are those of all passes together.
    """
    stages = defaultdict(float)
    for line in (results / "processing.log").read_text().splitlines():
        head, _, tail = line.rpartition(": ")
        seconds, _, unit = tail.partition(" ")
        if unit == "s" and head.endswith(")") and seconds.replace(".", "").isdigit():
            stages[head.partition(" ")[2].rpartition(" (")[0]] += float(seconds)
    return dict(stages)


def machine():
    """Return where this was measured, and with what."""
    return {
        "system": platform.platform(),
        "processors": len(os.sched_getaffinity(0)),
        "memory": os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 1e9,
        "python": platform.python_version(),
        "packages": {name: _version(name) for name in PACKAGES},
        "swarp": shutil.which("SWarp") or shutil.which("swarp"),
        "load": os.getloadavg()[0],
    }


def _version(name):
    try:
        return version(name)
    except PackageNotFoundError:
        return None
