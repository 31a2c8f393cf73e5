"""Names that become files and directories, and therefore must stay in their place."""

from __future__ import annotations

from pathlib import PurePosixPath, PureWindowsPath
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator

__all__ = ["BlockId", "FileName", "RelativePath"]


def _as_text(value: Any) -> Any:
    """Take a number for its digits: identifiers may be written as numbers."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _printable(name: str) -> str:
    if not name.strip():
        msg = f"{name!r} is empty; a name was expected"
        raise ValueError(msg)
    if not name.isprintable():
        msg = f"{name!r} contains control characters"
        raise ValueError(msg)
    if len(name) > 200:
        msg = f"{name[:20]!r}... has {len(name)} characters; at most 200 are allowed"
        raise ValueError(msg)
    return name


def _single(name: str) -> str:
    _printable(name)
    if "/" in name or "\\" in name or name in {".", ".."}:
        msg = f"{name!r} leads out of its directory; a name without '/' or '\\' was expected"
        raise ValueError(msg)
    return name


def _relative(name: str) -> str:
    _printable(name)
    # Both systems are asked, so that a file means the same everywhere.
    for path in (PurePosixPath(name), PureWindowsPath(name)):
        if path.anchor or ".." in path.parts or not path.parts:
            msg = f"{name!r} leads out of its directory; a path below it was expected"
            raise ValueError(msg)
    return name


BlockId = Annotated[str, BeforeValidator(_as_text), AfterValidator(_single)]
"""Identifier of an observation block; part of the names of its directories."""

FileName = Annotated[str, AfterValidator(_single)]
"""Name of a file in a directory that is known from elsewhere."""

RelativePath = Annotated[str, AfterValidator(_relative)]
"""Path of a file below a directory that is known from elsewhere."""
