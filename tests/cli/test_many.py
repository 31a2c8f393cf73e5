"""Several blocks, or several groups of exposures, at once."""

import shutil
from dataclasses import replace

import astropy.units as u
import numpy as np
import pytest
from astropy.io import fits
from night import IDS, edit, names

from emirimg.cli._night import directory_names
from emirimg.dither import legacy_stare
from emirimg.dither.roles import skies_of
from emirimg.exceptions import SkyError
from emirimg.io import group_exposures, read_mosaic

QUICKLY = ("--sky", "constant", "--alignment", "header", "--resampler", "interp")


@pytest.fixture
def failing(monkeypatch, calls):  # noqa: ARG001 (their stand-in is replaced again)
    """The second exposure cannot be reduced."""
    quick = legacy_stare.stare_image

    def stare_image(frames, *args, **options):
        if frames[0].meta["IMGOBBL"] == 2:
            msg = "the sky fell"
            raise SkyError(msg)
        return quick(frames, *args, **options)

    monkeypatch.setattr(legacy_stare, "stare_image", stare_image)


@pytest.mark.usefixtures("failing")
def test_a_block_that_fails_does_not_lose_the_others(emirimg, place):
    edit(place / "dithered_v0.yaml", ("enabled: True", "enabled: False"))
    result = emirimg(
        "run", "dithered_v0.yaml", "-e", "_combined_v0", *(f"--enable={name}" for name in IDS)
    )
    assert result.exit_code == 1
    done = [IDS[0], *IDS[2:]]
    for name in done:
        assert f"{name}: obsid{name}_results/reduced_image.fits\n" in result.stdout
        assert (place / f"obsid{name}_results" / "reduced_image.fits").exists()
    assert f"{IDS[1]}: obsid" not in result.stdout
    for words in (f"{IDS[1]} STARE_IMAGE failed", "_combined_v0 FULL_DITHERED_IMAGE not begun"):
        rows = [" ".join(line.replace("│", " ").split()) for line in result.stdout.splitlines()]
        assert any(row.startswith(words) for row in rows), result.stdout
    assert result.stderr.endswith(
        "emirimg: error: 2 of 5 blocks could not be reduced, the others are done:\n"
        f"  {IDS[1]}: the sky fell\n"
        f"  _combined_v0: not begun, since it needs {IDS[1]}\n"
    )
    assert not (place / f"obsid{IDS[1]}_results").exists()
    log = (place / f"obsid{IDS[1]}_work" / "processing.log").read_text()
    assert "ERROR - SkyError: the sky fell" in log


@pytest.fixture
def real(tree, tmp_path, monkeypatch):
    """Two equal trees in which everything is really reduced."""
    for name in ("here", "there"):
        shutil.copytree(tree.root, tmp_path / name)
        edit(tmp_path / name / "dithered_v0.yaml", ("enabled: True", "enabled: False"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(params=["processes", "scheduler"])
def workers(request):
    """The option that names two workers."""
    if request.param == "processes":
        yield "--processes", "2"
        return
    distributed = pytest.importorskip("distributed")
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, dashboard_address=None
    ) as cluster:
        yield "--scheduler", cluster.scheduler_address


@pytest.mark.filterwarnings("default")
def test_blocks_are_reduced_by_workers(emirimg, real, workers, monkeypatch):
    enabled = ["-e", "_combined_v0", *(f"--enable={name}" for name in IDS)]
    command = "run", "dithered_v0.yaml", "--link-files", "-r", "control.yaml", *enabled
    for place, options in (("here", ()), ("there", workers)):
        monkeypatch.chdir(real / place)
        result = emirimg(*command, *options)
        assert result.exit_code == 0, result.output
        assert result.stdout.splitlines() == [
            f"{name}: obsid{name}_results/reduced_image.fits" for name in [*IDS, "_combined_v0"]
        ]
    for name in [*IDS, "_combined_v0"]:
        path = f"obsid{name}_results/reduced_image.fits"
        with fits.open(real / "here" / path) as one, fits.open(real / "there" / path) as other:
            for hdu, same in zip(one, other, strict=True):
                np.testing.assert_array_equal(hdu.data, same.data)
        for kind in ("work", "results"):
            first, second = (real / place / f"obsid{name}_{kind}" for place in ("here", "there"))
            assert len(names(first)) == len(names(second))
        task = (real / "there" / f"obsid{name}_results" / "task.json").read_text()
        assert f'"results_dir": "obsid{name}_results"' in task


@pytest.fixture
def night(tree, tmp_path):
    """Two objects, one of them with sky beside it, and an exposure that is cut short."""
    root = tmp_path / "night"
    (root / "data").mkdir(parents=True)
    shutil.copy(tree.root / "control.yaml", root)
    for path in (tree.root / "data").iterdir():
        if path not in tree.exposures:
            shutil.copy(path, root / "data")
    for index, path in enumerate(tree.exposures):
        for name in ("M33", "M33 sky", "NGC 1/2"):
            if name == "M33 sky" and index > 1:
                continue
            copy = root / "data" / f"{name[:3]}{len(name)}-{path.name}"
            shutil.copy(path, copy)
            fits.setval(copy, "OBJECT", value=name)
    broken = root / "data" / f"broken-{tree.exposures[0].name}"
    shutil.copy(tree.exposures[0], broken)
    fits.setval(broken, "OBJECT", value="BROKEN")
    broken.write_bytes(broken.read_bytes()[:60_000])
    return root


@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize("options", [(), ("--processes", "2")])
def test_each_group_of_a_night(emirimg, night, tmp_path, options):
    out = tmp_path / "out"
    result = emirimg("reduce", night, "-o", out, "--each", *QUICKLY, *options)
    assert result.exit_code == 1
    assert "1 of 3 groups could not be reduced, the others are done:\n  BROKEN_" in result.stderr
    assert "broken-" in result.stderr
    assert names(out) == ["M33_F1230", "NGC_1_2_F1230"]
    for name in names(out):
        assert name in result.stdout
        assert "report.html" in names(out / name)
    target = [path for path in (night / "data").iterdir() if path.name.startswith("NGC")]
    alone = emirimg(
        "reduce", *target, "-r", night / "control.yaml", "-o", tmp_path / "alone", *QUICKLY
    )
    assert alone.exit_code == 0, alone.output
    one = read_mosaic(tmp_path / "alone" / "mosaic.fits")
    other = read_mosaic(out / "NGC_1_2_F1230" / "mosaic.fits")
    np.testing.assert_array_equal(one.data, other.data)
    again = emirimg("reduce", night, "-o", out, "--each", *options)
    assert again.exit_code == 1
    assert "already has frames.ecsv" in again.stderr or "already has mosaic.fits" in again.stderr


def test_dry_run_of_a_night(emirimg, night, tmp_path):
    result = emirimg("reduce", night, "-o", tmp_path / "out", "--each", "--dry-run")
    assert result.exit_code == 0, result.output
    assert "4 exposures of M33, F1230" in result.output
    assert "2 exposures of the sky" in result.output
    assert "4 exposures of NGC 1/2, F1230" in result.output
    assert not (tmp_path / "out").exists()


def test_without_each_a_night_is_refused(emirimg, night, tmp_path):
    result = emirimg("reduce", night, "-o", tmp_path / "out")
    assert result.exit_code == 1
    assert "must not be combined, choose one of these" in result.stderr
    assert "--each" in result.stderr


def test_a_sky_is_for_one_target(night):
    paths = [path for path in (night / "data").iterdir() if path.name.startswith(("M33", "NGC"))]
    groups = {group.object_name: group for group in group_exposures(paths)}
    one, other, sky = (groups[name] for name in ("M33", "NGC 1/2", "M33 sky"))
    assert skies_of([one, other], [sky]) == [list(sky.paths), []]
    assert skies_of([other, one], [sky]) == [[], list(sky.paths)]
    nameless = an_hour_later(replace(sky, object_name="SKY"))
    assert skies_of([one, an_hour_later(other)], [nameless]) == [[], list(sky.paths)]
    assert skies_of([an_hour_later(one), other], [nameless]) == [list(sky.paths), []]


def an_hour_later(group):
    late = [replace(item, start=item.start + 1 * u.hour) for item in group.metadata]
    return replace(group, metadata=tuple(late))


def test_directories_have_different_names(tree):
    (group,) = group_exposures(tree.exposures)
    twice = group.exposure_time * 2
    groups = [
        replace(group, **changes)
        for changes in ({}, {"exposure_time": twice}, {"filter_name": "Ks"}, {"object_name": "/"})
    ]
    assert len(set(directory_names([*groups, groups[0]]))) == 5


def test_options_that_exclude_each_other(emirimg, tree, tmp_path):
    both = ("--processes", "2", "--scheduler", "tcp://head:8786")
    for command in (("reduce", tree.root, "-o", tmp_path / "out"), ("run", tree.control)):
        result = emirimg(*command, *both)
        assert result.exit_code == 2
        assert "--processes cannot be combined with --scheduler" in result.stderr
    sky = ("--each", "--sky-exposures", tree.exposures[0])
    result = emirimg("reduce", tree.root, "-o", tmp_path / "out", *sky)
    assert result.exit_code == 2
    assert "no --sky-exposures" in result.stderr
