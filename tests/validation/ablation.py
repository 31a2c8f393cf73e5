"""What each strategy brings: the same scene without it, or with the simplest one."""

import inspect
import shutil

from campaign import attempt, reduce_and_score

from emirimg import DitherReducer, Strategy
from emirimg.alignment import HeaderAlignment, ReferenceObjectAlignment
from emirimg.combine import MeanCombiner, MedianCombiner, SigmaClipCombiner
from emirimg.objects import ThresholdMasker
from emirimg.projection import (
    AdaptiveResampler,
    ExactResampler,
    IntegerShiftResampler,
    InterpResampler,
)
from emirimg.simulation import SCENES, ScoredImage, write_tutorial
from emirimg.sky import AutoSky, ConstantSky, NeighbourSky, SmoothResidual

_QUARTER = {"shape": (1024, 1024), "n_stars": 500, "n_galaxies": 83, "cosmic_rays": 38}

ABLATION_SCENES = {
    "tutorial": SCENES["tutorial"].replace(**_QUARTER),
    "saturated": SCENES["saturated"].replace(trails=4, striping=3.0, **_QUARTER),
}
"""The central quarter of two scenes, the second one with satellites and stripes as well."""

ALTERNATIVES = {
    "sky": {"neighbours": NeighbourSky(), "constant": ConstantSky(), "auto": AutoSky()},
    "residual": {"smooth": SmoothResidual()},
    "alignment": {"header": HeaderAlignment(), "reference object": ReferenceObjectAlignment()},
    "resampler": {
        "interp": InterpResampler(),
        "exact": ExactResampler(),
        "adaptive": AdaptiveResampler(),
        "integer shift": IntegerShiftResampler(),
    },
    "combiner": {
        "mean": MeanCombiner(),
        "median": MedianCombiner(),
        "sigmaclip": SigmaClipCombiner(),
    },
    "objects": {"threshold": ThresholdMasker()},
    "passes": {"1": 1, "2": 2},
}
"""Alternatives to a strategy, beside none at all."""

CANNOT_BE_LEFT_OUT = ("sky", "alignment", "resampler", "combiner")

FIGURES_SHOWN = (
    "fwhm_ratio", "astrometry", "cells", "scatter", "depth_loss", "snr_loss", "snr_loss_border",
    "background_border", "false_detections", "purity", "noise_claimed", "flux_kept",
)  # fmt: skip


def alternatives():
    """Return the name of each ablation and the arguments of the reducer that make it."""
    found = {"all": {}}
    for name, parameter in inspect.signature(DitherReducer.__init__).parameters.items():
        for label, strategy in ALTERNATIVES.get(name, {}).items():
            found[f"{name}={label}"] = {name: strategy}
        if isinstance(parameter.default, Strategy) and name not in CANNOT_BE_LEFT_OUT:
            found[f"{name}=None"] = {name: None}
    return {**found, "no rejection": {"outliers": None, "combiner": MeanCombiner()}}


def ablation(campaign, scene, only=None):
    """Reduce a scene again and again, one strategy replaced each time.

    The first time it is combined without rejection, so that the flux that
    rejection leaves is known.
    """
    tree = campaign.directory / f"tree-ablation-{scene}"
    plain = campaign.directory / f"unrejected-{scene}.fits"
    results = {}
    for name, changes in alternatives().items():
        if only and name not in only:
            continue
        key = f"ablation-{scene}-{name.replace(' ', '-')}"
        if not campaign.has(key) and not (tree / "control.yaml").exists():
            write_tutorial(tree, ABLATION_SCENES[scene], overwrite=True)
        if not campaign.has(key) and not plain.exists():
            reduce_and_score(
                tree, perfect=False, keep=plain, combiner=MeanCombiner(), outliers=None
            )

        def make(tree, changes=changes):
            unrejected = ScoredImage.read(plain) if changes.keys() != {"alignment"} else None
            return reduce_and_score(tree, perfect=False, unrejected=unrejected, **changes)

        results[name] = campaign.result(key, lambda make=make: attempt(make, tree))
    if not campaign.keep:
        shutil.rmtree(tree, ignore_errors=True)
    return results
