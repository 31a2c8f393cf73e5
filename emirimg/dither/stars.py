"""The stars that later steps watch, found before the exposures are flagged."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from ..alignment import ReferenceCatalogue
from ..calibration import Footprint, PersistenceDetector
from ..combine import Mosaic
from ..flat import Illumination
from ..stack import DitherStack
from .field_steps import FieldSteps
from .flagging import bright_stars
from .illumination import star_places
from .tie import Magnitudes, catalogue_magnitudes

__all__ = ["watched_stars"]


def watched_stars(
    stack: DitherStack,
    mosaic: Mosaic,
    persistence: PersistenceDetector | None,
    starflat: Callable[..., Illumination] | None,
    catalogue: ReferenceCatalogue | None,
    steps: FieldSteps,
) -> tuple[Sequence[Footprint], NDArray[np.float64] | None, Magnitudes]:
    """Find the stars of exposures and of their mosaic.

    Parameters
    ----------
    stack : DitherStack
        Sky-subtracted frames.
    mosaic : Mosaic
        What they were combined to.
    persistence : PersistenceDetector or None
        Knows which stars may persist.
    starflat : callable or None
        Measures the stars of the mosaic; `None`: they are not looked for.
    catalogue : ReferenceCatalogue or None
        Knows magnitudes.
    steps : FieldSteps
        How to work on all frames.

    Returns
    -------
    bright : sequence of Footprint
        For `~emirimg.dither.flagging.flag_frames`.
    places : `~numpy.ndarray` or None
        For `~emirimg.dither.illumination.find_illumination`, as are
    magnitudes : tuple of `~numpy.ndarray`
        and their errors.
    """
    bright = bright_stars(stack, persistence, steps)
    if starflat is None:
        return bright, None, (None, None)
    places = star_places(mosaic)
    return bright, places, catalogue_magnitudes(mosaic, places, catalogue)
