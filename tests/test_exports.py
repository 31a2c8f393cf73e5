"""Packages load their public names when they are first used."""

import ast
import importlib
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
    return {node.module: [alias.name for alias in node.names] for node in tree.body}


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
    assert sorted(package.__all__) == sorted(chain(*homes(stub).values()))
