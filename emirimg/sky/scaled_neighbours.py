"""The sky of a frame as a combination of its scaled neighbours in time."""

from __future__ import annotations

from typing import Literal

import astropy.units as u
import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from .._strategy import by_name, quantity_field
from ..combine.combiners import MeanCombiner, MedianCombiner, SigmaClipCombiner
from ._in_time import SkyInTime

__all__ = ["ScaledNeighbourSky"]


class ScaledNeighbourSky(SkyInTime):
    """Combine the frames nearest in time, each divided by its median.

    Parameters
    ----------
    n_frames : int, optional
        How many neighbours, at most. Default: 6.
    max_separation : `~astropy.units.Quantity`, optional
        Largest separation in time; plain numbers are minutes. Default: 10 min.
    combiner : SigmaClipCombiner, MeanCombiner or MedianCombiner, optional
        How they are combined. Default: ``SigmaClipCombiner()``.

    Notes
    -----
    The combination is multiplied by the median of the frame itself. Pixels
    that no neighbour has get that median, with the variance of one neighbour.

    Unlike `NeighbourSky`, it clips by the scatter of the values, which cannot
    reject anything among six of them, and takes repeats of the frame's own
    pointing for sky, where objects that the mask misses are subtracted from
    themselves.

    The variance of the sky is ``L_i**2 / n**2 * sum(v_k / L_k**2)`` for the n
    values that are used, with the median L and the typical variance v of each
    frame.

    Examples
    --------
    >>> from emirimg.sky import ScaledNeighbourSky
    >>> ScaledNeighbourSky(n_frames=4)
    ScaledNeighbourSky(n_frames=4)
    """

    name: Literal["scaled_neighbours"] = "scaled_neighbours"
    n_frames: int = Field(default=6, ge=1)
    max_separation: quantity_field(u.min) = 10 * u.min
    combiner: by_name(SigmaClipCombiner, MeanCombiner, MedianCombiner) = SigmaClipCombiner()

    def _combined(
        self, values: NDArray[np.float32], mask: NDArray[np.bool_], noise: NDArray[np.float32]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.bool_]]:
        variance = np.empty_like(values)
        variance[...] = noise[:, None, None]
        planes = self.combiner(values, variance=variance, mask=mask, weights=np.ones(len(values)))
        return planes.data, planes.variance, planes.used.any(axis=0)
