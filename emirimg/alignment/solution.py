"""Where every frame lies on the sky, and how well that is known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import astropy.units as u
import numpy as np
from astropy.wcs import WCS
from numpy.typing import NDArray

from ..stack import DitherStack
from .distortion import Distortion

__all__ = ["LEFT_OUT", "Alignment", "AlignmentEstimator"]

LEFT_OUT = "left out"
"""The method of a frame that must not go into the mosaic."""


@dataclass(frozen=True)
class Alignment:
    """One corrected WCS for each frame.

    Parameters
    ----------
    wcss : tuple of `~astropy.wcs.WCS`
        Corrected WCSs, distortion included, in the order of the frames.
    methods : tuple of str
        How each frame was placed: the name of the strategy, or of its
        fallback; `LEFT_OUT` for a frame that must not be used.
    shifts : `~numpy.ndarray`
        Shape (n, 2): correction (x, y) of the header's pointing, in pixels.
    residuals : `~astropy.units.Quantity`
        Shape (n,): rms of the matched stars' positions about the solution,
        per axis; NaN where there were none.
    n_matched : `~numpy.ndarray` of int
        Stars used for each frame.
    transparency : `~numpy.ndarray`
        Flux of the stars relative to the clearest frame (1 where unknown).
    fwhm : `~astropy.units.Quantity`
        Seeing of each frame; NaN where unknown.
    ellipticity : `~numpy.ndarray`
        1 - b/a of the stars of each frame; NaN where unknown.
    reference : int
        Index of the best frame.
    distortion : Distortion or None
        Correction of the distortion that all WCSs share; `None`: that of the
        headers.

    Examples
    --------
    >>> from emirimg.alignment import HeaderAlignment
    >>> from emirimg.simulation import Scene
    >>> from emirimg.stack import DitherStack
    >>> scene = Scene(n_exposures=2, shape=(32, 32), n_stars=0, n_galaxies=0)
    >>> stack = DitherStack.from_frames([scene.exposure(index) for index in range(2)])
    >>> alignment = HeaderAlignment()(stack)
    >>> alignment.methods, alignment.used
    (('header', 'header'), array([ True,  True]))
    >>> alignment.shifts
    array([[0., 0.],
           [0., 0.]])
    """

    wcss: tuple[WCS, ...]
    methods: tuple[str, ...]
    shifts: NDArray[np.float64]
    residuals: u.Quantity
    n_matched: NDArray[np.int_]
    transparency: NDArray[np.float64]
    fwhm: u.Quantity
    ellipticity: NDArray[np.float64]
    reference: int
    distortion: Distortion | None = None

    def __post_init__(self) -> None:
        n = len(self.wcss)
        for name in (
            "methods", "shifts", "residuals", "n_matched", "transparency", "fwhm", "ellipticity",
        ):  # fmt: skip
            if len(getattr(self, name)) != n:
                msg = f"{name} must have one entry for each of the {n} frames"
                raise ValueError(msg)
        if not 0 <= self.reference < n:
            msg = f"reference must be the index of one of the {n} frames, got {self.reference}"
            raise ValueError(msg)

    @property
    def used(self) -> NDArray[np.bool_]:
        """Which frames go into the mosaic."""
        return np.array([method != LEFT_OUT for method in self.methods])


class AlignmentEstimator(Protocol):
    """A callable that places sky-subtracted frames on a common sky.

    Examples
    --------
    >>> from emirimg import DitherReducer
    >>> from emirimg.alignment import HeaderAlignment, StarAlignment
    >>> def stars_if_many(stack, /):
    ...     alignment = StarAlignment()(stack)
    ...     return alignment if alignment.n_matched.min() > 10 else HeaderAlignment()(stack)
    >>> reducer = DitherReducer(alignment=stars_if_many)
    """

    def __call__(self, stack: DitherStack, /) -> Alignment:
        """Return corrected WCSs for the frames; their pixels are not changed."""
