"""The sky of a frame, and what estimates it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from astropy.nddata import CCDData
from numpy.typing import NDArray

from ..stack import DitherStack

__all__ = ["SkyEstimator", "SkyModel", "SkyResidual"]


@dataclass(frozen=True)
class SkyModel:
    """The sky of one frame, in the detector plane.

    Parameters
    ----------
    level : float
        Median of the sky, in the unit of the frame.
    image : `~numpy.ndarray` of float32
        The sky in every pixel, shape (ny, nx); finite everywhere.
    variance : `~numpy.ndarray` of float32 or float
        Variance of ``image``.
    n_used : int
        How many frames it was made of.
    """

    level: float
    image: NDArray[np.float32]
    variance: NDArray[np.float32] | float
    n_used: int


class SkyEstimator(Protocol):
    """A callable that finds the sky of every frame of a stack."""

    def __call__(
        self, stack: DitherStack, /, *, objects: Sequence[NDArray[np.bool_]] | None
    ) -> Sequence[SkyModel]:
        """Return one sky for each frame.

        ``objects`` are masks (True: an object) in the plane of each frame.
        The sequence may work out its members when they are asked for.
        """


class SkyResidual(Protocol):
    """A callable that finds what the sky left behind in one frame."""

    def __call__(
        self, frame: CCDData, /, *, objects: NDArray[np.bool_] | None
    ) -> NDArray[np.float32]:
        """Return the residual background of a sky-subtracted frame, shape (ny, nx)."""
