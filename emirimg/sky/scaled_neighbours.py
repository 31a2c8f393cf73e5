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
from ..exceptions import SkyError, SkyWarning
from ..stack import DitherStack
from ._levels import band_of, require_positive
from .frame_median import frame_medians
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
    that no neighbour has get that median.

    Unlike `NeighbourSky`, it clips by the scatter of the values, which cannot
    reject anything among six of them, and takes repeats of the frame's own
    pointing for sky, where objects that the mask misses are subtracted from
    themselves.

    The variance of the sky is ``L_i**2 / n**2 * sum(v_k / L_k**2)`` for the n
    values that are used, with the median L and the typical variance v of each
    frame; 0 for frames without an uncertainty.

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
            If no pixel of a frame is usable, a level is not positive, or a
            frame has no neighbour.

        Warns
        -----
        SkyWarning
            If a frame has fewer neighbours than were asked for.
        """
        levels = frame_medians(stack, objects)
        require_positive(levels, stack.names)
        neighbours = [self._neighbours(index, stack) for index in range(len(stack))]
        noise = np.array([_typical_variance(frame) for frame in stack]) / levels**2

        def model(index: int) -> SkyModel:
            level, chosen = levels[index], neighbours[index]
            scale = np.float32(1) / levels[chosen].astype(np.float32)

            def combine(rows: slice) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
                values, mask = band_of(stack, rows, objects, chosen)
                values *= scale[:, None, None]
                variance = np.empty_like(values)
                variance[...] = noise[chosen][:, None, None]
                planes = self.combiner(
                    values, variance=variance, mask=mask, weights=np.ones(len(chosen))
                )
                planes.data[planes.count == 0] = 1
                return planes.data, planes.variance

            bands = parallel_map(combine, row_bands(stack.shape[0], _BAND))
            image = np.concatenate([band[0] for band in bands])
            spread = np.concatenate([band[1] for band in bands])
            image *= np.float32(level)
            spread *= np.float32(level**2)
            return SkyModel(float(level), image, spread, len(chosen))

        return SkySolution(levels, model)

    def _neighbours(self, index: int, stack: DitherStack) -> NDArray[np.int_]:
        """Return the frames that make the sky of one, the nearest first."""
        separation = np.abs(stack.seconds - stack.seconds[index])
        allowed = separation <= self.max_separation.to_value("s")
        allowed[index] = False
        nearest = np.argsort(separation, kind="stable")
        chosen = nearest[allowed[nearest]][: self.n_frames]
        name = stack.names[index]
        if len(chosen) == 0:
            msg = f"{name}: no other frame lies within {self.max_separation} of it to be its sky"
            raise SkyError(msg)
        if len(chosen) < self.n_frames:
            msg = (
                f"{name}: only {len(chosen)} frames lie within {self.max_separation}"
                f" of it to be its sky; {self.n_frames} were asked for"
            )
            warnings.warn(msg, SkyWarning, stacklevel=3)
        return chosen


def _typical_variance(frame: object) -> float:
    uncertainty = frame.uncertainty
    return 0.0 if uncertainty is None else float(np.median(uncertainty.array[::16, ::16]))
