"""Exposures of the sky beside an extended target: their objects, and their use."""

from __future__ import annotations

import numpy as np
from astropy.io.fits import Header
from astropy.nddata import CCDData
from numpy.typing import NDArray

from ..combine import Mosaic
from ..objects import ObjectMasker
from ..projection import MosaicGrid
from ..sky import OffSourceSky, SkyEstimator, SkyModel
from ..stack import DitherStack
from .steps import Steps

__all__ = ["sky_beside"]

_PASSES = 2
"""How often their sky and their objects are worked out from each other."""
_MOST_MASKED = 0.7
"""Objects that cover more of a frame than this are not believed."""


def sky_beside(
    estimator: SkyEstimator,
    beside: DitherStack | None,
    masker: ObjectMasker | None,
    steps: Steps,
) -> SkyEstimator:
    """Make an estimator that knows the sky beside the target.

    Parameters
    ----------
    estimator : SkyEstimator
        Estimates the sky of frames from each other.
    beside : DitherStack or None
        Frames of the sky beside the target; `None`: there are none.
    masker : ObjectMasker or None
        Finds the objects of those frames, one by one: they need not overlap.
    steps : Steps
        Executor and progress display.

    Returns
    -------
    SkyEstimator
        ``estimator`` itself where there are no such frames.
    """
    if beside is None:
        return estimator
    if masker is None:
        return OffSourceSky(estimator, beside, None)
    objects = None
    for _ in range(_PASSES):
        skies = steps.once("Estimating the sky beside", estimator, beside, objects=objects)
        objects = steps.each(
            "Finding objects beside",
            lambda index: _objects(beside[index], skies[index], masker),  # noqa: B023 - used at once
            range(len(beside)),
        )
    return OffSourceSky(estimator, beside, objects)


def _objects(frame: CCDData, sky: SkyModel, masker: ObjectMasker) -> NDArray[np.bool_]:
    """Return the objects of a frame, which is a mosaic of one exposure."""
    mask = np.zeros(frame.shape, dtype=bool) if frame.mask is None else np.asarray(frame.mask)
    data = np.where(mask, np.float32(0), frame.data - sky.image)
    found = masker(
        Mosaic(
            grid=MosaicGrid(frame.wcs, frame.shape),
            data=data,
            variance=frame.uncertainty.array + sky.variance,
            mask=mask,
            coverage=(~mask).astype(np.int16),
            exposure=np.zeros(frame.shape, dtype=np.float32),
            header=Header(),
        )
    ).mask
    # So many objects are rather a background that is not flat.
    return found if found.mean() < _MOST_MASKED else np.zeros(frame.shape, dtype=bool)
