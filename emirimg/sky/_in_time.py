"""What all skies have in common that are made of the neighbours in time."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import astropy.units as u
import numpy as np
from numpy.typing import NDArray
from pydantic import Field, field_validator

from .._parallel import row_bands
from .._strategy import Strategy, quantity_field
from ..exceptions import SkyWarning
from ..stack import DitherStack
from ._levels import band_of, require_positive, sky_levels
from ._smooth import smooth_sky
from .model import SkyModel
from .solution import SkySolution

__all__ = ["SkyInTime"]

_BAND = 64
"""Rows that are combined together, few enough to stay in the cache."""


class SkyInTime(Strategy):
    """Base of the skies that combine the frames nearest in time, scaled to the frame."""

    n_frames: int = Field(default=10, ge=1)
    max_separation: quantity_field(u.min) = 15 * u.min

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
            any neighbour have the variance of one neighbour.

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
        seconds = stack.seconds
        neighbours = [self._neighbours(index, stack, seconds) for index in range(len(stack))]
        for name, chosen in zip(stack.names, neighbours, strict=True):
            if len(chosen) == 0:
                msg = (
                    f"{name}: no other frame lies within {self.max_separation}"
                    f"{self._elsewhere()}; its sky is a smooth surface through its own pixels"
                )
                warnings.warn(msg, SkyWarning, stacklevel=2)
        if any(len(chosen) for chosen in neighbours):
            require_positive(found.level, stack.names)

        def model(index: int) -> SkyModel:
            level, chosen = float(found.level[index]), neighbours[index]
            if len(chosen) == 0:
                own = None if objects is None else objects[index]
                return smooth_sky(stack[index], own, level, float(found.noise[index]))
            scale = (level / found.level[chosen]).astype(np.float32)
            noise = ((scale * found.noise[chosen]) ** 2).astype(np.float32)
            image = np.empty(stack.shape, dtype=np.float32)
            variance = np.empty_like(image)
            known = np.empty(stack.shape, dtype=bool)

            # In this thread: others work on other frames, and would wait for each other.
            for rows in row_bands(stack.shape[0], _BAND):
                values, mask = band_of(stack, rows, objects, chosen, scale)
                image[rows], variance[rows], known[rows] = self._combined(values, mask, noise)
                variance[rows][~known[rows]] = noise.max()
            return SkyModel(level, self._filled(image, known, level), variance, len(chosen))

        return SkySolution(found.level, model)

    def _combined(
        self, values: NDArray[np.float32], mask: NDArray[np.bool_], noise: NDArray[np.float32]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.bool_]]:
        """Combine values of shape (n, ny, nx), of the variances ``noise``, shape (n,).

        Returns the sky, its variance, and where they are known.
        """
        raise NotImplementedError

    def _filled(
        self, image: NDArray[np.float32], known: NDArray[np.bool_], level: float
    ) -> NDArray[np.float32]:
        """Fill the pixels that no neighbour knows: with the level of the frame."""
        image[~known] = level
        return image

    def _allowed(self, index: int, stack: DitherStack) -> NDArray[np.bool_]:
        """Return which frames may be sky of one, if they are near in time: all others."""
        return np.arange(len(stack)) != index

    def _elsewhere(self) -> str:
        """Say what else is asked of a neighbour."""
        return ""

    def _neighbours(
        self, index: int, stack: DitherStack, seconds: NDArray[np.float64]
    ) -> NDArray[np.int_]:
        """Return the frames that make the sky of one, the nearest first."""
        separation = np.abs(seconds - seconds[index])
        allowed = separation <= self.max_separation.to_value("s")
        allowed &= self._allowed(index, stack)
        nearest = np.argsort(separation, kind="stable")
        return nearest[allowed[nearest]][: self.n_frames]
