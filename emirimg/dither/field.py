"""What is known of a field while it is being reduced."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

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
from .tie import Magnitudes

__all__ = ["Field"]


@dataclass(repr=False, eq=False)
class Field:
    """The state of a reduction; each step fills in or replaces what it finds out.

    What is not known yet has no value, and what is not needed any more is deleted, for its
    memory: to ask for it is an `AttributeError`.

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

    Attributes
    ----------
    skies : sequence of SkyModel
        Their skies.
    clean : DitherStack
        The exposures less those.
    seen : sequence of LastLook or None
        What the exposures less their skies look like, if they were looked at.
    alignment : Alignment
        Their places.
    grid : MosaicGrid
        Where the pixels of the mosaic lie.
    combination : Combination
        The last mosaic, and what went into it.
    keeps_mosaic : bool
        Whether that is kept from pass to pass, to compare the exposures with: where the
        target fills its field.
    objects : ObjectMask or None
        Its objects.
    bright : sequence of Footprint or None
        The bright stars of the exposures, if they were found before the flagging.
    stars : `~numpy.ndarray` or None
        Places of the stars of the mosaic, if they were looked for.
    magnitudes : tuple of `~numpy.ndarray` or None
        Magnitudes of those in a catalogue, and their errors, where they are known.
    illumination : Illumination or None
        What the stars say that the exposures must be divided by.
    """

    frames: DitherStack
    flags: Flags
    background: NDArray[np.float64]
    looks: Sequence[FirstLook]
    skies: Sequence[SkyModel] = field(init=False)
    clean: DitherStack = field(init=False)
    seen: Sequence[LastLook] | None = field(default=None, init=False)
    alignment: Alignment = field(init=False)
    grid: MosaicGrid = field(init=False)
    combination: Combination = field(init=False)
    keeps_mosaic: bool = field(default=False, init=False)
    objects: ObjectMask | None = field(default=None, init=False)
    bright: Sequence[Footprint] | None = field(default=None, init=False)
    stars: NDArray[np.float64] | None = field(default=None, init=False)
    magnitudes: Magnitudes = field(default=(None, None), init=False)
    illumination: Illumination | None = field(default=None, init=False)

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
