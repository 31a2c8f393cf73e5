"""What ``emirimg run`` refuses: before any work, with file, document and line."""

import os
import re

import numpy as np
import pytest
from astropy.io import fits
from hypothesis import HealthCheck, given, settings, strategies as st
from night import IDS, edit, names

from emirimg.instrument import H2RG


def contents(directory):
    return {path: path.lstat().st_mtime_ns for path in sorted(directory.rglob("*"))}


@pytest.fixture
def refused(emirimg, place):
    """Run a command that must fail, and return its message; nothing may have been written."""

    def run(*arguments):
        before = contents(place)
        result = emirimg("run", *arguments)
        assert result.exit_code == 1, result.output
        assert result.stdout == ""
        assert result.stderr.startswith("emirimg: error: ")
        assert contents(place) == before
        return result.stderr

    return run


@pytest.mark.parametrize(
    ("found", "replacement", "message"),
    [
        ("instrument: EMIR", "instrument: MEGARA", r"ini\.yaml:2: \(document 1\) instrument: "),
        ("mode: STARE_IMAGE", "mode: STARE_IMAG", r"ini\.yaml:3: .*did you mean 'STARE_IMAGE'"),
        ("mode: STARE_IMAGE", "mode: STARE_SPECTRA", r"ini\.yaml:3: .*not an imaging mode"),
        ("frames:", "frame:", r"ini\.yaml:4: .*unknown key: did you mean 'frames'"),
        ("0001877559-", "0001877550-", r"ini\.yaml:14: \(document 2\) frames\.0: .*no such file"),
        ("0001877559-", "../0001877550-", r"ini\.yaml:14: .*leads out of its directory"),
        ("interp", "intrep", r"ini\.yaml:7: .*reprojection_method: found 'intrep'"),
        ("  reprojection_method", "  reproj_method", r"ini\.yaml:7: .*did you mean 'reprojection"),
        (
            "id: _0001877559",
            "id: _0001877553",
            r"ini\.yaml:10: .*is the id of the block in line 1",
        ),
        ("id: _0001877553", "id: ../../up", r"ini\.yaml:1: .*leads out of its directory"),
        ("enabled: True", "enabled: maybe", r"ini\.yaml:8: .*enabled: found 'maybe'"),
        ("requirements:", "requirements: [", r"ini\.yaml:8: .*not valid YAML"),
    ],
)
def test_step_1(refused, place, found, replacement, message):
    text = (place / "dithered_ini.yaml").read_text()
    at = text.index(found)
    (place / "dithered_ini.yaml").write_text(text[:at] + replacement + text[at + len(found) :])
    assert re.search(message, refused("dithered_ini.yaml", "-r", "control.yaml"))


@pytest.mark.parametrize(
    ("found", "replacement", "message"),
    [
        (" - _0001877559\n", " - _0001877550\n", r":42: \(document 5\) children\.1: no block has"),
        ("iterations: 0", "iterations: 1", r"iterations is 1, so sky_images must be"),
        ("sky_images: 0", "sky_images: 6", r"sky_images is 6, so iterations must be"),
        ("iterations: 0", "iteration: 0", r":46: .*did you mean 'iterations'"),
        ("iterations: 0", "offsets: nowhere.txt", r":46: .*nowhere\.txt cannot be read"),
        ("iterations: 0", "offsets: master_bpm.fits", r":46: .*(cannot be read|two numbers)"),
        ("iterations: 0", "resampler: lanczos", r":46: .*did you mean 'lanczos3'"),
        ("iterations: 0", "adhoc_sky_correction_h2rg: True", r":45: .*for the detector HAWAII-2"),
        (
            "iterations: 0",
            "nside_adhoc_sky_correction: 3\n  adhoc_sky_correction_h2rg: True",
            r"exclude each other",
        ),
        (
            "refine_offsets: False",
            "extinction: 0.1\n  sky: pattern",
            r"cannot be combined with sky",
        ),
        ("refine_offsets: False", "method: mode", r":48: .*method: found 'mode'"),
        (
            "refine_offsets: False",
            "method: mean\n  method_kwargs: {low: 2.0}",
            r"method_kwargs belong to method sigmaclip",
        ),
        (" - _0001877553\n - _0001877559\n", " - _combined_v0\n", r"contain each other|the mode"),
    ],
)
@pytest.mark.usefixtures("step1")
def test_step_2(refused, place, found, replacement, message):
    edit(place / "dithered_v0.yaml", (found, replacement))
    assert re.search(message, refused("dithered_v0.yaml", "-r", "control.yaml"))


def test_a_file_in_the_place_of_a_directory(refused, place):
    (place / "obsid_0001877559_results").touch()
    message = refused("dithered_ini.yaml", "-r", "control.yaml")
    assert re.search(r"ini\.yaml:10: .*obsid_0001877559_results is a file; a directory", message)


def test_no_permission(refused, monkeypatch):
    monkeypatch.setattr("os.access", lambda _, mode: mode == os.R_OK)  # root may all
    message = refused("dithered_ini.yaml", "-r", "control.yaml")
    assert re.search(r"obsid_0001877559_work cannot be made: .* cannot be written to", message)


def test_children_without_results(refused):
    message = refused("dithered_v0.yaml")
    lines = message.splitlines()
    assert len(lines) == 4
    assert re.search(
        r"dithered_v0\.yaml:41: \(document 5\) children\.0: .*result\.json does not exist",
        lines[0],
    )


@pytest.mark.usefixtures("step1")
def test_children_with_damaged_results(refused, place):
    (place / f"obsid{IDS[1]}_results" / "result.json").write_text("{")
    (place / f"obsid{IDS[2]}_results" / "reduced_image.fits").write_text("x")
    message = refused("dithered_v0.yaml")
    assert re.search(r"v0\.yaml:42: .*result\.json is damaged", message)
    assert re.search(r"v0\.yaml:43: .*reduced_image\.fits is not a FITS file", message)


@pytest.mark.usefixtures("step1")
def test_children_that_do_not_belong_together(refused, place):
    path = place / f"obsid{IDS[1]}_results" / "reduced_image.fits"
    fits.setval(path, "FILTER", value="H")
    assert re.search(r"v0\.yaml:40: .*children: .*filter", refused("dithered_v0.yaml"), re.DOTALL)


@pytest.mark.parametrize(
    ("found", "replacement", "message"),
    [
        ("master_flat_spec.fits", "no.fits", r"ini\.yaml:1: .*MasterIntensityFlat of .*no such"),
        ("master_bpm.fits", "control.yaml", r"MasterBadPixelMask of the control file: .*no such"),
        ("'MasterDark'", "'MasterDrak'", r"control\.yaml:\d+: .*did you mean 'MasterDark'"),
        ("'MasterDark', tags: {}", "'MasterDark', tags: {filter: Y}", r"no MasterDark for the"),
        ("version: 1", "version: 2", r"control\.yaml:1: .*only version 1"),
        ("x_offsets", "ofsets", r"control\.yaml:\d+: .*did you mean 'offsets'"),
    ],
)
def test_calibrations(refused, place, found, replacement, message):
    edit(place / "control.yaml", (found, replacement))
    assert re.search(message, refused("dithered_ini.yaml", "-r", "control.yaml"))


def test_a_missing_calibration_is_named_once(refused, place):
    edit(place / "control.yaml", ("master_flat_spec.fits", "no.fits"))
    message = refused("dithered_ini.yaml", "-r", "control.yaml")
    assert message.count("no.fits: no such file; an image (FITS) was expected") == 1


def test_calibration_of_another_shape(refused, place):
    path = place / "data" / "master_bpm.fits"
    path.unlink()
    fits.writeto(path, np.zeros((5, 6), np.uint8))
    message = refused("dithered_ini.yaml")
    assert "has the shape (5, 6), but the exposures have (256, 256)" in message
    assert message.count("master_bpm.fits") == 4


def test_no_control_file(refused, place):
    (place / "control.yaml").unlink()
    assert "give a control file with -r" in refused("dithered_ini.yaml")


@pytest.mark.parametrize(
    ("keyword", "value", "message"),
    [
        ("DATE-OBS", "2023-05-01T00:00:00", "EMIR had no detector in use at 2023-05-01"),
        ("EXPTIME", -1, "keyword EXPTIME is -1"),
        ("DETSEC", "", r"has the shape \(256, 256\), but an exposure .* \(2048, 2048\)"),
        ("CTYPE1", "LINEAR", "no celestial WCS"),
    ],
)
def test_exposures(refused, place, keyword, value, message):
    name = "0001877559-20181217-EMIR-STARE_IMAGE.fits"
    original = (place / "data" / name).resolve()
    (place / "data" / name).unlink()
    header = fits.getheader(original)
    header[keyword] = value
    del header["INSCONF"]
    fits.writeto(place / "data" / name, fits.getdata(original), header)
    found = refused("dithered_ini.yaml")
    assert re.search(rf"ini\.yaml:14: \(document 2\) frames\.0: .*{message}", found)


def test_repeats_that_do_not_belong_together(refused, place):
    name = "0001877559-20181217-EMIR-STARE_IMAGE.fits"
    original = (place / "data" / name).resolve()
    (place / "data" / name).unlink()
    header = fits.getheader(original)
    header["FILTER"] = "H"
    fits.writeto(place / "data" / name, fits.getdata(original), header)
    text = (place / "dithered_ini.yaml").read_text()
    first = " - 0001877553-20181217-EMIR-STARE_IMAGE.fits\n"
    (place / "dithered_ini.yaml").write_text(text.replace(first, f"{first} - {name}\n"))
    found = refused("dithered_ini.yaml")
    assert re.search(r"ini\.yaml:4: \(document 1\) frames: .*filter", found, re.DOTALL)


def test_all_problems_are_told_at_once(refused, place):
    edit(place / "dithered_ini.yaml", ("0001877553-", "x-"), ("0001877571-", "y-"))
    edit(place / "control.yaml", ("master_flat_spec.fits", "no.fits"))
    message = refused("dithered_ini.yaml")
    assert message.index("frames.0: data/x-") < message.index("no.fits") < message.index("data/y-")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--enable", "_00018775"], "--enable: no block has the id '_00018775': did you mean"),
        (
            ["--parameter-iteration=1"],
            "--parameter-iteration: no mode .*did you mean 'iterations'",
        ),
        (["--parameter-reprojection_method=x"], r"reprojection_method: found 'x'"),
        (["--parameter-iterations=["], "is not a value"),
        (["--workdir", "w"], "but 4 blocks are enabled"),
        (["-i", H2RG.uuid[:-1]], "no EMIR detector has the uuid"),
    ],
)
def test_options(refused, options, message):
    assert re.search(message, refused("dithered_ini.yaml", *options))


def test_unknown_requirements_with_and_without_strictness(emirimg, refused, place):
    edit(place / "dithered_ini.yaml", ("  reprojection_method: interp", "  speed: high"))
    assert "unknown key" in refused("dithered_ini.yaml", "--strict-reqs")
    result = emirimg("run", "dithered_ini.yaml", "--loose-reqs")
    assert result.exit_code == 0, result.stderr
    assert "dithered_ini.yaml:7: (document 1) requirements.speed" in result.stderr


WORDS = st.sampled_from(
    ["id", "mode", "frames", ":", "-", "---", "\n", "  ", "{", "]", "'", "&a", "*a", "!!x", "\t",
     "STARE_IMAGE", "children", "0", "null", "enabled: yes", "\x00", "\u2028", "#", "|", "?", ","]
)  # fmt: skip


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(words=st.lists(WORDS, min_size=1, max_size=4), where=st.floats(0, 1))
def test_no_file_makes_a_traceback(emirimg, place, words, where):
    text = (place / "dithered_ini.yaml").read_text()
    at = int(where * len(text))
    (place / "fuzzed.yaml").write_text(text[:at] + "".join(words) + text[at:], encoding="utf-8")
    # Nothing is run: the frames of sound blocks are looked for where there are none.
    result = emirimg("run", "fuzzed.yaml", "--datadir", "nowhere")
    if result.exit_code:
        assert result.exit_code == 1
        assert re.search(r"fuzzed\.yaml:\d+: \(document|fuzzed\.yaml:\d+: ", result.stderr)
        assert "This is a defect" not in result.stderr
    assert not [name for name in names(place) if name.startswith("obsid")]
