"""Refuse arguments of a reducer that nothing can be done with, before any work is done."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TypeVar

from ..exceptions import MixedExposuresError

__all__ = ["listed_exposures", "require_strategies"]

Exposure = TypeVar("Exposure")

_NEEDED = ("sky", "alignment", "resampler", "combiner")
"""Steps that cannot be left out."""


def require_strategies(strategies: Mapping[str, object]) -> None:
    """Check that every step of a reduction is something that can be called, or `None`.

    Parameters
    ----------
    strategies : mapping
        The steps by their names.

    Raises
    ------
    TypeError
        If one is not, cannot be left out, or is a class where an instance is wanted.

    Examples
    --------
    >>> from emirimg.dither.arguments import require_strategies
    >>> from emirimg.sky import ConstantSky
    >>> require_strategies({"sky": ConstantSky(), "residual": None})
    >>> try:
    ...     require_strategies({"sky": ConstantSky})
    ... except TypeError as error:
    ...     print(error)
    sky is the class ConstantSky; an instance, such as ConstantSky(), was expected
    """
    for step, strategy in strategies.items():
        if isinstance(strategy, type):
            name = strategy.__name__
            msg = f"{step} is the class {name}; an instance, such as {name}(), was expected"
            raise TypeError(msg)
        if not callable(strategy) and (strategy is not None or step in _NEEDED):
            msg = f"{step} is {strategy!r}; a strategy object or a function was expected"
            raise TypeError(msg)


def listed_exposures(exposures: Iterable[Exposure]) -> list[Exposure]:
    """Return exposures, given in any iterable, as a list.

    Raises
    ------
    TypeError
        If they are a single path, which may be that of a directory.
    MixedExposuresError
        If there are none.

    Examples
    --------
    >>> from emirimg.dither.arguments import listed_exposures
    >>> listed_exposures(f"{number}.fits" for number in (1, 2))
    ['1.fits', '2.fits']
    """
    if isinstance(exposures, str | Path):
        msg = (
            f"exposures is {str(exposures)!r}; a list of exposures was expected, such as"
            " emirimg.io.find_exposures makes of a file or directory"
        )
        raise TypeError(msg)
    found = list(exposures)
    if not found:
        msg = "no exposures were given; at least one was expected"
        raise MixedExposuresError(msg)
    return found
