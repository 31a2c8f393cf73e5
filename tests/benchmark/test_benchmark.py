"""The benchmark in small: what it measures is right, what it cannot measure it says."""

import json
import os
import sys
import time

import numpy as np
import pytest
from astropy.io import fits
from measuring import Command, FailedRunError, Run, Side, measure
from rows import ROWS, outcome, rows
from show import cells, growth_table, rst_table, stages_table, text_table
from sides import Place, make_sides
from suite import RESULT, main, read_stages, run

from emirimg.simulation import Scene, write_tutorial

SCENE = Scene(
    shape=(288, 288), n_exposures=4, dither_scale=0.25, n_stars=50, n_galaxies=3, faintest=2e3,
    seed=3,
)  # fmt: skip


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A place with a small tree, where no peer is found."""
    monkeypatch.delenv("NUMINA", raising=False)
    monkeypatch.setenv("PATH", "/usr/bin/nowhere:/bin")
    monkeypatch.setattr("sides.shutil.which", lambda name: name if os.sep in name else None)
    paths = write_tutorial(tmp_path / "tree", SCENE)
    for path in paths.exposures:
        fits.setval(path, "DETSEC", value="[881:1168,881:1168]")
    return Place(tmp_path)


def python(text, cwd, **options):
    return Command((sys.executable, "-c", text), cwd, **options)


def test_a_process_is_measured(tmp_path):
    text = (
        "import os, time; data = bytearray(200_000_000); time.sleep(0.2)\n"
        "open('kept', 'wb').write(data[:3_000_000]); open('gone', 'wb').write(data[:2_000_000])\n"
        "os.remove('gone')"
    )
    found = measure(python(text, tmp_path))
    assert found.wall >= 0.2
    assert 0 < found.cpu < found.wall + 1
    assert found.memory >= 0.2
    if found.written is not None:
        assert found.written == pytest.approx(5e-3, rel=0.01)


def test_directories_are_new_and_files_are_few(tmp_path):
    (tmp_path / "old").mkdir()
    text = "import resource; assert resource.getrlimit(resource.RLIMIT_NOFILE) == (64, 64)"
    measure(python(text, tmp_path, new=(tmp_path / "old",), open_files=64))
    assert not (tmp_path / "old").exists()


def test_what_a_process_times_itself(tmp_path):
    text = """print('said'); print('{"wall": 3.5, "cpu": 7.0}')"""
    found = measure(python(text, tmp_path, inner=True))
    assert (found.wall, found.cpu) == (3.5, 7.0)


def test_a_process_that_fails(tmp_path):
    with pytest.raises(FailedRunError, match="exit status 1: ValueError: no stars"):
        measure(python("raise ValueError('no stars')", tmp_path))
    side = Side((python("raise ValueError('no stars')", tmp_path),))
    side.run()
    side.run()
    assert side.to_dict() == {"runs": [], "failed": "exit status 1: ValueError: no stars"}


def test_commands_of_a_side_count_as_one(tmp_path):
    first = python("open('first', 'w')", tmp_path)
    side = Side(
        (python("import time; time.sleep(0.1)", tmp_path),) * 2, before=first,
        wanted=tmp_path / "first",
    )  # fmt: skip
    side.run(counted=False)
    side.run()
    (found,) = side.runs
    assert found.wall >= 0.2
    assert (tmp_path / "first").exists()


def test_ratios_are_those_of_rounds():
    sides = {"reduce": Side(()), "swarp": Side(()), "import": Side(()), "import-nddata": Side(())}
    for ours, theirs in ((2, 4), (9, 3), (4, 4)):
        sides["reduce"].runs.append(Run(ours, 1, 0.9, None))
        sides["swarp"].runs.append(Run(theirs, 1, 0.5, 0.1))
        sides["import"].runs.append(Run(ours, 1, 0, 0))
        sides["import-nddata"].runs.append(Run(theirs, 1, 0, 0))
    found = outcome(ROWS["reduction-swarp"], sides)
    assert (found["min"], found["median"], found["max"]) == (0.5, 1, 3)
    assert found["met"]
    assert found["ours"] == (2, 4, 9)
    memory = outcome(ROWS["memory"], sides)
    assert (memory["median"], memory["met"]) == (0.9, False)
    assert cells(memory)[1:] == ("0.9 GB", "-", "0.9 GB", "0.9 GB", "0.9 GB", "0.8 GB", "no")
    assert outcome(ROWS["import"], sides)["max"] == 6
    sides["reduce-many"] = Side((), runs=[Run(60, 1, 1.4, None)] * 3)
    many = outcome(rows(140)["many-time"], sides, n_exposures=140)
    assert (many["min"], many["median"], many["max"]) == (6 / 9, 1.5, 3)


def test_bytes_that_the_system_does_not_tell():
    sides = {name: Side((), runs=[Run(1, 1, 1, None)]) for name in ("reduce", "pyemir-v5")}
    found = outcome(ROWS["written"], sides)
    assert found["missing"] == {"system": "the system does not tell"}
    assert "not measured" in cells(found)


def test_missing_peers_are_said(place):
    names = {side for row in rows(200).values() for side in row.sides}
    place.frames.mkdir() if not place.frames.exists() else None
    missing = {
        name: side.failure
        for name, side in make_sides(names - {"reduce-many"}, place).items()
        if side.failure
    }
    assert set(missing) == {"swarp", "pyemir-stare", "pyemir-v0", "pyemir-v5", "pyemir-v6"}
    assert missing["swarp"] == "SWarp is not installed"
    assert "NUMINA does not name" in missing["pyemir-v5"]


def test_the_frames_of_the_peers(place):
    frames = sorted(path.name for path in place.frames.iterdir())
    assert frames[:2] == ["000.fits", "000.weight.fits"]
    assert len(frames) == 2 * SCENE.n_exposures
    data = fits.getdata(place.frames / "000.fits")
    weight = fits.getdata(place.frames / "000.weight.fits")
    good = weight > 0
    assert abs(np.median(data[good])) < 5
    deviation = 1.4826 * np.median(abs(data[good]))
    assert deviation == pytest.approx(np.median(weight[good]) ** -0.5, rel=0.1)


def test_rows_and_json(place, monkeypatch, capsys):
    fake = place.directory / "SWarp"
    fake.write_text("#!/bin/sh\ntest -f $1 || exit 1\nsleep 0.1\n")
    fake.chmod(0o755)
    monkeypatch.setattr("sides.shutil.which", lambda name: str(fake) if name == "SWarp" else None)
    wanted = ("coaddition", "combine", "v5", "help", "import", "memory")
    only = [text for name in wanted for text in ("--only", name)]
    main([str(place.directory), "--repeat", "1", *only])
    found = json.loads((place.directory / RESULT).read_text())
    assert list(found["rows"]) == [name for name in ROWS if name in wanted]
    for name in ("coaddition", "combine", "import"):
        row = found["rows"][name]
        assert row["min"] <= row["median"] <= row["max"]
        assert row["met"] is not None
    assert "NUMINA" in found["rows"]["v5"]["missing"]["pyemir-v5"]
    assert found["rows"]["v5"]["ours"][1] > 0
    assert "Combining" in found["stages"]
    assert found["machine"]["processors"] >= 1
    for name in ("coadd", "swarp", "reduce", "v5"):
        (one,) = found["sides"][name]["runs"]
        assert one["wall"] > 0, name
    said = capsys.readouterr().out
    assert "pyemir-v5 was not measured: NUMINA does not name" in said
    main([str(place.directory), "--tables", str(place.directory)])
    table = (place.directory / "benchmark.inc").read_text()
    assert "   * - emirimg --help\n" in table
    assert "* pyemir-v5 was not measured: NUMINA does not name" in table
    assert "Combining" in (place.directory / "stages.inc").read_text()
    assert "   * - swarp\n" in (place.directory / "sides.inc").read_text()
    assert "   * - 14\n" in (place.directory / "growth.inc").read_text()


def test_stages_of_all_passes(tmp_path):
    (tmp_path / "processing.log").write_text(
        "2026-01-01T00:00:00 4 exposures of TEST: 3 of them good\n"
        "2026-01-01T00:00:01 Combining (20): 1.5 s\n"
        "2026-01-01T00:00:02 Measuring noise (4): 0.1 s\n"
        "2026-01-01T00:00:03 Combining (20): 2.0 s\n"
    )
    assert read_stages(tmp_path) == {"Combining": 3.5, "Measuring noise": 0.1}


def test_goals_that_are_missed_stand_out():
    row = {"work": "w", "figure": "wall", "goal": 1.0, "ratio": True, "ours": (1, 1, 1)}
    row |= {"theirs": (1, 1, 1), "min": 1.2, "median": 1.5, "max": 123.4, "met": False}
    found = {"rows": {"w": row}, "sides": {}, "stages": {"a": 1.0, "b": 2.0}, "repeat": 3}
    found["machine"] = {"processors": 2, "python": "3", "packages": {"emirimg": "1"}}
    assert "     - 1.2 - 123\n     - **1.5**\n     - 1\n" in rst_table(found)
    assert stages_table(found).index("b\n") < stages_table(found).index("a\n")
    assert "stage" in text_table(found)


def test_growth():
    sides = {
        "reduce": {"runs": [{"wall": 20, "cpu": 28, "memory": 1, "written": 0.1}]},
        "reduce-many": {"runs": [{"wall": 300, "cpu": 420, "memory": 1.4, "written": None}]},
    }
    text = growth_table({"sides": sides, "exposures": 200})
    assert "   * - 14\n     - 20 s\n     - 28 s\n     - 2 s\n     - 1 GB\n" in text
    assert "   * - 200\n     - 300 s\n     - 420 s\n     - 2.1 s\n     - 1.4 GB\n" in text
    assert "grows as the number of exposures, or a little faster" in text
    sides["reduce-many"]["runs"][0]["cpu"] = 214
    text = growth_table({"sides": sides, "exposures": 200})
    assert "that of 14 s, and 1 s for each exposure" in text


@pytest.mark.parametrize(
    "arguments", [["--repeat", "0"], ["--only", "many-time"], ["--only", "what"]]
)
def test_arguments_that_make_no_sense(arguments, tmp_path, capsys):
    with pytest.raises(SystemExit):
        main([str(tmp_path), *arguments])
    assert "error:" in capsys.readouterr().err


def test_rounds_take_turns(place, monkeypatch):
    order = []

    def make(names, _):
        class Noting(Side):
            def run(self, **_):
                order.append(self.wanted)
                self.runs.append(Run(time.perf_counter(), 1, 1, 1))

        return {name: Noting((), wanted=name) for name in sorted(names)}

    monkeypatch.setattr("suite.make_sides", make)
    run(place, repeat=2, only=["combine"])
    assert order == ["ccdproc", "combine"] * 2
