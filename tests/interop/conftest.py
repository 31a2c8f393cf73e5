"""Collected only where the environment variable NUMINA names the command of that name."""

import os
import shutil

import pytest
from comparison import HEADING, TABLE

NUMINA = shutil.which(os.environ.get("NUMINA", ""))

if NUMINA is None:
    collect_ignore_glob = ["test_*.py"]


@pytest.fixture(scope="session")
def numina():
    """Absolute path of the command."""
    return NUMINA


def pytest_terminal_summary(terminalreporter):
    """Print what came out, however the tests ended."""
    if TABLE:
        terminalreporter.section("agreement with PyEmir")
        terminalreporter.write_line(HEADING)
        for line in TABLE:
            terminalreporter.write_line(line)
