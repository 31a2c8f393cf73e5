"""Packages load their public names when they are first used."""

import ast
import importlib
import subprocess
import sys
from itertools import chain
from pathlib import Path

import pytest

import emirimg

ROOT = Path(emirimg.__file__).parent
STUBS = sorted(ROOT.rglob("__init__.pyi"))
NO_LISTS = {"emirimg", "emirimg.simulation"}
"""Packages that choose from what their modules list."""


def package_of(stub):
    return ".".join(stub.parent.relative_to(ROOT.parent).parts)


def homes(stub):
    """Return the names that a stub takes from each module."""
    tree = ast.parse(stub.read_text(encoding="utf-8"))
    return {node.module: [alias.name for alias in node.names] for node in tree.body if node.module}


def parts(stub):
    """Return the modules that a stub takes as they are."""
    tree = ast.parse(stub.read_text(encoding="utf-8"))
    return [alias.name for node in tree.body if not node.module for alias in node.names]


def test_there_are_such_packages():
    assert {"emirimg.dither", "emirimg.sky", "emirimg.io.numina"} <= set(map(package_of, STUBS))


@pytest.mark.parametrize("stub", STUBS, ids=package_of)
def test_names_are_those_of_the_modules(stub):
    package = importlib.import_module(package_of(stub))
    for home, names in homes(stub).items():
        module = importlib.import_module(f".{home}", package.__name__)
        if package.__name__ not in NO_LISTS:
            assert sorted(names) == sorted(module.__all__)
        for name in names:
            assert getattr(package, name) is getattr(module, name)
    assert sorted(package.__all__) == sorted(chain(parts(stub), *homes(stub).values()))
    for part in parts(stub):
        assert getattr(package, part) is importlib.import_module(f"{package.__name__}.{part}")


def test_packages_need_not_be_imported_one_by_one():
    code = "import emirimg; print(emirimg.io.read_frame.__name__, emirimg.sky.PatternSky())"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout == "read_frame PatternSky()\n"
    folders = {path.name for path in ROOT.iterdir() if (path / "__init__.py").exists()}
    assert folders - {"cli"} <= set(dir(emirimg))
