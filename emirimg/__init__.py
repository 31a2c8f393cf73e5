"""Reduction of dithered near-infrared images, first of all those of EMIR.

The public names below are loaded when they are first used, so that a command
which needs none of them starts at once.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ._strategy import Strategy
    from ._version import version as __version__
    from .combine import Mosaic
    from .dither import DitherReducer, DitherResult, FrameRecord
    from .exceptions import EmirimgError, EmirimgWarning

__all__ = [
    "DitherReducer",
    "DitherResult",
    "EmirimgError",
    "EmirimgWarning",
    "FrameRecord",
    "Mosaic",
    "Strategy",
    "__version__",
]

_HOMES = {
    "DitherReducer": "dither",
    "DitherResult": "dither",
    "EmirimgError": "exceptions",
    "EmirimgWarning": "exceptions",
    "FrameRecord": "dither",
    "Mosaic": "combine",
    "Strategy": "_strategy",
    "__version__": "_version",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        msg = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(msg)
    return getattr(import_module(f".{_HOMES[name]}", __name__), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
