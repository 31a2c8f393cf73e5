"""Numina with PyEmir, and emirimg, reduce the same files.

Collected only where the environment variable NUMINA names the command of that
name, in an environment of its own. EMIRIMG_INTEROP_EXPOSURES is the number of
exposures (14 are those of the tutorial; default: 3 of the HAWAII-2, 2 of the
H2RG), EMIRIMG_INTEROP_TREE a new directory in which everything is kept. The
files of tests do not need each other: let two processes share them.
"""

import os
import shutil
from pathlib import Path

import pytest
from comparison import HEADING
from tree import Tree

NUMINA = shutil.which(os.environ.get("NUMINA", ""))

if NUMINA is None:
    collect_ignore_glob = ["test_*.py"]


@pytest.fixture(scope="session")
def numina():
    """Absolute path of the command."""
    return NUMINA


@pytest.fixture(scope="session")
def make_tree(numina, tmp_path_factory, worker_id):
    """A function that simulates a night with a detector."""

    def make(detector):
        kept = os.environ.get("EMIRIMG_INTEROP_TREE")
        if not kept:
            return Tree(tmp_path_factory.mktemp(detector), numina, detector)
        base = Path(kept) / worker_id / detector
        base.mkdir(parents=True)
        return Tree(base, numina, detector)

    return make


@pytest.fixture
def note(record_property):
    """A function that adds a line to what is printed at the end."""
    return lambda line: record_property("agreement", line)


def pytest_terminal_summary(terminalreporter):
    """Print what came out, however the tests ended."""
    reports = [*terminalreporter.getreports("passed"), *terminalreporter.getreports("failed")]
    lines = [
        text
        for report in reports
        if report.when == "call"
        for name, text in report.user_properties
        if name == "agreement"
    ]
    if lines:
        terminalreporter.section("agreement with PyEmir")
        terminalreporter.write_line(HEADING)
        for line in lines:
            terminalreporter.write_line(line)
