"""What a command does when it is stopped, may not write, or nobody listens."""

import json
import os
import resource
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from astropy.io import fits
from click.testing import CliRunner
from night import names

from emirimg._parallel import THREADS, default_executor
from emirimg.cli import application, main

COMMAND = [sys.executable, "-c", "from emirimg.cli import main; main(prog_name='emirimg')"]


def everything_below(directory):
    return sorted(str(path.relative_to(directory)) for path in directory.rglob("*"))


@pytest.fixture
def room(tmp_path):
    """A directory for products and one for temporary files."""
    (tmp_path / "tmp").mkdir()
    (tmp_path / "here").mkdir()
    return tmp_path


def start(room, *arguments, **options):
    # Ctrl-C works also where whoever started the tests ignores it.
    options.setdefault("preexec_fn", lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))
    environment = {**os.environ, "TMPDIR": str(room / "tmp"), "MPLBACKEND": "agg"}
    return subprocess.Popen(
        [*COMMAND, *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True, env=environment, cwd=room / "here", **options,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("step", "options", "stop", "status", "said"),
    [
        ("Reading and calibrating", [], signal.SIGINT, 130, "interrupted"),
        ("Estimating the sky", [], signal.SIGINT, 130, "interrupted"),
        ("Estimating the sky", ["--max-memory", "0"], signal.SIGTERM, 143, "terminated"),
        ("Reading and calibrating", ["--processes", "2"], signal.SIGTERM, 143, "terminated"),
    ],
)
def test_a_command_stops_at_once_and_leaves_nothing(step, options, stop, status, said, tree, room):
    process = start(room, "reduce", tree.root, "-o", "results", "--verbose", *options)
    seen = ""
    for line in process.stderr:
        seen += line
        if step in line:
            break
    if options:
        assert [path for path in everything_below(room) if path.startswith("tmp/emirimg-")]
    process.send_signal(stop)
    begin = time.monotonic()
    _, rest = process.communicate(timeout=60)
    assert process.returncode == status, seen + rest
    assert time.monotonic() - begin < 10
    assert rest.endswith(f"emirimg: {said}\n")
    assert "Traceback" not in rest
    assert everything_below(room) == ["here", "tmp"]


def test_sigterm_is_left_to_others_afterwards(emirimg):
    before = signal.getsignal(signal.SIGTERM)
    assert emirimg("--version").exit_code == 0
    assert signal.getsignal(signal.SIGTERM) is before
    with ThreadPoolExecutor(1) as threads:  # where no signals can be heard
        assert threads.submit(emirimg, "--version").result().exit_code == 0


def test_threads_soon_let_each_other_run(monkeypatch, emirimg):
    before, seen = sys.getswitchinterval(), []
    monkeypatch.setattr(main, "invoke", lambda _: seen.append(sys.getswitchinterval()))
    emirimg("check")
    assert seen[0] == pytest.approx(0.0005)
    assert sys.getswitchinterval() == before


def test_nobody_waits_for_threads_after_ctrl_c():
    begin = time.monotonic()
    with pytest.raises(KeyboardInterrupt), default_executor(None) as executor:  # noqa: PT012
        executor.submit(time.sleep, 1)
        assert application._is_at_work()
        raise KeyboardInterrupt
    assert time.monotonic() - begin < 0.8
    assert THREADS == "emirimg"


def test_a_reader_that_goes_away(tree, room):
    process = start(room, "info", *100 * [tree.root / "data"], *100 * list(tree.exposures))
    with process:
        process.stdout.readline()
        process.stdout.close()
        rest = process.stderr.read()
    assert rest == ""


def test_full_disk(tree, room):
    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))

    process = start(room, "reduce", tree.root, "-o", "results", "--quiet", preexec_fn=limit)
    _, said = process.communicate(timeout=120)
    assert process.returncode == 1
    assert "the disk is full, or your share of it; nothing was kept" in said
    assert "Traceback" not in said
    assert everything_below(room) == ["here", "tmp"]


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is forbidden to root")
def test_no_permission(tree, room, emirimg):
    (room / "here").chmod(0o555)
    result = emirimg("reduce", tree.root, "-o", room / "here" / "results")
    assert result.exit_code == 1
    assert "Permission denied" in result.stderr


def test_no_colours_without_a_terminal(tree, emirimg):
    for command in ("check", "info"):
        assert "\x1b" not in emirimg(command, tree.root).output


def test_check_fits_a_narrow_terminal(tree, room, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    output, _ = start(room, "check", tree.root).communicate(timeout=60)
    assert max(map(len, output.splitlines())) <= 80


def test_completion():
    environment = {
        "_EMIRIMG_COMPLETE": "bash_complete", "COMP_WORDS": "emirimg compa", "COMP_CWORD": "1",
    }  # fmt: skip
    result = CliRunner().invoke(main, [], prog_name="emirimg", env=environment)
    assert result.output == "plain,compare\n"


def test_info_as_json(tree, emirimg):
    fits_file = tree.exposures[0]
    content = json.loads(emirimg("info", *tree.exposures, "--json").stdout)
    assert [row["filename"] for row in content] == [str(path) for path in tree.exposures]
    assert content[0]["EXPTIME"] == fits.getval(fits_file, "EXPTIME")
    assert content[0]["IMGOBBL"] == 1
    calibration = json.loads(emirimg("info", tree.flat, "--json").stdout)
    assert calibration[0]["OBJECT"] is None


def test_dry_run_of_reduce(tree, emirimg, tmp_path):
    result = emirimg("reduce", tree.root, "-o", tmp_path / "out", "--dry-run", "--sky", "constant")
    assert result.exit_code == 0, result.stderr
    assert "4 exposures of TEST, F1230 (HAWAII-2) would be reduced" in result.output
    assert "ConstantSky()" in result.output
    assert str(tree.flat) in result.output
    assert str(tmp_path / "out" / "mosaic.fits") in result.output
    assert names(tmp_path) == []


def test_dry_run_refuses_what_reduce_would_refuse(tree, emirimg, tmp_path):
    (tmp_path / "mosaic.fits").touch()
    result = emirimg("reduce", tree.root, "-o", tmp_path, "--dry-run")
    assert result.exit_code == 1
    assert "already has mosaic.fits" in result.stderr
    again = emirimg("reduce", tree.root, "-o", tmp_path, "--dry-run", "--overwrite")
    assert again.exit_code == 0


def test_dry_run_of_blocks(place, emirimg, calls):
    before = everything_below(place)
    result = emirimg("run", "dithered_ini.yaml", "-r", "control.yaml", "--dry-run")
    assert result.exit_code == 0, result.stderr
    assert "_0001877553: STARE_IMAGE of 1 exposure: 0001877553-" in result.output
    assert "obsid_0001877553_results" in result.output
    assert calls == []
    assert everything_below(place) == before
