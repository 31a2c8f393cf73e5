"""``emirimg run``: observation blocks to results, as numina leaves them."""

import json
from pathlib import Path

import numpy as np
import pytest
import yaml
from astropy.io import fits
from night import IDS, edit, names

from emirimg.dither import RunOptions, legacy, plan_run, run_blocks
from emirimg.exceptions import SkyError
from emirimg.instrument import H2RG, HAWAII2
from emirimg.io import read_control, read_mosaic

STRATEGIES = (
    "sky: constant", "alignment: header", "resampler: interp", "starflat: none",
    "objects: none", "hidden_pixels: none", "residual: none",
)  # fmt: skip
RESULTS = ["processing.log", "reduced_image.fits", "result.json", "task.json"]
MOSAIC_RESULTS = sorted([*RESULTS, "report.html", "summary.json", "frames.ecsv"])


def test_step_1_by_copy(emirimg, place, calls):
    result = emirimg("run", "dithered_ini.yaml", "-r", "control.yaml")
    assert result.exit_code == 0, result.stderr
    assert result.stdout.splitlines() == [
        f"{name}: obsid{name}_results/reduced_image.fits" for name in IDS
    ]
    made = [f"obsid{name}_{kind}" for name in IDS for kind in ("results", "work")]
    assert set(names(place)) >= set(made)
    assert names(place / f"obsid{IDS[0]}_results") == RESULTS
    work = place / f"obsid{IDS[0]}_work"
    assert names(work) == [
        "0001877553-20181217-EMIR-STARE_IMAGE.fits", "index.json", "master_bpm.fits",
        "master_dark_zeros.fits", "master_flat_spec.fits",
    ]  # fmt: skip
    assert not any(path.is_symlink() for path in work.iterdir())
    assert len(calls) == 4
    kind, frames, requirements, calibrations = calls[0]
    assert kind == "stare"
    assert len(frames) == 1
    assert requirements.reprojection_method == "interp"
    assert calibrations is calls[3][3]
    assert [kind for kind, _, _ in calibrations.inputs] == ["bad_pixels", "dark", "flat"]
    task = json.loads((place / f"obsid{IDS[0]}_results" / "task.json").read_text())
    assert task["id"] == task["request_params"]["oblock_id"] == IDS[0]
    assert task["request_params"]["instrument_configuration"] == HAWAII2.uuid
    assert task["request_params"]["copy_files"] is True
    assert task["request_runinfo"]["inputs"] == {
        "master_bpm": {"source": "control file", "value": "master_bpm.fits"},
        "master_bias": {"source": "default", "value": None},
        "master_dark": {"source": "control file", "value": "master_dark_zeros.fits"},
        "master_flat": {"source": "control file", "value": "master_flat_spec.fits"},
        "reprojection_method": {"source": "observation block", "value": "interp"},
    }
    header = fits.getheader(place / f"obsid{IDS[0]}_results" / "reduced_image.fits")
    assert header["NUM-BPM"] == f"uuid:{fits.getheader('data/master_bpm.fits')['UUID']}"
    assert header["NUM-NCOM"] == 1


@pytest.mark.parametrize("option", ["--link-files", "--not-copy-files"])
def test_step_1_by_link(emirimg, place, option):
    assert emirimg("run", "dithered_ini.yaml", option).exit_code == 0
    work = place / f"obsid{IDS[0]}_work"
    links = {path.name: str(path.readlink()) for path in work.iterdir() if path.is_symlink()}
    assert links["master_bpm.fits"] == "../data/master_bpm.fits"
    assert len(links) == 4


def test_step_2(emirimg, step1, calls):
    result = emirimg("run", "dithered_v1.yaml", "--link-files", "-r", "control.yaml")
    assert result.exit_code == 0, result.stderr
    assert result.stdout == "_combined_v1: obsid_combined_v1_results/reduced_image.fits\n"
    assert names(step1 / "obsid_combined_v1_results") == RESULTS
    ((kind, frames, requirements, offsets, frame_names),) = calls
    assert (kind, len(frames), offsets) == ("dither", 4, None)
    assert requirements.refine_offsets
    images = [step1 / f"obsid{name}_results" / "reduced_image.fits" for name in IDS]
    assert frame_names == [f"reduced_image_{fits.getheader(image)['UUID']}" for image in images]
    work = names(step1 / "obsid_combined_v1_work")
    assert work == sorted(
        ["index.json", "master_bpm.fits", "superflat_comb_i0.fits"]
        + [f"{name}.fits" for name in frame_names]
    )
    with fits.open(step1 / "obsid_combined_v1_results" / "reduced_image.fits") as hdus:
        assert [hdu.name for hdu in hdus] == ["PRIMARY", "VARIANCE", "MAP"]
        assert hdus[0].header["NUM-NCOM"] == 4
    content = json.loads((step1 / "obsid_combined_v1_results" / "result.json").read_text())
    assert content["values"] == {"reduced_image": "reduced_image.fits", "result_sky": None}
    task = json.loads((step1 / "obsid_combined_v1_results" / "task.json").read_text())
    inputs = task["request_runinfo"]["inputs"]
    assert inputs["refine_offsets"] == {"source": "observation block", "value": True}
    assert inputs["method"] == {"source": "default", "value": "sigmaclip"}


@pytest.mark.usefixtures("calls")
def test_intermediate_images_that_nobody_wants_are_removed(step1):
    options = RunOptions(link=True, intermediate=False)
    plans = plan_run([Path("dithered_v1.yaml")], read_control(Path("control.yaml")), options)
    run_blocks(plans, options)
    work = names(step1 / "obsid_combined_v1_work")
    assert len(work) == len(IDS) + 2
    assert all(name.startswith(("reduced_image_", "index", "master_bpm")) for name in work)


@pytest.mark.usefixtures("step1")
def test_positions_of_a_reference_object(emirimg, calls):
    assert emirimg("run", "dithered_v2.yaml").exit_code == 0
    np.testing.assert_array_equal(calls[0][3], np.loadtxt("data/user_offsets.txt")[:, :2])


def test_both_steps_at_once_in_any_order(emirimg, place, calls):
    edit(place / "dithered_v0.yaml", ("enabled: True", "enabled: False"))
    result = emirimg(
        "run", "dithered_v0.yaml", "-e", "_combined_v0", *(f"--enable={name}" for name in IDS)
    )
    assert result.exit_code == 0, result.stderr
    assert [call[0] for call in calls] == ["stare"] * 4 + ["dither"]
    assert (place / "obsid_combined_v0_results" / "reduced_image.fits").exists()


def test_children_in_another_file(emirimg, place, calls):
    text = (place / "dithered_v0.yaml").read_text()
    (place / "combined.yaml").write_text(text.split("---\n")[-1])
    assert emirimg("run", "combined.yaml", "dithered_ini.yaml").exit_code == 0
    assert [call[0] for call in calls] == ["stare"] * 4 + ["dither"]


def test_parameters(emirimg, step1, calls):
    result = emirimg(
        "run", "dithered_v0.yaml", "--parameter-iterations=1", "--parameter-sky_images", "6",
        "--parameter-method_kwargs={low: 2.0}",
    )  # fmt: skip
    assert result.exit_code == 0, result.stderr
    requirements = calls[0][2]
    assert (requirements.iterations, requirements.sky_images) == (1, 6)
    assert requirements.method_kwargs.low == 2
    task = json.loads((step1 / "obsid_combined_v0_results" / "task.json").read_text())
    assert task["request_runinfo"]["inputs"]["sky_images"]["source"] == "command line"


def test_requirements_of_the_control_file(emirimg, step1, calls):
    edit(step1 / "control.yaml", ("x_offsets", "offsets"), ("ref_object_pos", "user_offsets"))
    assert emirimg("run", "dithered_v0.yaml").exit_code == 0
    assert calls[0][3].shape == (4, 2)
    task = json.loads((step1 / "obsid_combined_v0_results" / "task.json").read_text())
    assert task["request_runinfo"]["inputs"]["offsets"]["source"] == "control file"


def test_directories(emirimg, place, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (place / "data").rename(place / "raw")
    result = emirimg(
        "run", place / "dithered_ini.yaml", "--basedir", place, "--datadir", "raw",
        "--calibsdir", "raw", "--link-files",
    )  # fmt: skip
    assert result.exit_code == 0, result.stderr
    assert (place / f"obsid{IDS[0]}_results" / "task.json").exists()
    task = json.loads((place / f"obsid{IDS[0]}_results" / "task.json").read_text())
    assert task["request_runinfo"]["work_dir"] == f"obsid{IDS[0]}_work"
    assert names(tmp_path) == ["night"]


def test_directories_of_the_only_block(emirimg, step1):
    options = ["--workdir", "w", "--resultsdir", "r/esults"]
    assert emirimg("run", "dithered_v0.yaml", *options).exit_code == 0
    assert names(step1 / "r" / "esults") == RESULTS
    assert (step1 / "w" / "index.json").exists()
    result = emirimg("run", "dithered_ini.yaml", *options)
    assert result.exit_code == 1
    assert "but 4 blocks are enabled" in result.stderr


def test_report_of_a_recipe_where_it_is_asked_for(emirimg, step1):
    assert emirimg("run", "dithered_v0.yaml", "--report").exit_code == 0
    assert names(step1 / "obsid_combined_v0_results") == MOSAIC_RESULTS
    summary = json.loads((step1 / "obsid_combined_v0_results" / "summary.json").read_text())
    shown = [frame["name"] for frame in summary["frames"]]
    assert shown == [f"obsid{name}_results" for name in IDS]


def test_cleanup(emirimg, step1):
    assert emirimg("run", "dithered_v0.yaml", "--cleanup").exit_code == 0
    assert (step1 / "obsid_combined_v0_results").exists()
    assert not (step1 / "obsid_combined_v0_work").exists()
    assert len(names(step1 / "data")) > 4


def test_dump_control(emirimg, step1):
    assert emirimg("run", "dithered_v0.yaml", "--dump-control").exit_code == 0
    dump = yaml.safe_load((step1 / "control_dump.yaml").read_text())
    assert dump["ob_ids"] == ["_combined_v0"]
    assert set(dump["products"]["EMIR"]) == {HAWAII2.uuid, H2RG.uuid}
    assert emirimg("run", "dithered_v0.yaml", "-c", "control_dump.yaml").exit_code == 0


def test_session(emirimg, place, calls):
    text = (place / "dithered_ini.yaml").read_text()
    (place / "session.yaml").write_text(f"- id: {IDS[2]}\n---\n{text}")
    assert emirimg("run", "session.yaml", "--session").exit_code == 0
    assert len(calls) == 1
    assert (place / f"obsid{IDS[2]}_results").exists()


def test_validate(emirimg, place):
    assert emirimg("run", "dithered_ini.yaml", "--validate").exit_code == 0
    task = json.loads((place / f"obsid{IDS[0]}_results" / "task.json").read_text())
    assert task["request_params"]["validate_results"] is True


def test_pipeline(emirimg, step1, calls):
    edit(
        step1 / "control.yaml", ("x_offsets", "offsets"), ("ref_object_pos", "user_offsets"),
        ("default:", "other:"),
    )  # fmt: skip
    emirimg("run", "dithered_v0.yaml")
    emirimg("run", "dithered_v0.yaml", "-p", "other")
    assert [call[3] is None for call in calls] == [True, False]


def test_detector_of_the_exposures(emirimg, place, calls):
    result = emirimg("run", "dithered_ini.yaml", "-i", H2RG.uuid)
    assert result.exit_code == 0, result.stderr
    assert calls[0][1][0].meta["INSCONF"] == H2RG.uuid
    work = names(place / f"obsid{IDS[0]}_work")
    assert "master_flat_spec_H2RG.fits" in work
    assert emirimg("run", "dithered_ini.yaml", "-i", "what").exit_code == 1


def test_nothing_is_enabled(emirimg, place):
    edit(place / "dithered_ini.yaml", ("enabled: True", "enabled: False"))
    result = emirimg("run", "dithered_ini.yaml")
    assert result.exit_code == 0
    assert "no block is enabled" in result.stderr


def test_results_of_another_program(emirimg, step1, calls):
    for name in IDS:
        results = step1 / f"obsid{name}_results"
        (results / "reduced_image.fits").rename(results / "other.fits")
        (results / "result.json").write_text('{"values": {"reduced_image": "other.fits"}}')
        (results / "task.json").unlink()
    result = emirimg("run", "dithered_v0.yaml", "--link-files")
    assert result.exit_code == 0, result.stderr
    assert calls[0][4][0].startswith("other_")


def test_images_without_a_mask_get_that_of_the_control_file(emirimg, step1, calls):
    for name in IDS:
        path = step1 / f"obsid{name}_results" / "reduced_image.fits"
        data, header = fits.getdata(path), fits.getheader(path)
        fits.writeto(path, data, header, overwrite=True)
    assert emirimg("run", "dithered_v0.yaml").exit_code == 0
    expected = fits.getdata(step1 / "data" / "master_bpm.fits") != 0
    np.testing.assert_array_equal(calls[0][1][0].frame.mask, expected)


def test_strategies_take_the_raw_exposures(emirimg, place, calls):
    edit(
        place / "dithered_v0.yaml",
        ("refine_offsets: False", "\n  ".join(STRATEGIES)),
    )
    result = emirimg("run", "dithered_v0.yaml", "--link-files")
    assert result.exit_code == 0, result.stderr
    assert not calls
    assert names(place / "obsid_combined_v0_results") == MOSAIC_RESULTS
    mosaic = read_mosaic(place / "obsid_combined_v0_results" / "reduced_image.fits")
    assert mosaic.coverage.max() == 4
    assert len([name for name in names(place / "obsid_combined_v0_work") if "EMIR" in name]) == 4
    log = (place / "obsid_combined_v0_results" / "processing.log").read_text()
    assert "resampler: InterpResampler()" in log


def test_a_failure_leaves_the_old_results_and_a_log(emirimg, step1, monkeypatch):
    assert emirimg("run", "dithered_v0.yaml").exit_code == 0
    before = (step1 / "obsid_combined_v0_results" / "task.json").read_text()

    def fail(*_, **__):
        msg = "the sky fell"
        raise SkyError(msg)

    monkeypatch.setattr(legacy, "full_dithered_image", fail)
    result = emirimg("run", "dithered_v0.yaml")
    assert result.exit_code == 1
    assert result.stderr.endswith("emirimg: error: the sky fell\n")
    assert names(step1 / "obsid_combined_v0_results") == RESULTS
    assert (step1 / "obsid_combined_v0_results" / "task.json").read_text() == before
    log = (step1 / "obsid_combined_v0_work" / "processing.log").read_text()
    assert "ERROR - SkyError: the sky fell" in log
    assert not [name for name in names(step1) if name.startswith(".")]


@pytest.mark.usefixtures("place")
def test_help_of_a_parameter(emirimg):
    result = emirimg("run", "dithered_ini.yaml", "--parameter-")
    assert result.exit_code == 2
    assert "--parameter-NAME=VALUE was expected" in result.stderr
