"""``emirimg reduce --watch``, with a stand-in for the numerics."""

import math
import os
import shutil
import time
import warnings
from dataclasses import replace

import pytest

from emirimg import DitherReducer
from emirimg.cli import _run, _watch
from emirimg.exceptions import AlignmentError, SkyWarning


@pytest.fixture(scope="module")
def result(tree):
    """A real result of the exposures."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return DitherReducer(passes=1).reduce(tree.exposures)


@pytest.fixture
def calls(monkeypatch, result):
    """Stand in for the reducer, and note with what it is called."""
    noted = []

    class StandIn:
        def __init__(self, **options):
            self.options = options

        def reduce(self, exposures, *, sky_exposures, meanwhile=bool):  # noqa: ARG002
            meanwhile()
            noted.append((self.options, len(exposures)))
            warnings.warn("few exposures", SkyWarning, stacklevel=1)
            return result

    for module in (_run, _watch):
        monkeypatch.setattr(module, "DitherReducer", StandIn)
    return noted


@pytest.fixture
def night(tmp_path, tree):
    """A directory in which all exposures lie but for the last one."""
    night = tmp_path / "night"
    night.mkdir()
    for path in tree.exposures[:-1]:
        copy = shutil.copy(path, night)
        os.utime(copy, (time.time() - 60,) * 2)
    return night


def test_the_sequence_is_followed_and_then_reduced_in_full(emirimg, night, calls, tmp_path):
    run = emirimg("reduce", night, "-o", tmp_path / "out", "--watch", "--expect", 3)
    assert run.exit_code == 0, run.stderr
    assert [number for _, number in calls] == [3, 3]
    quick, full = (options for options, _ in calls)
    assert (quick["passes"], quick["starflat"]) == (1, None)
    assert "passes" not in full
    line, over = run.stdout.splitlines()[:2]
    assert line.startswith("  3  ")
    for text in (".fits  seeing ", " arcsec  depth ", " with 3  sky ", "transparency "):
        assert text in line
    assert over == "The sequence is over: it is reduced in full now"
    products = {path.name for path in (tmp_path / "out").iterdir()}
    assert {*_watch.QUICK_PRODUCTS, *_run.PRODUCTS} == products


def test_patience_ends_the_watch(emirimg, night, calls, tmp_path):
    run = emirimg("reduce", night, "-o", tmp_path / "out", "--watch", "--patience", "0.02")
    assert run.exit_code == 0, run.stderr
    assert len(calls) == 2
    assert run.stderr.count("few exposures") == 1, "said of the full reduction alone"


def test_what_cannot_be_known_is_said_so(emirimg, night, calls, tmp_path, monkeypatch, result):  # noqa: ARG001
    quality = replace(result.quality, depth=math.nan)
    monkeypatch.setattr(
        _watch.DitherReducer, "reduce", lambda *_, **__: replace(result, quality=quality)
    )
    run = emirimg("reduce", night, "-o", tmp_path / "out", "--watch", "--expect", 1)
    assert "depth unknown mag, unknown with 3" in run.stdout


def test_failures_are_told(emirimg, night, calls, tmp_path, monkeypatch):  # noqa: ARG001
    def refuse(*_, **__):
        msg = "no stars"
        raise AlignmentError(msg)

    monkeypatch.setattr(_watch.DitherReducer, "reduce", refuse)
    run = emirimg("reduce", night, "-o", tmp_path / "out", "--watch", "--expect", 1)
    assert "no mosaic yet: no stars" in run.stdout
    assert run.exit_code == 1
    assert run.stderr.endswith("emirimg: error: no stars\n")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--expect", "3"], "--expect and --patience mean nothing without --watch"),
        (["--watch", "--dry-run"], "--watch cannot be combined with --dry-run"),
    ],
)
def test_options_that_do_not_go_together(emirimg, night, tmp_path, arguments, message):
    run = emirimg("reduce", night, "-o", tmp_path / "out", *arguments)
    assert run.exit_code == 2
    assert message in run.stderr


def test_one_directory_is_watched(emirimg, night, tmp_path):
    run = emirimg("reduce", night, night, "-o", tmp_path / "out", "--watch")
    assert run.exit_code == 1
    assert "--watch follows one directory, but 2 paths were given" in run.stderr


def test_nothing_arrives(emirimg, tmp_path):
    (tmp_path / "empty").mkdir()
    run = emirimg(
        "reduce", tmp_path / "empty", "-o", tmp_path / "out", "--watch", "--patience", "0.001"
    )
    assert run.exit_code == 1
    assert "no raw imaging exposure of EMIR arrived in" in run.stderr
    assert not (tmp_path / "out").exists()


def test_products_are_protected_before_the_watch(emirimg, night, tmp_path):
    (tmp_path / "mosaic.fits").write_text("old")
    run = emirimg("reduce", night, "-o", tmp_path, "--watch")
    assert run.exit_code == 1
    assert "already has mosaic.fits" in run.stderr
