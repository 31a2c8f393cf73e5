"""The sky as one number for each frame."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from .._strategy import Strategy
from ..stack import DitherStack
from ._levels import sky_levels
from .model import SkyModel
from .solution import SkySolution

__all__ = ["ConstantSky"]


class ConstantSky(Strategy):
    """The median of the unmasked pixels of each frame.

    Notes
    -----
    Of large frames some rows are looked at: of 2048, every fifth.
    The variance is that of a median of as many values of the frame's noise.
    Valid where the sky is flat, as after division by a night-sky flat.

    Examples
    --------
    >>> from emirimg.sky import ConstantSky
    >>> ConstantSky()
    ConstantSky()
    """

    name: Literal["constant"] = "constant"

    def __call__(
        self, stack: DitherStack, /, *, objects: Sequence[NDArray[np.bool_]] | None = None
    ) -> SkySolution:
        """Return one sky for each frame.

        Parameters
        ----------
        stack : DitherStack
            Calibrated frames.
        objects : sequence of `~numpy.ndarray` of bool, optional
            True on objects, in the plane of each frame.

        Returns
        -------
        SkySolution
            The skies, in the order of the frames.

        Raises
        ------
        SkyError
            If hardly a pixel of a frame is usable.

        Warns
        -----
        SkyWarning
            If the object mask covers a frame.
        """
        found = sky_levels(stack, objects)

        def model(index: int) -> SkyModel:
            image = np.broadcast_to(np.float32(found.level[index]), stack.shape)
            variance = np.pi / 2 * found.noise[index] ** 2 / found.n_pixels[index]
            return SkyModel(float(found.level[index]), image, float(variance), 1)

        return SkySolution(found.level, model)
