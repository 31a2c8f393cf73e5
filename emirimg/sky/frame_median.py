"""The sky as a median of each frame times a shape that all frames share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from .._parallel import parallel_map
from .._strategy import Strategy
from ..combine.median import masked_median
from ..exceptions import SkyError
from ..stack import DitherStack
from .model import SkyModel
from .solution import SkySolution

__all__ = ["MedianSky", "frame_medians"]


class MedianSky(Strategy):
    """The median of all usable pixels of each frame, exactly, times a shape.

    Notes
    -----
    Valid after division by a superflat, which leaves the sky flat but for
    what was taken out of the superflat: that is its shape. The variance is 0,
    that of a median of millions of pixels.

    Examples
    --------
    >>> from emirimg.sky import MedianSky
    >>> MedianSky()
    MedianSky()
    """

    name: Literal["median"] = "median"

    def __call__(
        self,
        stack: DitherStack,
        /,
        *,
        objects: Sequence[NDArray[np.bool_]] | None = None,
        shape: NDArray[np.float32] | None = None,
    ) -> SkySolution:
        """Return one sky for each frame.

        Parameters
        ----------
        stack : DitherStack
            Flat-fielded frames.
        objects : sequence of `~numpy.ndarray` of bool, optional
            True on objects, in the plane of each frame.
        shape : `~numpy.ndarray` of float32, optional
            The sky relative to its median, shape (ny, nx). Default: flat.

        Returns
        -------
        SkySolution
            The skies, in the order of the frames.

        Raises
        ------
        SkyError
            If no pixel of a frame is usable.
        """
        levels = frame_medians(stack, objects)

        def model(index: int) -> SkyModel:
            level = np.float32(levels[index])
            image = np.broadcast_to(level, stack.shape) if shape is None else level * shape
            return SkyModel(float(levels[index]), image, 0.0, 1)

        return SkySolution(levels, model)


def frame_medians(
    stack: DitherStack, objects: Sequence[NDArray[np.bool_]] | None
) -> NDArray[np.float64]:
    """Return the median of the usable pixels of every frame, objects left out.

    Parameters
    ----------
    stack : DitherStack
        Calibrated frames.
    objects : sequence of `~numpy.ndarray` of bool or None
        True on objects, in the plane of each frame.

    Returns
    -------
    `~numpy.ndarray` of float
        Shape (n,).

    Raises
    ------
    SkyError
        If no pixel of a frame is usable.
    """

    def measure(index: int) -> float:
        data = np.ascontiguousarray(stack[index].data, dtype=np.float32)
        mask = np.zeros(data.shape, dtype=bool)
        if stack[index].mask is not None:
            mask |= stack[index].mask
        if objects is not None:
            mask |= objects[index]
        return masked_median(data, mask)

    levels = np.array(parallel_map(measure, range(len(stack))))
    for level, name in zip(levels, stack.names, strict=True):
        if np.isnan(level):
            msg = f"{name}: no pixel is usable, no sky level can be measured"
            raise SkyError(msg)
    return levels
