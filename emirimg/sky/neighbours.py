"""The sky of a frame from its neighbours in time."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Literal

import astropy.units as u
import numpy as np
from numpy.typing import NDArray
from pydantic import Field, field_validator

from .._parallel import parallel_map, row_bands
from .._strategy import Strategy, quantity_field
from ..exceptions import SkyWarning
from ..stack import DitherStack
from ._fill import fill_masked
from ._levels import band_of, require_positive, sky_levels
from ._pixels import robust_mean
from ._smooth import smooth_sky
from .model import SkyModel
from .solution import SkySolution

__all__ = ["NeighbourSky"]

_BAND = 128


class NeighbourSky(Strategy):
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
    of N frames raises the noise of the frame by sqrt(1 + 1/N).

    Examples
    --------
    >>> from emirimg.sky import NeighbourSky
    >>> NeighbourSky(n_frames=6, method="median")
    NeighbourSky(n_frames=6, method='median')
    """

    name: Literal["neighbours"] = "neighbours"
    n_frames: int = Field(default=10, ge=1)
    max_separation: quantity_field(u.min) = 15 * u.min
    method: Literal["mean", "median"] = "mean"
    clip: float = Field(default=3.5, gt=1)
    exclude_same_pointing: bool = True

    @field_validator("max_separation")
    @classmethod
    def _check_separation(cls, value: u.Quantity) -> u.Quantity:
        if not value > 0:
            msg = f"max_separation must be positive, got {value}"
            raise ValueError(msg)
        return value

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
            The skies, in the order of the frames. Pixels without a value in
            any neighbour are interpolated, with the variance of one neighbour.

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
                    f"{name}: no other frame lies within {self.max_separation} at another"
                    " pointing; its sky is a smooth surface through its own pixels"
                )
                warnings.warn(msg, SkyWarning, stacklevel=2)
        if any(len(chosen) for chosen in neighbours):
            require_positive(found.level, stack.names)

        def model(index: int) -> SkyModel:
            level, chosen = found.level[index], neighbours[index]
            if len(chosen) == 0:
                own = None if objects is None else objects[index]
                return smooth_sky(stack[index], own, float(level), float(found.noise[index]))
            scale = (level / found.level[chosen]).astype(np.float32)
            variance = ((scale * found.noise[chosen]) ** 2).astype(np.float32)

            def combine(rows: slice) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
                values, mask = band_of(stack, rows, objects, chosen)
                values *= scale[:, None, None]
                return robust_mean(
                    values, mask, variance, np.float32(self.clip), self.method == "median"
                )

            bands = parallel_map(combine, row_bands(stack.shape[0], _BAND))
            image = np.concatenate([band[0] for band in bands])
            weight = np.concatenate([band[1] for band in bands])
            known = weight > 0
            image[~known] = level
            if known.any():
                image = fill_masked(image, known)
            weight[~known] = 1 / variance.max()
            return SkyModel(float(level), image, 1 / weight, len(chosen))

        return SkySolution(found.level, model)

    def _neighbours(self, index: int, stack: DitherStack) -> NDArray[np.int_]:
        """Return the frames that make the sky of one, the nearest first."""
        separation = np.abs(stack.seconds - stack.seconds[index])
        allowed = separation <= self.max_separation.to_value("s")
        allowed[index] = False
        if self.exclude_same_pointing:
            allowed &= stack.pointings != stack.pointings[index]
        nearest = np.argsort(separation, kind="stable")
        return nearest[allowed[nearest]][: self.n_frames]
