"""The sky of a frame from its neighbours in time."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from ..stack import DitherStack
from ._fill import fill_masked
from ._in_time import SkyInTime
from ._pixels import robust_mean

__all__ = ["NeighbourSky"]


class NeighbourSky(SkyInTime):
    """The mean of the frames nearest in time, scaled to the level of the frame.

    Parameters
    ----------
    n_frames : int
        How many neighbours, at most.
    max_separation : `~astropy.units.Quantity`
        Largest separation in time; plain numbers are minutes.
    method : {"mean", "median"}
        How the neighbours are combined. The mean leaves out values that are
        further from the median than the noise explains.
    clip : float
        From how many standard deviations on the mean leaves values out.
    exclude_same_pointing : bool
        Whether frames at the place of the frame itself are left out: they
        show the same objects on the same pixels.

    Notes
    -----
    With the level L and the noise s of each frame, the variance of the sky of
    frame i is ``L_i**2 / sum(L_k**2 / s_k**2)`` over the neighbours k that the
    pixel has. A median of many has pi / 2 times as much, one of six 1.29 times. The sky
    of N frames raises the noise of the frame by sqrt(1 + 1/N). Pixels without
    a value in any neighbour are interpolated.

    Examples
    --------
    >>> from emirimg.sky import NeighbourSky
    >>> NeighbourSky(n_frames=6, method="median")
    NeighbourSky(n_frames=6, method='median')
    """

    name: Literal["neighbours"] = "neighbours"
    method: Literal["mean", "median"] = "mean"
    clip: float = Field(default=3.5, gt=1)
    exclude_same_pointing: bool = True

    def _combined(
        self, values: NDArray[np.float32], mask: NDArray[np.bool_], noise: NDArray[np.float32]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.bool_]]:
        image, weight = robust_mean(
            values, mask, noise, np.float32(self.clip), self.method == "median"
        )
        known = weight > 0
        return image, 1 / np.where(known, weight, np.float32(1)), known

    def _filled(
        self, image: NDArray[np.float32], known: NDArray[np.bool_], level: float
    ) -> NDArray[np.float32]:
        """Interpolate between the pixels that are known."""
        image = super()._filled(image, known, level)
        return fill_masked(image, known) if known.any() else image

    def _allowed(self, index: int, stack: DitherStack) -> NDArray[np.bool_]:
        allowed = super()._allowed(index, stack)
        if self.exclude_same_pointing:
            allowed &= stack.pointings != stack.pointings[index]
        return allowed

    def _elsewhere(self) -> str:
        return " at another pointing" if self.exclude_same_pointing else ""
