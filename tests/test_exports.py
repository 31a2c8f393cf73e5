"""Packages that load their public names when they are first used."""

import ast
import importlib
from pathlib import Path

import pytest

import emirimg

ROOT = Path(emirimg.__file__).parent
PACKAGES = [
    path.parent
    for path in sorted(ROOT.rglob("__init__.py"))
    if "import exported" in path.read_text(encoding="utf-8")
]


def name_of(path):
    return ".".join(path.relative_to(ROOT.parent).parts)


def starred(path):
    """Return the modules all of whose names a package shows to type checkers."""
    tree = ast.parse((path / "__init__.py").read_text(encoding="utf-8"))
    return [
        node.module
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.names[0].name == "*"
    ]


def test_there_are_such_packages():
    assert {"emirimg.dither", "emirimg.sky", "emirimg.io.numina"} <= set(map(name_of, PACKAGES))


@pytest.mark.parametrize("path", PACKAGES, ids=name_of)
def test_names_are_those_that_the_modules_list(path):
    package = importlib.import_module(name_of(path))
    modules = {
        home: importlib.import_module(f".{home}", package.__name__) for home in starred(path)
    }
    listed = [name for module in modules.values() for name in module.__all__]
    assert sorted(package.__all__) == sorted(listed)
    for module in modules.values():
        for name in module.__all__:
            assert getattr(package, name) is getattr(module, name)
    assert set(listed) <= set(dir(package))


@pytest.mark.parametrize("path", PACKAGES, ids=name_of)
def test_no_module_has_a_name_that_its_package_exports(path):
    """The module, once loaded, would be found instead."""
    package = importlib.import_module(name_of(path))
    modules = {item.stem for item in path.iterdir()}
    assert not modules & set(package.__all__)


def test_an_unknown_name():
    sky = importlib.import_module("emirimg.sky")
    with pytest.raises(AttributeError, match=r"'emirimg\.sky' has no attribute 'PaternSky'"):
        sky.PaternSky  # noqa: B018
