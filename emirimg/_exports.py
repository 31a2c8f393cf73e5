"""Packages whose public names are loaded when they are first used."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import Any

__all__ = ["exported"]


def exported(
    package: str, homes: Mapping[str, Sequence[str]]
) -> tuple[Callable[[str], Any], Callable[[], list[str]], list[str]]:
    """Return ``__getattr__``, ``__dir__`` and ``__all__`` of a package.

    So a command loads no module that it does not need: the models and compiled
    functions of all of them take as long to make as a mosaic of a few exposures.

    Parameters
    ----------
    package : str
        Name of the package.
    homes : mapping
        Its modules, relative to it, and the names that each of them lists.
    """
    names = {name: module for module, members in homes.items() for name in members}

    def load(name: str) -> Any:
        if name not in names:
            msg = f"module {package!r} has no attribute {name!r}"
            raise AttributeError(msg)
        thing = getattr(import_module(f"{package}.{names[name]}"), name)
        setattr(sys.modules[package], name, thing)  # the next time nobody asks
        return thing

    def listed() -> list[str]:
        return sorted({*vars(sys.modules[package]), *names})

    return load, listed, list(names)
