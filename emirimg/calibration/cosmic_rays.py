"""Cosmic rays of a single exposure."""

from __future__ import annotations

from typing import Literal

import numpy as np
from astropy.nddata import CCDData
from numpy.typing import NDArray
from pydantic import Field

from .._strategy import Strategy
from ..exceptions import FrameError
from ._frames import variance_of

__all__ = ["LaplacianCosmicRays"]


class LaplacianCosmicRays(Strategy):
    """Find cosmic rays by their edges, which are sharper than those of a star.

    For stacks of fewer than three exposures, which cannot tell a cosmic ray
    from a star by comparison.

    Parameters
    ----------
    sigma : float
        Significance of the edges of a cosmic ray.
    neighbour_fraction : float
        Fraction of ``sigma`` that suffices beside a cosmic ray.
    contrast : float
        How much stronger the edges must be than the structure of stars at
        the same place. A lower value finds more and endangers sharp stars.
    iterations : int
        How often the search is repeated with what was found removed.

    Notes
    -----
    The algorithm is L.A.Cosmic, by way of `ccdproc.cosmicray_lacosmic`, with
    the variance of the frame as its noise.

    References
    ----------
    van Dokkum 2001, PASP 113, 1420.
    """

    name: Literal["laplacian"] = "laplacian"
    sigma: float = Field(default=5.0, gt=0)
    neighbour_fraction: float = Field(default=0.5, gt=0, le=1)
    contrast: float = Field(default=5.0, gt=0)
    iterations: int = Field(default=4, ge=1)

    def __call__(self, frame: CCDData, /) -> NDArray[np.bool_]:
        """Find the cosmic rays of a sky-subtracted frame.

        Parameters
        ----------
        frame : `~astropy.nddata.CCDData`
            Sky-subtracted frame with a variance, shape (ny, nx).

        Returns
        -------
        `~numpy.ndarray` of bool
            True on cosmic rays. Pixels that the frame masks already stay False.

        Raises
        ------
        FrameError
            If the frame has no uncertainty.
        """
        variance = variance_of(frame)
        if variance is None:
            msg = "the frame has no uncertainty; a variance was expected"
            raise FrameError(msg)
        mask = np.zeros(frame.shape, bool) if frame.mask is None else np.array(frame.mask, bool)
        # Masked pixels may hold anything; their edges must not look like hits.
        data = np.where(mask, np.float32(0), frame.data).astype(np.float32)
        # The search takes the variance instead of a noise model: the gain is 1.
        import ccdproc  # noqa: PLC0415 (heavy)

        found = ccdproc.cosmicray_lacosmic(
            CCDData(data, unit=frame.unit, mask=mask),
            sigclip=self.sigma,
            sigfrac=self.neighbour_fraction,
            objlim=self.contrast,
            niter=self.iterations,
            gain=1.0,
            gain_apply=False,
            satlevel=np.inf,
            invar=np.where(mask, np.median(variance), variance).astype(np.float32),
        )
        return found.mask & ~mask
