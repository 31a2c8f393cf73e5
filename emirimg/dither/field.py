"""What is known of a field while it is being reduced."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..alignment import Alignment
from ..calibration import Footprint
from ..combine import Mosaic
from ..flat import Illumination
from ..objects import ObjectMask
from ..projection import MosaicGrid
from ..sky import SkyModel
from ..stack import DitherStack
from .flagging import Flags
from .looks import FirstLook, LastLook
from .steps import Combination

__all__ = ["Field"]


@dataclass
class Field:
    """The state of a reduction; each step fills in or replaces what it finds out.

    Parameters
    ----------
    frames : DitherStack
        The calibrated exposures with their sky.
    flags : Flags
        What was flagged in them by the last mosaic.
    background : `~numpy.ndarray`
        For each of them, the largest rms of what was subtracted besides its sky.
    looks : sequence of FirstLook
        What each of them looks like.
    skies : sequence of SkyModel, optional
        Their skies.
    clean : DitherStack, optional
        The exposures less those.
    seen : sequence of LastLook, optional
        What the exposures less their skies look like.
    alignment : Alignment, optional
        Their places.
    grid : MosaicGrid, optional
        Where the pixels of the mosaic lie.
    combination : Combination, optional
        The last mosaic, and what went into it.
    target : Mosaic, optional
        The mosaic of the pass before, where the target fills its field.
    objects : ObjectMask, optional
        The objects of that.
    bright : sequence of Footprint, optional
        The bright stars of the exposures, if they were found before the flagging.
    stars : `~numpy.ndarray`, optional
        Places of its stars.
    magnitudes : tuple of `~numpy.ndarray`
        Magnitudes of those in a catalogue, and their errors, where they are known.
    illumination : Illumination, optional
        What the stars say that the exposures must be divided by.
    """

    frames: DitherStack
    flags: Flags
    background: NDArray[np.float64]
    looks: Sequence[FirstLook]
    skies: Sequence[SkyModel] | None = None
    clean: DitherStack | None = None
    seen: Sequence[LastLook] | None = None
    alignment: Alignment | None = None
    grid: MosaicGrid | None = None
    combination: Combination | None = None
    target: Mosaic | None = None
    objects: ObjectMask | None = None
    bright: Sequence[Footprint] | None = None
    stars: NDArray[np.float64] | None = None
    magnitudes: tuple[NDArray[np.float64] | None, NDArray[np.float64] | None] = (None, None)
    illumination: Illumination | None = None

    @classmethod
    def of(
        cls, frames: DitherStack, looks: Sequence[FirstLook], background: NDArray[np.float64]
    ) -> Field:
        """Return what is known of exposures with which nothing has been done yet."""
        return cls(frames, Flags.none(len(frames)), background, looks)

    @property
    def mosaic(self) -> Mosaic:
        """The last mosaic."""
        return self.combination.mosaic
