"""``emirimg reduce``, from files to files."""

import json
import shutil
import sys
import warnings
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from astropy.io import fits
from astropy.nddata import CCDData

from emirimg import DitherReducer
from emirimg.cli import _run
from emirimg.cli._output import typed_command
from emirimg.exceptions import SkyWarning

PRODUCTS = [
    "frames.ecsv", "mosaic.fits", "mosaic.png", "processing.log", "report.html", "summary.json",
]  # fmt: skip


@pytest.fixture(scope="module")
def result(tree):
    """A real result of the exposures."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return DitherReducer(passes=1).reduce(tree.exposures)


@pytest.fixture
def calls(monkeypatch, result):
    """Stand in for the reducer: answer at once, and tell what it was given."""
    given = {}

    class StandIn:
        def __init__(self, **options):
            given.update(options)

        def reduce(self, exposures, *, sky_exposures, meanwhile):
            meanwhile()
            given["exposures"] = exposures
            if sky_exposures:
                given["sky_exposures"] = sky_exposures
            list(given["progress"](exposures, "Doing nothing", len(exposures)))
            warnings.warn("the sky is odd", SkyWarning, stacklevel=1)
            return replace(result, warnings=("the sky is odd",))

    monkeypatch.setattr(_run, "DitherReducer", StandIn)
    return given


@pytest.fixture
def reduced(tree, emirimg, calls, tmp_path):  # noqa: ARG001 (it stands in for the reducer)
    """The directory of the products and the output of one ordinary run."""
    directory = tmp_path / "new" / "results"
    return directory, emirimg("reduce", tree.root / "data", "-o", directory)


def test_products_and_nothing_else(reduced):
    directory, run = reduced
    assert run.exit_code == 0
    assert sorted(path.name for path in directory.iterdir()) == PRODUCTS
    assert list(directory.parent.iterdir()) == [directory]


def test_mosaic_is_readable(reduced):
    mosaic = CCDData.read(reduced[0] / "mosaic.fits")
    assert mosaic.unit == "adu"
    assert mosaic.shape[0] > 256
    assert np.isfinite(mosaic.data).all()


def test_summary_is_json(reduced):
    summary = json.loads((reduced[0] / "summary.json").read_text())
    assert summary["n_exposures"] == len(summary["frames"]) == 4
    assert summary["frames"][0]["name"].endswith(".fits")


def test_report_tells_how_to_repeat_the_reduction(reduced, monkeypatch):
    page = (reduced[0] / "report.html").read_text(encoding="utf-8")
    assert "the sky is odd" in page
    monkeypatch.setattr("sys.argv", ["/usr/bin/emirimg", "reduce", "my data"])
    there, command = typed_command().splitlines()
    assert there.startswith("cd /")
    assert command == "emirimg reduce 'my data'"


def test_log_tells_what_was_done(reduced, tree):
    log = (reduced[0] / "processing.log").read_text()
    assert f"control file {tree.control}" in log
    assert f"bad pixels: {tree.bad_pixel_mask}" in log
    assert "4 exposures of" in log
    assert "Mosaic" in log
    assert "Doing nothing (4): 0.0 s" in log


def test_output_tells_the_offsets_and_the_files(reduced):
    directory, run = reduced
    for text in ("Exposures", "shift", "Mosaic", "seeing", str(directory / "mosaic.png")):
        assert text in run.output
    assert "Traceback" not in run.output


def test_existing_products_are_kept(reduced, tree, emirimg):
    directory, _ = reduced
    before = (directory / "mosaic.fits").stat().st_mtime_ns
    run = emirimg("reduce", tree.root / "data", "-o", directory)
    assert run.exit_code == 1
    assert run.stderr.startswith(f"emirimg: error: {directory} already has mosaic.fits")
    assert (directory / "mosaic.fits").stat().st_mtime_ns == before


@pytest.mark.usefixtures("calls")
def test_overwrite(tree, emirimg, tmp_path):
    (tmp_path / "mosaic.fits").write_text("old")
    run = emirimg("reduce", tree.exposures[0], "-o", tmp_path, "--overwrite", "-q")
    assert run.exit_code == 0, run.stderr
    assert CCDData.read(tmp_path / "mosaic.fits").shape[0] >= 256
    assert run.stdout == ""


def test_strategies_reach_the_reducer(tree, emirimg, tmp_path, calls):
    emirimg(
        "reduce", tree.root, "-o", tmp_path, "--sky", "constant", "--alignment", "header",
        "--resampler", "exact", "--combiner", "median",
    )  # fmt: skip
    chosen = {key: calls[key].name for key in ("sky", "alignment", "resampler", "combiner")}
    assert chosen == {
        "sky": "constant", "alignment": "header", "resampler": "exact", "combiner": "median",
    }  # fmt: skip


def test_default_strategies_are_those_of_the_reducer(tree, emirimg, tmp_path, calls):
    emirimg("reduce", tree.root, "-o", tmp_path)
    assert set(calls) == {"calibrations", "progress", "exposures"}
    assert tuple(calls["exposures"]) == tree.exposures


def test_memory_and_scratch_reach_the_reducer(tree, emirimg, tmp_path, calls):
    run = emirimg(
        "reduce", tree.root, "-o", tmp_path / "out", "--max-memory", "0.5", "--scratch", tmp_path
    )
    assert run.exit_code == 0, run.stderr
    assert (calls["max_memory"], calls["scratch"]) == (500_000_000, tmp_path)


def test_a_cluster_is_used(tree, emirimg, tmp_path, calls, monkeypatch):
    class Client:
        def __init__(self, address):
            if address != "tcp://head:8786":
                msg = "timed out"
                raise OSError(msg)
            self.at_work = True

        def __enter__(self):
            return self

        def __exit__(self, *_):
            self.at_work = False

        def get_executor(self):
            return self

    monkeypatch.setitem(sys.modules, "distributed", SimpleNamespace(Client=Client))
    command = "reduce", tree.root, "-o", tmp_path / "out", "--scheduler"
    run = emirimg(*command, "tcp://head:8786")
    assert run.exit_code == 0, run.stderr
    assert isinstance(calls["executor"], Client)
    assert not calls["executor"].at_work
    run = emirimg(*command, "tcp://nobody:1", "--overwrite")
    assert run.exit_code == 1
    assert "no scheduler of dask answers at tcp://nobody:1: timed out" in run.stderr
    monkeypatch.setitem(sys.modules, "distributed", None)
    run = emirimg(*command, "tcp://head:8786", "--overwrite")
    assert run.exit_code == 1
    assert "install emirimg[distributed]" in run.stderr


def test_sky_exposures_are_named(tree, emirimg, tmp_path, calls):
    beside = tree.exposures[1]
    emirimg("reduce", tree.root, "--sky-exposures", beside, "-o", tmp_path)
    assert calls["sky_exposures"] == [beside]
    assert tuple(calls["exposures"]) == (tree.exposures[0], *tree.exposures[2:])


def test_sky_exposures_are_recognised_by_their_object(tree, emirimg, tmp_path, calls):
    root = shutil.copytree(tree.root, tmp_path / "tree")
    beside = root / "data" / tree.exposures[1].name
    fits.setval(beside, "OBJECT", value="TEST sky")
    emirimg("reduce", root, "-o", tmp_path / "results")
    assert calls["sky_exposures"] == [beside]
    assert beside not in calls["exposures"]


def test_catalogue_and_limit_reach_the_reducer(tree, emirimg, tmp_path, calls):
    path = tmp_path / "stars.csv"
    path.write_text("ra,dec,mag\n39.96,-1.57,15.0\n")
    emirimg(
        "reduce", tree.root, "-o", tmp_path / "results", "--catalogue", path,
        "--min-transparency", "0.5",
    )  # fmt: skip
    assert calls["catalogue"].name == "stars.csv"
    assert calls["catalogue"].magnitude[0] == 15.0
    assert calls["min_transparency"] == 0.5


def test_unknown_strategy_is_a_usage_error(tree, emirimg, tmp_path):
    run = emirimg("reduce", tree.root, "-o", tmp_path, "--sky", "blue")
    assert run.exit_code == 2
    assert "'blue' is not one of" in run.stderr


def test_calibrations_of_the_control_file(tree, emirimg, tmp_path, calls):
    control = shutil.copytree(tree.root, tmp_path / "elsewhere") / "control.yaml"
    emirimg("reduce", *tree.exposures, "-r", control, "-o", tmp_path / "results")
    names = {kind: name for kind, name, _ in calls["calibrations"].inputs}
    assert set(names) == {"bad_pixels", "dark", "flat"}


def test_named_calibrations(tree, emirimg, tmp_path, calls):
    emirimg(
        "reduce", *tree.exposures, "--bpm", tree.bad_pixel_mask, "--flat", tree.flat,
        "-o", tmp_path,
    )  # fmt: skip
    assert calls["calibrations"].dark is None
    assert calls["calibrations"].flat is not None
    assert calls["calibrations"].bad_pixels.any()


def test_control_and_named_calibrations_exclude_each_other(tree, emirimg, tmp_path):
    run = emirimg(
        "reduce", tree.root, "-r", tree.control, "--flat", tree.flat, "-o", tmp_path / "results"
    )
    assert run.exit_code == 2
    assert "cannot be combined" in run.stderr


@pytest.mark.usefixtures("calls")
def test_without_calibrations_it_says_so(tree, emirimg, tmp_path):
    exposure = shutil.copy(tree.exposures[0], tmp_path)
    run = emirimg("reduce", exposure, "-o", tmp_path / "results")
    assert run.exit_code == 0, run.stderr
    assert "note: going on without bad pixels, dark, flat" in run.stderr


def test_mixture_is_refused_with_a_list(tree, emirimg, tmp_path):
    for path in tree.exposures:
        shutil.copy(path, tmp_path)
    fits.setval(tmp_path / tree.exposures[0].name, "FILTER", value="J")
    run = emirimg("reduce", tmp_path, "-o", tmp_path / "results")
    assert run.exit_code == 1
    assert "J" in run.stderr
    assert "F1230" in run.stderr
    assert not (tmp_path / "results").exists()


def test_truncated_file_is_named(tree, emirimg, tmp_path):
    broken = tmp_path / "broken.fits"
    broken.write_bytes(tree.exposures[0].read_bytes()[:100_000])
    run = emirimg("reduce", *tree.exposures, broken, "-o", tmp_path / "results")
    assert run.exit_code == 1
    assert "broken.fits" in run.stderr
    assert "Traceback" not in run.stderr
    assert sorted(tmp_path.iterdir()) == [broken]


def test_directory_without_exposures(emirimg, tmp_path):
    (tmp_path / "data").mkdir()
    run = emirimg("reduce", tmp_path / "data", "-o", tmp_path / "results")
    assert run.exit_code == 1
    assert "no raw imaging exposures of EMIR" in run.stderr


def test_warnings_are_notes_and_in_the_log(reduced):
    directory, run = reduced
    assert run.stderr == "emirimg: note: the sky is odd\n"
    assert "note: the sky is odd" in (directory / "processing.log").read_text()


def test_interruption_leaves_nothing(tree, emirimg, tmp_path, monkeypatch):
    def interrupt(**_):
        raise KeyboardInterrupt

    monkeypatch.setattr(_run, "DitherReducer", interrupt)
    run = emirimg("reduce", tree.root, "-o", tmp_path / "results")
    assert run.exit_code == 130
    assert not list(tmp_path.iterdir())


def test_regions_are_masked(tree, emirimg, calls, tmp_path):
    regions = tmp_path / "mine.reg"
    regions.write_text("image\ncircle(100,100,20)\n")
    run = emirimg("reduce", tree.root / "data", "-o", tmp_path / "r", "--mask-regions", regions)
    assert run.exit_code == 0
    (outline,) = calls["objects"].regions(None)
    assert outline.mean(axis=0) == pytest.approx([99, 99], abs=0.5)


def test_a_faulty_region_file_is_refused_at_once(tree, emirimg, calls, tmp_path):
    regions = tmp_path / "mine.reg"
    regions.write_text("image\ncircus(100,100,20)\n")
    run = emirimg("reduce", tree.root / "data", "-o", tmp_path / "r", "--mask-regions", regions)
    assert run.exit_code != 0
    assert "mine.reg:2" in run.output
    assert "exposures" not in calls
