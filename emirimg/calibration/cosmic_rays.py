"""Cosmic rays of a single exposure."""

from __future__ import annotations

from functools import cache
from typing import Literal

import numpy as np
import scipy
from astropy.nddata import CCDData
from numpy.typing import NDArray
from pydantic import Field
from threadpoolctl import ThreadpoolController

from .._strategy import Strategy
from ._frames import required_variance

__all__ = ["LaplacianCosmicRays"]

_FAINTEST_NEIGHBOUR = 0.15
"""Each of the four pixels beside the peak of a star has more than this part of it, for stars of
at least 1.4 pixels FWHM, wherever their centre lies; a cosmic ray is dark on one side at least."""

_SEEN = 3.0
"""The same, in units of the noise of the peak: that of the sky must not pass for a star."""

_CORE = 3
"""Pixels on each side of the peak of a star, beyond which a cosmic ray may cross it."""


class LaplacianCosmicRays(Strategy):
    """Find cosmic rays by their edges, which are sharper than those of a star.

    For places that fewer than three exposures show, which cannot tell a cosmic
    ray from a star by comparison.

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
    the variance of the frame as its noise. The cores of bright stars in good seeing are
    as sharp as it asks for: what it finds is dropped within 3 pixels of the brightest
    pixel of a group, if each of the four neighbours of that has more than 15 per cent of it
    and more than 3 standard deviations, as in stars of 1.4 pixels FWHM or more.

    References
    ----------
    van Dokkum 2001, PASP 113, 1420.

    Examples
    --------
    >>> import numpy as np
    >>> from astropy.nddata import CCDData, VarianceUncertainty
    >>> from emirimg.calibration import LaplacianCosmicRays
    >>> y, x = np.mgrid[:64, :64]
    >>> light = 5000 * np.exp(-((x - 20) ** 2 + (y - 20) ** 2) / 5)  # a star
    >>> light += np.random.default_rng(1).normal(0, 5, light.shape)
    >>> light[40, 45:48] += 800  # a cosmic ray
    >>> variance = VarianceUncertainty(25 + np.maximum(light, 0) / 5)
    >>> found = LaplacianCosmicRays()(CCDData(light, unit="adu", uncertainty=variance))
    >>> np.argwhere(found).tolist()
    [[40, 45], [40, 46], [40, 47]]
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
        variance = required_variance(frame)
        mask = np.zeros(frame.shape, bool) if frame.mask is None else np.array(frame.mask, bool)
        if mask.all():
            return np.zeros(frame.shape, bool)
        # Masked pixels may hold anything; their edges must not look like hits.
        data = np.where(mask, np.float32(0), frame.data).astype(np.float32)
        # The search takes the variance instead of a noise model: the gain is 1.
        import ccdproc  # noqa: PLC0415 (heavy)

        # Frames are searched in parallel already; and in a process that was forked, threads of
        # OpenMP wait for ever for those of its parent.
        with _thread_pools().limit(limits=1, user_api="openmp"):
            found = ccdproc.cosmicray_lacosmic(
                CCDData(data, unit=frame.unit, mask=mask),
                sigclip=self.sigma,
                sigfrac=self.neighbour_fraction,
                objlim=self.contrast,
                niter=self.iterations,
                gain=1.0,
                gain_apply=False,
                satlevel=np.inf,
                invar=np.where(mask, np.median(variance[~mask]), variance).astype(np.float32),
            )
        return _without_stars(found.mask & ~mask, data, variance, mask)


@cache
def _thread_pools() -> ThreadpoolController:
    """Return what limits the threads of the libraries that are loaded by now."""
    import astroscrappy  # noqa: F401, PLC0415 (it brings OpenMP)

    return ThreadpoolController()


def _without_stars(
    found: NDArray[np.bool_],
    data: NDArray[np.float32],
    variance: NDArray[np.float32],
    mask: NDArray[np.bool_],
) -> NDArray[np.bool_]:
    """Drop the surroundings of the brightest pixels of groups, if embedded as only a star's is."""
    groups, number = scipy.ndimage.label(found, np.ones((3, 3)))
    if number == 0:
        return found
    y, x = np.array(scipy.ndimage.maximum_position(data, groups, np.arange(1, number + 1))).T
    around = np.pad(np.where(mask, np.float32(np.inf), data), 1, constant_values=np.inf)
    neighbours = [around[y + 1 + dy, x + 1 + dx] for dy, dx in ((0, 1), (1, 0), (0, -1), (-1, 0))]
    faintest = np.min(neighbours, axis=0)
    limit = np.maximum(_FAINTEST_NEIGHBOUR * data[y, x], _SEEN * np.sqrt(variance[y, x]))
    is_star = np.isfinite(faintest) & (faintest > limit)
    for row, column in zip(y[is_star], x[is_star], strict=True):
        rows = slice(max(row - _CORE, 0), row + _CORE + 1)
        found[rows, max(column - _CORE, 0) : column + _CORE + 1] = False
    return found
