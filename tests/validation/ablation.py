"""What each strategy brings: the same scene without it, or with the simplest one."""

import inspect

from campaign import attempt, reduce_and_score

from emirimg import DitherReducer, Strategy
from emirimg.alignment import HeaderAlignment
from emirimg.combine import MeanCombiner
from emirimg.projection import InterpResampler
from emirimg.simulation import ScoredImage
from emirimg.sky import ConstantSky, NeighbourSky

SIMPLEST = {
    "sky": {"neighbours": NeighbourSky(), "constant": ConstantSky()},
    "alignment": {"header": HeaderAlignment()},
    "resampler": {"interp": InterpResampler()},
    "combiner": {"mean": MeanCombiner()},
}
"""Alternatives to strategies that cannot be left out."""

FIGURES_SHOWN = (
    "fwhm_ratio", "astrometry", "cells", "scatter", "depth_loss", "snr_loss", "snr_loss_border",
    "background_border", "false_detections", "purity", "noise_claimed", "flux_kept",
)  # fmt: skip


def alternatives():
    """Return the name of each ablation and the argument of the reducer that makes it."""
    found = {"all": {}}
    for name, parameter in inspect.signature(DitherReducer.__init__).parameters.items():
        if name in SIMPLEST:
            for label, strategy in SIMPLEST[name].items():
                found[f"{name}={label}"] = {name: strategy}
        elif isinstance(parameter.default, Strategy):
            found[f"{name}=None"] = {name: None}
    return {**found, "passes=1": {"passes": 1}}


def ablation(campaign, tree, only=None):
    """Reduce a tree again and again, one strategy replaced each time.

    The first time it is combined without rejection, so that the flux that
    rejection leaves is known.
    """
    plain = campaign.directory / "unrejected.fits"
    results = {}
    for name, changes in alternatives().items():
        if only and name not in only:
            continue
        key = f"ablation-{name}"
        if not campaign.has(key) and not plain.exists():
            reduce_and_score(
                tree, perfect=False, keep=plain, combiner=MeanCombiner(), outliers=None
            )

        def make(tree, changes=changes):
            unrejected = ScoredImage.read(plain) if changes.keys() != {"alignment"} else None
            return reduce_and_score(tree, perfect=False, unrejected=unrejected, **changes)

        results[name] = campaign.result(key, lambda make=make: attempt(make, tree))
    return results
