"""Strategies that the command line selects by name.

The names stand here as texts, so that ``--help`` need not load the classes;
a test compares them with the classes.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any

import click

from ._options import Command

__all__ = ["STRATEGIES", "make_strategies", "strategy_options"]

STRATEGIES: Mapping[str, Mapping[str, str]] = {
    "sky": {
        "pattern": "emirimg.sky:PatternSky",
        "auto": "emirimg.sky:AutoSky",
        "neighbours": "emirimg.sky:NeighbourSky",
        "constant": "emirimg.sky:ConstantSky",
    },
    "alignment": {
        "stars": "emirimg.alignment:StarAlignment",
        "header": "emirimg.alignment:HeaderAlignment",
    },
    "resampler": {
        "lanczos3": "emirimg.projection:LanczosResampler",
        "interp": "emirimg.projection:InterpResampler",
        "adaptive": "emirimg.projection:AdaptiveResampler",
        "exact": "emirimg.projection:ExactResampler",
    },
    "combiner": {
        "noiseclip": "emirimg.combine:NoiseClipCombiner",
        "sigmaclip": "emirimg.combine:SigmaClipCombiner",
        "mean": "emirimg.combine:MeanCombiner",
        "median": "emirimg.combine:MedianCombiner",
    },
}
"""For each parameter of the reducer, the names (the default first) and classes."""

_HELP = {
    "sky": "How the sky of an exposure is estimated.",
    "alignment": "How the exposures are placed on the sky.",
    "resampler": "How they are resampled to the mosaic.",
    "combiner": "How they are combined.",
}


def strategy_options(command: Command) -> Command:
    """Add one option for each family of strategies."""
    for family, members in reversed(list(STRATEGIES.items())):
        option = click.option(
            f"--{family}",
            type=click.Choice(list(members)),
            help=f"{_HELP[family]}  [default: {next(iter(members))}]",
        )
        command = option(command)
    return command


def make_strategies(names: Mapping[str, str | None]) -> dict[str, Any]:
    """Make the strategies that were chosen, as arguments for the reducer.

    Parameters
    ----------
    names : mapping
        Parameter of the reducer to the name of a strategy, or `None` for the
        reducer's own default.
    """
    chosen = {}
    for family, name in names.items():
        if name is not None:
            module, cls = STRATEGIES[family][name].split(":")
            chosen[family] = getattr(import_module(module), cls)()
    return chosen
