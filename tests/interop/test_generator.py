"""``emirimg generate-yaml`` writes what the command of PyEmir writes."""

import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner

from emirimg.cli import main

NAMES = [f"{number:010}-20181217-EMIR-STARE_IMAGE.fits" for number in range(1877553, 1877559)]
LINES = ["# a comment", *NAMES[:2], "@ another", *(f"{name} 1.5 word" for name in NAMES[2:])]


@pytest.mark.parametrize(
    "options",
    [
        ["--step", "0"],
        ["--step", "0", "--repeat", "2", "--reprojection", "none"],
        ["--step", "1", "--repeat", "3", "--reprojection", "exact"],
        ["--step", "1", "--reprojection", "adaptive", "--obsid_combined", "combined_v0"],
    ],
    ids=" ".join,
)
def test_same_file(numina, options, tmp_path):
    (tmp_path / "list.txt").write_text("".join(f"{line}\n" for line in LINES))
    ours, theirs = (
        [str(tmp_path / "list.txt"), *options, "--outfile", str(tmp_path / name)]
        for name in ("ours", "theirs")
    )
    command = Path(numina).with_name("pyemir-generate_yaml_for_dithered_image")
    subprocess.run([str(command), *theirs], check=True, capture_output=True)
    result = CliRunner().invoke(main, ["generate-yaml", *ours])
    assert result.exit_code == 0, result.output
    assert (tmp_path / "ours").read_bytes() == (tmp_path / "theirs").read_bytes()
