"""Imports go one way: from the end of the list below to its beginning."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import emirimg

ORDER = (
    {"emirimg._version"},
    {"emirimg.exceptions"},
    {
        "emirimg._strategy",
        "emirimg._provenance",
        "emirimg._parallel",
        "emirimg._processes",
        "emirimg._jobs",
        "emirimg._memory",
        "emirimg._lazy",
        "emirimg._html",
        "emirimg._wording",
    },
    {"emirimg.instrument"},
    {"emirimg.projection.grid", "emirimg.projection._transform"},
    {"emirimg.stack"},
    {"emirimg.combine.planes", "emirimg.combine.kernels", "emirimg.combine.median"},
    {"emirimg.combine.combiners"},
    {"emirimg.calibration"},
    {"emirimg.flat"},
    {"emirimg.sky"},
    {"emirimg.alignment"},
    {"emirimg.projection"},
    {"emirimg.combine"},
    {"emirimg.objects"},
    {"emirimg.blocks"},
    {"emirimg.io"},
    {"emirimg.dither"},
    {"emirimg.simulation"},
    {"emirimg.report"},
    {"emirimg.cli"},
)
"""A more specific name goes before a package; members of one set may import each other."""

ROOT = Path(emirimg.__file__).parent
SOURCES = sorted(ROOT.rglob("*.py"))


def module_name(path):
    parts = path.relative_to(ROOT.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def place(module):
    """Return the place of the longest name in the list that holds the module."""
    while module:
        for index, members in enumerate(ORDER):
            if module in members:
                return index
        module = module.rpartition(".")[0]
    return None


def imported_modules(path):
    """Yield (line, module) for every import of the package's own modules, at any depth."""
    package = module_name(path).split(".")
    if path.name != "__init__.py":
        package = package[:-1]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*base, *([node.module] if node.module else [])])
            for alias in node.names:
                yield node.lineno, f"{module}.{alias.name}"


def wrong_imports(path):
    here = place(module_name(path))
    for line, module in imported_modules(path):
        there = place(module) if module.partition(".")[0] == "emirimg" else None
        if there is not None and here is not None and there > here:
            yield f"{path.relative_to(ROOT.parent)}:{line} imports {module}"


def test_every_module_has_a_place():
    lost = [module_name(path) for path in SOURCES if place(module_name(path)) is None]
    assert lost == ["emirimg", "emirimg.__main__"]


def test_imports_go_one_way():
    wrong = [text for path in SOURCES for text in wrong_imports(path)]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize(
    ("line", "is_wrong"),
    [
        ("from ..instrument import Detector", False),
        ("from ..projection.grid import MosaicGrid", False),
        ("from .model import SkyModel", False),
        ("from ..projection import MosaicGrid", True),
        ("from ..dither.reducer import DitherReducer", True),
        ("import emirimg.io", True),
        ("def late():\n    from .. import cli", True),
    ],
)
def test_the_test_sees_wrong_imports(line, is_wrong, tmp_path, monkeypatch):
    source = tmp_path / "emirimg" / "sky" / "example.py"
    source.parent.mkdir(parents=True)
    source.write_text(line)
    monkeypatch.setattr(f"{__name__}.ROOT", tmp_path / "emirimg")
    assert bool(list(wrong_imports(source))) == is_wrong


def test_the_reducer_loads_only_what_every_run_needs():
    heavy = (
        "matplotlib", "photutils", "reproject", "scipy.interpolate", "scipy.ndimage",
        "scipy.optimize", "scipy.spatial", "scipy.special",
    )  # fmt: skip
    code = (
        "import sys; from emirimg import DitherReducer;"
        f" print(*sorted(set({heavy}) & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def test_a_plan_loads_nothing_that_works_on_images():
    heavy = (
        "astropy.coordinates", "astropy.nddata", "emirimg.alignment", "emirimg.dither.legacy",
        "emirimg.dither.reducer", "numba", "scipy",
    )  # fmt: skip
    code = f"import sys, emirimg.cli._blocks; print(*sorted(set({heavy}) & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
