"""``emirimg check``."""

import json
import shutil

import pytest
from astropy.io import fits


@pytest.fixture
def copy(tree, tmp_path):
    root = tmp_path / "copy"
    shutil.copytree(tree.root, root)
    return root, sorted((root / "data").glob("0*.fits"))


def test_good_exposures(tree, emirimg):
    result = emirimg("check", tree.root)
    assert result.exit_code == 0, result.stderr
    assert "Group 1: TEST, F1230, 30 s RAMP, HAWAII-2, 4 exposures" in result.output
    assert all(path.name.partition("-")[0] in result.output for path in tree.exposures)
    assert "(the first MasterDark for HAWAII-2" in result.output
    assert "A reduction would work" in result.output
    assert max(map(len, result.output.splitlines())) < 160
    assert result.stderr == ""


def test_warnings_do_not_fail(copy, emirimg):
    root, files = copy
    files[1].unlink()
    result = emirimg("check", root)
    assert result.exit_code == 0
    assert "  warning: 3 of the 4 positions" in result.output
    assert "A reduction would work: 1 warning" in result.output


def test_errors_fail(copy, emirimg):
    root, files = copy
    fits.setval(files[1], "FILTER", value="Ks")
    result = emirimg("check", root)
    assert result.exit_code == 1
    assert "  error: 2 groups of exposures must not be combined" in result.output
    assert "A reduction would not work: 1 error" in result.output
    refused = emirimg("reduce", root, "-o", root / "results")
    assert refused.exit_code == 1


def test_json_is_nothing_but_json(copy, emirimg):
    root, files = copy
    files[1].write_bytes(files[1].read_bytes()[:-5000])
    result = emirimg("check", root, "--json")
    assert result.exit_code == 1
    content = json.loads(result.stdout)
    assert content["works"] is False
    (finding,) = content["groups"][0]["findings"]
    assert (finding["severity"], finding["files"]) == ("error", [files[1].name])


def test_named_calibrations(tree, emirimg):
    result = emirimg("check", tree.root, "--flat", tree.flat, "--json")
    uses = json.loads(result.stdout)["groups"][0]["calibrations"]
    assert [use["path"] for use in uses] == [None, None, str(tree.flat)]
    both = emirimg("check", tree.root, "--flat", tree.flat, "-r", tree.control)
    assert both.exit_code == 2
