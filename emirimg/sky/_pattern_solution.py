"""What a sky of one common shape consists of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from .._lazy import LazyPlane
from ._drift import Drift
from .model import SkyModel
from .solution import SkySolution

__all__ = ["CommonSky", "PatternSkySolution"]


@dataclass(frozen=True, eq=False)
class CommonSky:
    """The sky of each frame by the common shape and its drift, nothing worked out.

    Parameters
    ----------
    levels : `~numpy.ndarray`
        Sky level of each frame, in the unit of the frames.
    image, variance : `~numpy.ndarray` of float32
        The common shape, with the median 1, and its variance, shape (ny, nx).
    drift : Drift
        How the shape changes with time; it is to be divided by ``middle``.
    middle : float32
        Median of the shape before it was divided by that.
    """

    levels: NDArray[np.float64]
    image: NDArray[np.float32]
    variance: NDArray[np.float32]
    drift: Drift
    middle: np.float32

    def __call__(self, index: int) -> SkyModel:
        level = np.float32(self.levels[index])

        def image(rows: slice) -> NDArray[np.float32]:
            shape = self.image[rows]
            if self.drift.order:
                shape = shape + self.drift(index, rows) / self.middle
            return level * shape

        def variance(rows: slice) -> NDArray[np.float32]:
            return level**2 * self.variance[rows]

        planes = (LazyPlane(rows, self.image.shape, np.float32) for rows in (image, variance))
        return SkyModel(float(level), *planes, len(self.levels))

    def whole(self, index: int) -> SkyModel:
        """Return the sky of a frame as arrays."""
        sky = self(index)
        return replace(sky, image=np.asarray(sky.image), variance=np.asarray(sky.variance))


@dataclass(frozen=True, eq=False)
class PatternSkySolution(SkySolution):
    """The skies of a stack with one common shape.

    Parameters
    ----------
    levels : `~numpy.ndarray`
        Sky level of each frame, in the unit of the frames.
    model : callable
        ``model(index)`` returns the `SkyModel` of a frame.
    shape_image : `~numpy.ndarray` of float32
        The common shape, with the median 1, shape (ny, nx).
    signal_fractions : `~numpy.ndarray`
        Fraction of each scale of the shape that was found to be signal, and
        kept: 2 pixels first, each scale twice the one before.
    pattern_noise : float
        Noise of a pixel of the mean of all frames, relative to the sky level.
    excludes_own_pointing : bool
        Whether the fine part of the shape was made without the frames at
        the pointing of the frame itself.
    common : callable
        ``common(index)`` returns the sky of a frame as all frames together tell
        it, with planes that are worked out where they are asked for.

    Examples
    --------
    >>> from emirimg.simulation import Scene
    >>> from emirimg.sky import PatternSky
    >>> from emirimg.stack import DitherStack
    >>> scene = Scene(n_exposures=4, shape=(128, 128), n_stars=0, n_galaxies=0, bad_pixels=0)
    >>> stack = DitherStack.from_frames([scene.exposure(index) for index in range(4)])
    >>> skies = PatternSky()(stack, objects=None)
    >>> (skies.levels / scene.truth.frames["sky"]).round(1)
    array([1., 1., 1., 1.])
    >>> skies.shape_image.shape, skies.excludes_own_pointing
    ((128, 128), True)
    >>> skies.planes(0) is None  # whole arrays, as the pointings are excluded
    True
    """

    shape_image: NDArray[np.float32]
    signal_fractions: NDArray[np.float64]
    pattern_noise: float
    excludes_own_pointing: bool
    common: Callable[[int], SkyModel]

    def planes(self, index: int) -> SkyModel | None:
        """Return the sky of a frame with lazy planes, unless pointings are excluded."""
        return None if self.excludes_own_pointing else self.common(index)
