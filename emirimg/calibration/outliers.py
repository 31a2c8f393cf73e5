"""Outliers of an exposure, found by comparison with the other exposures."""

from __future__ import annotations

from typing import Literal

import numpy as np
from astropy.nddata import CCDData
from numba import njit
from numpy.typing import NDArray
from pydantic import Field

from .._strategy import Strategy
from .._wording import counted
from ..exceptions import FrameError
from ._frames import changed, compared_variance

__all__ = ["ReferenceOutliers", "flag_outliers"]


def flag_outliers(frame: CCDData, outliers: NDArray[np.bool_]) -> CCDData:
    """Mask the pixels that were found to be outliers.

    Parameters
    ----------
    frame : `~astropy.nddata.CCDData`
        Any frame.
    outliers : `~numpy.ndarray` of bool
        Shape (ny, nx), as `ReferenceOutliers` or `LaplacianCosmicRays` return it.

    Raises
    ------
    FrameError
        If the shapes differ.

    Examples
    --------
    >>> import numpy as np
    >>> from astropy.nddata import CCDData
    >>> from emirimg.calibration import flag_outliers
    >>> frame = CCDData([[1.0, 900.0, 2.0]], unit="adu")
    >>> flag_outliers(frame, frame.data > 100).mask
    array([[False,  True, False]])
    """
    if outliers.shape != frame.shape:
        msg = f"outliers has the shape {outliers.shape}; {frame.shape} was expected"
        raise FrameError(msg)
    mask = outliers if frame.mask is None else np.asarray(frame.mask, dtype=bool) | outliers
    return changed(frame, f"masked {counted(int(outliers.sum()), 'outlier')}", mask=mask)


class ReferenceOutliers(Strategy):
    r"""Find cosmic rays by comparison with an image of the same field.

    Parameters
    ----------
    sigma : float
        A pixel is an outlier when it differs from the reference by more than
        this many standard deviations, and by more than the two allowances.
    neighbour_sigma : float
        The same for the eight neighbours of an outlier, so that the faint
        ends of a track go with it.
    gradient : float
        Allowance for differences of the seeing and of the registration: times
        the largest difference between the reference and its neighbours.
    signal : float
        Allowance for errors of the transparency and of the shape of stars: times
        the absolute value of the reference.

    Notes
    -----
    The limit of pixel p is

    .. math::

        k \sqrt{V_p + s^2 V^r_p} + a \, s \max_q |r_p - r_q| + (b + |c - 1|) \, s |r_p|

    with the variance V of the frame and of the reference r, the transparency
    s, the sharpness c of the frame and the eight neighbours q. The largest of
    the neighbours' noise differences, 3 standard deviations, is taken off the gradient. With the
    default allowances, a star that is 20 % sharper or broader than in the
    reference and misplaced by 0.3 pixels is left alone.

    Examples
    --------
    >>> from emirimg.calibration import ReferenceOutliers
    >>> ReferenceOutliers(sigma=6)
    ReferenceOutliers(sigma=6.0)
    """

    name: Literal["reference"] = "reference"
    sigma: float = Field(default=5.0, gt=0)
    neighbour_sigma: float = Field(default=3.0, gt=0)
    gradient: float = Field(default=1.0, ge=0)
    signal: float = Field(default=0.2, ge=0)

    def __call__(
        self,
        frame: CCDData,
        reference: NDArray[np.floating],
        reference_mask: NDArray[np.bool_] | None = None,
        /,
        *,
        scale: float = 1.0,
        sharpness: float = 1.0,
        reference_variance: NDArray[np.floating] | float = 0.0,
    ) -> NDArray[np.bool_]:
        """Find the outliers of a sky-subtracted frame.

        Parameters
        ----------
        frame : `~astropy.nddata.CCDData`
            Sky-subtracted frame with a variance, shape (ny, nx).
        reference : `~numpy.ndarray`
            Image of the same field in the plane of the frame, for instance
            the median mosaic brought back to the detector.
        reference_mask : `~numpy.ndarray` of bool, optional
            True where there is no reference; nothing is flagged there.
        scale : float, optional
            Flux of the stars in the frame divided by that in the reference.
        sharpness : float, optional
            Peak of a star in the frame divided by that in the reference, at the
            same flux: the inverse square of the ratio of their seeing.
        reference_variance : `~numpy.ndarray` or float, optional
            Variance of the reference.

        Returns
        -------
        `~numpy.ndarray` of bool
            True on outliers. Pixels that the frame masks already stay False.

        Raises
        ------
        FrameError
            If the frame has no uncertainty or the shapes differ.
        """
        variance = compared_variance(frame, reference)
        mask, unknown = (
            np.zeros(frame.shape, dtype=bool)
            if plane is None
            else np.ascontiguousarray(plane, dtype=bool)
            for plane in (frame.mask, reference_mask)
        )
        found = np.zeros(frame.shape, dtype=np.uint8)
        _outliers(
            np.ascontiguousarray(frame.data, dtype=np.float32),
            np.ascontiguousarray(variance, dtype=np.float32),
            mask,
            np.ascontiguousarray(reference, dtype=np.float32),
            unknown,
            _plane(reference_variance, frame.shape),
            np.float32(scale),
            np.float32(self.sigma),
            np.float32(self.neighbour_sigma),
            np.float32(self.gradient),
            np.float32(self.signal + abs(sharpness - 1)),
            found,
        )
        return np.minimum(found, 1, out=found).view(bool)


def _plane(variance: NDArray[np.floating] | float, shape: tuple[int, int]) -> NDArray[np.float32]:
    """Return a variance as an image, of no pixels where it is 0."""
    variance = np.asarray(variance, dtype=np.float32)
    if variance.ndim == 0 and variance == 0:
        return np.empty((0, 0), dtype=np.float32)
    return np.ascontiguousarray(np.broadcast_to(variance, shape))


@njit(nogil=True, cache=True)
def _outliers(  # noqa: C901 (one pass after another)  # pragma: no cover
    data: NDArray[np.float32],
    variance: NDArray[np.float32],
    mask: NDArray[np.bool_],
    reference: NDArray[np.float32],
    unknown: NDArray[np.bool_],
    reference_variance: NDArray[np.float32],
    scale: np.float32,
    sigma: np.float32,
    neighbour_sigma: np.float32,
    gradient: np.float32,
    signal: np.float32,
    found: NDArray[np.uint8],
) -> None:
    """Flag outliers, and the weaker ones beside them as well; ``found`` comes empty.

    The former become 1, the latter, which have no neighbours of their own, 2.
    """
    ny, nx = data.shape
    suspect = np.empty(nx, np.bool_)
    # A little less than the limit: few pixels are worth a closer look.
    most, height = np.float32(0.99) * sigma * sigma, np.float32(0.99) * signal * scale
    for y in range(ny):
        for x in range(nx):
            centre = reference[y, x]
            rest = abs(data[y, x] - scale * centre) - height * abs(centre)
            known = not (mask[y, x] | unknown[y, x])
            suspect[x] = (rest > 0) & (rest * rest > most * variance[y, x]) & known
        for x in range(nx):
            if suspect[x]:
                found[y, x] = _excess(
                    y, x, data, variance, reference, unknown, reference_variance,
                    scale, sigma, gradient, signal,
                )  # fmt: skip
    for y in range(ny):
        for x in range(nx):
            if found[y, x] != 1:
                continue
            for j in range(max(y - 1, 0), min(y + 2, ny)):
                for i in range(max(x - 1, 0), min(x + 2, nx)):
                    if not (mask[j, i] or unknown[j, i] or found[j, i]):
                        found[j, i] = 2 * _excess(
                            j, i, data, variance, reference, unknown, reference_variance,
                            scale, neighbour_sigma, gradient, signal,
                        )  # fmt: skip


@njit(nogil=True, cache=True)
def _excess(  # pragma: no cover  (compiled)
    y: int,
    x: int,
    data: NDArray[np.float32],
    variance: NDArray[np.float32],
    reference: NDArray[np.float32],
    unknown: NDArray[np.bool_],
    reference_variance: NDArray[np.float32],
    scale: np.float32,
    sigma: np.float32,
    gradient: np.float32,
    signal: np.float32,
) -> bool:
    """Tell whether a pixel differs from the reference by more than it may."""
    centre = reference[y, x]
    noise = reference_variance[y, x] if reference_variance.size > 0 else np.float32(0)
    limit = sigma * np.sqrt(variance[y, x] + scale * scale * noise)
    limit += signal * scale * abs(centre)
    difference = abs(data[y, x] - scale * centre)
    if difference <= limit:
        return False
    steepest = np.float32(0)
    for j in range(max(y - 1, 0), min(y + 2, data.shape[0])):
        for i in range(max(x - 1, 0), min(x + 2, data.shape[1])):
            if not unknown[j, i]:
                steepest = max(steepest, abs(reference[j, i] - centre))
    steepest = max(steepest - np.float32(3) * np.sqrt(noise), np.float32(0))
    return difference > limit + gradient * scale * steepest
