"""The sky of a frame as a combination of its scaled neighbours in time."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Literal

import astropy.units as u
import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from .._parallel import parallel_map, row_bands
from .._strategy import Strategy, by_name, quantity_field
from ..combine.combiners import MeanCombiner, MedianCombiner, SigmaClipCombiner
from ..exceptions import SkyWarning
from ..stack import DitherStack
from ._levels import band_of, require_positive, sky_levels
from ._smooth import smooth_sky
from .model import SkyModel
from .solution import SkySolution

__all__ = ["ScaledNeighbourSky"]

_BAND = 128


class ScaledNeighbourSky(Strategy):
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

    def __call__(
        self, stack: DitherStack, /, *, objects: Sequence[NDArray[np.bool_]] | None = None
    ) -> SkySolution:
        """Return one sky for each frame.

        Parameters
        ----------
        stack : DitherStack
            Flat-fielded frames.
        objects : sequence of `~numpy.ndarray` of bool, optional
            True on objects, in the plane of each frame.

        Returns
        -------
        SkySolution
            The skies, in the order of the frames.

        Raises
        ------
        SkyError
            If hardly a pixel of a frame is usable, or its level is not positive.

        Warns
        -----
        SkyWarning
            If a frame has no neighbour, or its object mask covers all of it.
            A frame without neighbours gets a smooth sky from itself.
        """
        found = sky_levels(stack, objects)
        neighbours = [self._neighbours(index, stack) for index in range(len(stack))]
        for name, chosen in zip(stack.names, neighbours, strict=True):
            if len(chosen) == 0:
                msg = (
                    f"{name}: no other frame lies within {self.max_separation};"
                    " its sky is a smooth surface through its own pixels"
                )
                warnings.warn(msg, SkyWarning, stacklevel=2)
        if any(len(chosen) for chosen in neighbours):
            require_positive(found.level, stack.names)

        def model(index: int) -> SkyModel:
            level, chosen = float(found.level[index]), neighbours[index]
            if len(chosen) == 0:
                own = None if objects is None else objects[index]
                return smooth_sky(stack[index], own, level, float(found.noise[index]))
            scale = (1 / found.level[chosen]).astype(np.float32)
            noise = (found.noise[chosen] * scale) ** 2

            def combine(rows: slice) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
                values, mask = band_of(stack, rows, objects, chosen)
                values *= scale[:, None, None]
                variance = np.empty_like(values)
                variance[...] = noise[:, None, None]
                planes = self.combiner(
                    values, variance=variance, mask=mask, weights=np.ones(len(chosen))
                )
                unknown = ~planes.used.any(axis=0)
                planes.data[unknown] = 1
                planes.variance[unknown] = noise.max()
                return planes.data, planes.variance

            bands = parallel_map(combine, row_bands(stack.shape[0], _BAND))
            image = np.concatenate([band[0] for band in bands])
            spread = np.concatenate([band[1] for band in bands])
            image *= np.float32(level)
            spread *= np.float32(level**2)
            return SkyModel(level, image, spread, len(chosen))

        return SkySolution(found.level, model)

    def _neighbours(self, index: int, stack: DitherStack) -> NDArray[np.int_]:
        """Return the frames that make the sky of one, the nearest first."""
        separation = np.abs(stack.seconds - stack.seconds[index])
        allowed = separation <= self.max_separation.to_value("s")
        allowed[index] = False
        nearest = np.argsort(separation, kind="stable")
        return nearest[allowed[nearest]][: self.n_frames]
