"""How much each frame counts in the mosaic."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import replace

import astropy.units as u
import numpy as np
from numpy.typing import NDArray

from ..alignment import LEFT_OUT, Alignment
from ..exceptions import QualityWarning

__all__ = ["effective_time", "frame_weights", "without_opaque"]


def without_opaque(
    alignment: Alignment, names: Sequence[str], min_transparency: float
) -> Alignment:
    """Leave out the frames that clouds have made useless.

    Parameters
    ----------
    alignment : Alignment
        Transparencies, among others; they are relative to the clearest frame.
    names : sequence of str
        Names of the frames, for the warnings.
    min_transparency : float
        Least transparency of a frame that goes into the mosaic.

    Warns
    -----
    QualityWarning
        For every frame that is left out.
    """
    methods = list(alignment.methods)
    for index, transparency in enumerate(alignment.transparency):
        if transparency < min_transparency and methods[index] != LEFT_OUT:
            methods[index] = LEFT_OUT
            msg = (
                f"{names[index]} has a transparency of {transparency:.2f}, less than the least"
                f" of {min_transparency:.2f} (min_transparency): it is left out of the mosaic"
            )
            warnings.warn(msg, QualityWarning, stacklevel=2)
    return replace(alignment, methods=tuple(methods))


def frame_weights(alignment: Alignment, noise: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return (transparency / noise)^2 relative to the best frame; 0 for frames left out."""
    weights = np.where(alignment.used, (alignment.transparency / noise) ** 2, 0.0)
    return weights / weights.max()


def effective_time(times: u.Quantity, weights: NDArray[np.float64]) -> u.Quantity:
    """Return the time in the conditions of the best frame that would go as deep.

    Parameters
    ----------
    times : `~astropy.units.Quantity`
        Exposure times.
    weights : `~numpy.ndarray`
        Weights relative to the best frame.
    """
    return (times * weights).sum()
