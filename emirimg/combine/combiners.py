"""Combiners: a stack of images becomes one."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import Field

from .._strategy import Strategy
from .kernels import clip_by_noise, clip_by_scatter, stack_median, weighted_mean
from .planes import CombinedPlanes

__all__ = [
    "MeanCombiner",
    "MedianCombiner",
    "NoiseClipCombiner",
    "SigmaClipCombiner",
    "median_variance_factor",
]


class MeanCombiner(Strategy):
    r"""Weighted mean of the unmasked values; nothing is rejected.

    Notes
    -----
    The variance is :math:`\sum w^2 v / (\sum w)^2`.

    Examples
    --------
    >>> import numpy as np
    >>> from emirimg.combine import MeanCombiner
    >>> values = np.array([1.0, 4.0], dtype="f4").reshape(2, 1, 1)
    >>> planes = MeanCombiner()(
    ...     values,
    ...     variance=np.ones_like(values),
    ...     mask=np.zeros(values.shape, dtype=bool),
    ...     weights=np.array([2.0, 1.0]),
    ... )
    >>> print(planes.data, planes.count)
    [[2.]] [[2]]
    """

    name: Literal["mean"] = "mean"

    @property
    def halo(self) -> int:
        """How many rows above and below a pixel influence its value: none."""
        return 0

    def __call__(
        self,
        values: NDArray[np.float32],
        /,
        *,
        variance: NDArray[np.float32],
        mask: NDArray[np.bool_],
        weights: NDArray[np.float64],
    ) -> CombinedPlanes:
        """Combine values of shape (n, ny, nx); see `Combiner`."""
        values, variance, mask, weights = _checked(values, variance, mask, weights)
        return _mean(values, variance, ~mask, weights)


class MedianCombiner(Strategy):
    r"""Median of the unmasked values.

    Weights only decide which images take part: those of weight 0 do not.

    Notes
    -----
    The variance is the mean variance of the values times
    `median_variance_factor` over their number, exact for equal Gaussian
    noise.

    Examples
    --------
    >>> import numpy as np
    >>> from emirimg.combine import MedianCombiner
    >>> values = np.array([[[10.0]], [[11.0]], [[500.0]]], dtype=np.float32)
    >>> planes = MedianCombiner()(
    ...     values, variance=np.ones_like(values), mask=values > 1000, weights=np.ones(3)
    ... )
    >>> planes.data, planes.variance.round(2)
    (array([[11.]], dtype=float32), array([[0.45]], dtype=float32))
    """

    name: Literal["median"] = "median"

    @property
    def halo(self) -> int:
        """How many rows above and below a pixel influence its value: none."""
        return 0

    def __call__(
        self,
        values: NDArray[np.float32],
        /,
        *,
        variance: NDArray[np.float32],
        mask: NDArray[np.bool_],
        weights: NDArray[np.float64],
    ) -> CombinedPlanes:
        """Combine values of shape (n, ny, nx); see `Combiner`."""
        values, variance, mask, weights = _checked(values, variance, mask, weights)
        planes = _mean(values, variance, ~mask, np.ones_like(weights))
        stack_median(values, mask, False, planes.data)
        np.nan_to_num(planes.data, copy=False, nan=0.0)
        planes.variance[...] *= median_variance_factor(planes.count)
        return planes


class SigmaClipCombiner(Strategy):
    r"""Mean of the values that iterated rejection about the mean leaves.

    Parameters
    ----------
    low, high : float, optional
        Limits below and above the mean, in sample standard deviations (with
        n - 1 in the denominator). More than 0. Default: 3.

    Notes
    -----
    Mean and deviation are those of the unweighted values that are left;
    rejection is repeated until it rejects nothing. The result is their
    weighted mean with the variance :math:`\sum w^2 v / (\sum w)^2`.

    A single outlier among n values is at most :math:`(n-1)/\sqrt{n}` sample
    standard deviations from the mean, so that a limit of 3 cannot reject
    anything where there are 10 values or fewer. `NoiseClipCombiner` can.

    Examples
    --------
    >>> import numpy as np
    >>> from emirimg.combine import SigmaClipCombiner
    >>> values = np.array([10, 11, 12, 9, 10, 11, 500], dtype=np.float32).reshape(7, 1, 1)
    >>> planes = SigmaClipCombiner(high=2)(
    ...     values, variance=np.ones_like(values), mask=values > 1000, weights=np.ones(7)
    ... )
    >>> planes.data, planes.count
    (array([[10.5]], dtype=float32), array([[6]], dtype=int16))
    """

    name: Literal["sigmaclip"] = "sigmaclip"
    low: float = Field(default=3.0, gt=0)
    high: float = Field(default=3.0, gt=0)

    @property
    def halo(self) -> int:
        """How many rows above and below a pixel influence its value: none."""
        return 0

    def __call__(
        self,
        values: NDArray[np.float32],
        /,
        *,
        variance: NDArray[np.float32],
        mask: NDArray[np.bool_],
        weights: NDArray[np.float64],
    ) -> CombinedPlanes:
        """Combine values of shape (n, ny, nx); see `Combiner`."""
        values, variance, mask, weights = _checked(values, variance, mask, weights)
        used = np.empty(mask.shape, dtype=bool)
        clip_by_scatter(values, mask, self.low, self.high, used)
        return _mean(values, variance, used, weights)


class NoiseClipCombiner(Strategy):
    r"""Weighted mean of the values that agree with the median within their noise.

    Values must be sky-subtracted and on one scale of flux.

    Parameters
    ----------
    threshold : float, optional
        Limit in standard deviations. More than 0. Default: 4.
    gradient : float, optional
        Further deviation allowed, in parts of the local gradient: the largest
        difference between the median image at a pixel and at its eight
        neighbours. It stands for errors of registration, in pixels, and for
        differences of seeing on the flanks of a star. Default: 1.5.
    signal : float, optional
        Further deviation allowed, in parts of the median itself where that is
        positive: differences of seeing in the core of a star. Default: 1.5.

    Notes
    -----
    With the median m of the unmasked values of a pixel, a value d of variance
    v is left out when

    .. math::

        (d - m)^2 > t^2 (v + v_m) + \left(g\,G + s \max(m, 0) - 5 \sqrt{v_m}\right)_+^2,

    where t, g and s are ``threshold``, ``gradient`` and ``signal``, G the
    gradient of the median image and :math:`v_m` the variance of m. The noise
    is that of the noise model, not the scatter of the values, so outliers are
    found among three values as well as among thirty: of cosmic rays of 10
    standard deviations in one of 3 exposures 99 % are rejected.

    The peak of a star goes with the inverse square of the seeing: where that is
    two thirds of the median, the peak is 2.25 times as high. The default
    allows for that, because a star in the sharpest exposures is worth more than
    a cosmic ray on a star, which `~emirimg.calibration.ReferenceOutliers` finds
    better, knowing the seeing of each exposure. In simulations of 14 exposures
    whose seeing of 0.8 arcsec varies by 20 % (rms, at most 40 %), stars
    keep 99.9 % of their flux on average.

    Of an even number of values, the lower of the two in the middle is taken
    for m, because outliers are mostly positive (cosmic rays, hot pixels). So
    of two values that disagree the higher one is left out, and a single value
    is always used. A dead pixel among two values is not recognised.

    The result is the weighted mean, with the variance :math:`\sum w^2 v /
    (\sum w)^2`. Weights do not depend on the pixel, or a star's core would be
    weighted down by its own photons.

    Examples
    --------
    >>> import numpy as np
    >>> from emirimg.combine import NoiseClipCombiner
    >>> values = np.array([10, 11, 12, 9, 10, 11, 50], dtype=np.float32).reshape(7, 1, 1)
    >>> planes = NoiseClipCombiner()(
    ...     values, variance=np.full_like(values, 4), mask=values > 1000, weights=np.ones(7)
    ... )
    >>> planes.data.round(2), planes.count
    (array([[10.5]], dtype=float32), array([[6]], dtype=int16))
    """

    name: Literal["noiseclip"] = "noiseclip"
    threshold: float = Field(default=4.0, gt=0)
    gradient: float = Field(default=1.5, ge=0)
    signal: float = Field(default=1.5, ge=0)

    @property
    def halo(self) -> int:
        """How many rows above and below a pixel influence its value: one, by the gradient."""
        return 1

    def __call__(
        self,
        values: NDArray[np.float32],
        /,
        *,
        variance: NDArray[np.float32],
        mask: NDArray[np.bool_],
        weights: NDArray[np.float64],
    ) -> CombinedPlanes:
        """Combine values of shape (n, ny, nx); see `Combiner`.

        Raises
        ------
        ValueError
            If the variance of an image is 0 everywhere: without the noise
            nothing can be called an outlier.
        """
        values, variance, mask, weights = _checked(values, variance, mask, weights)
        for index in range(len(values)):
            if not variance[index].any() and not mask[index].all():
                msg = (
                    f"noiseclip needs the variance of every image, but that of image {index}"
                    " is 0 everywhere; sigmaclip does without"
                )
                raise ValueError(msg)
        centre = np.empty(values.shape[1:], dtype=np.float32)
        stack_median(values, mask, True, centre)
        numbers = np.arange(len(values) + 1)
        factors = median_variance_factor(numbers) / np.maximum(numbers, 1)
        # A value is its own median; of two, the lower one is, with its own variance.
        factors = np.where(numbers <= 2, numbers - 1.0, factors) / np.maximum(numbers, 1)
        used = np.empty(mask.shape, dtype=bool)
        clip_by_noise(
            values, variance, mask, centre, factors.astype(np.float32),
            np.float32(self.threshold), np.float32(self.gradient), np.float32(self.signal),
            used,
        )  # fmt: skip
        return _mean(values, variance, used, weights)


def median_variance_factor(number: ArrayLike) -> NDArray[np.float64]:
    r"""Return the variance of a median over that of the mean of as many Gaussian values.

    Parameters
    ----------
    number : array_like of int
        How many values.

    Returns
    -------
    `~numpy.ndarray` of float
        1 for one and two values; approaches :math:`\pi/2` for many.

    Notes
    -----
    :math:`(\pi/2)\,n/(n + b)` with b = 0.43 + 0.21/n for odd and 1.42 - 0.60/n
    for even n, fitted to the integrals over the order statistics; good to
    0.2 % for n up to 40, where it was compared.

    Examples
    --------
    >>> from emirimg.combine import median_variance_factor
    >>> print(median_variance_factor([1, 2, 3, 14, 1000]).round(3))
    [1.    1.    1.346 1.43  1.569]
    """
    n = np.maximum(np.asarray(number, dtype=float), 1.0)
    offset = np.where(n % 2 == 1, 0.43 + 0.21 / n, 1.42 - 0.60 / n)
    return np.where(n <= 2, 1.0, 0.5 * np.pi * n / (n + offset))


def _checked(
    values: NDArray, variance: NDArray, mask: NDArray, weights: NDArray
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.bool_], NDArray[np.float64]]:
    """Check the shapes and mask the images of weight 0."""
    values = np.ascontiguousarray(values, dtype=np.float32)
    variance = np.ascontiguousarray(variance, dtype=np.float32)
    mask = np.ascontiguousarray(mask, dtype=bool)
    weights = np.asarray(weights, dtype=np.float64)
    if values.ndim != 3:
        msg = f"values must have the shape (n, ny, nx), got {values.shape}"
        raise ValueError(msg)
    for name, plane in (("variance", variance), ("mask", mask)):
        if plane.shape != values.shape:
            msg = f"{name} must have the shape of values {values.shape}, got {plane.shape}"
            raise ValueError(msg)
    if weights.shape != values.shape[:1] or not (weights >= 0).all():
        msg = f"weights must be {len(values)} numbers, none of them negative, got {weights}"
        raise ValueError(msg)
    if not weights.all():
        mask = mask | (weights == 0)[:, np.newaxis, np.newaxis]
    return values, variance, mask, weights


def _mean(
    values: NDArray[np.float32],
    variance: NDArray[np.float32],
    used: NDArray[np.bool_],
    weights: NDArray[np.float64],
) -> CombinedPlanes:
    data = np.empty(values.shape[1:], dtype=np.float32)
    data_variance = np.empty_like(data)
    weighted_mean(values, variance, used, weights, data, data_variance)
    return CombinedPlanes(data, data_variance, used)
