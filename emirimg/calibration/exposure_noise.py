"""The noise of a calibrated exposure, worked out from its own values."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

from .._lazy import LazyPlane

__all__ = ["ExposureNoise", "VariancePlane"]


@dataclass(frozen=True, eq=False)
class ExposureNoise:
    r"""The variance of a calibrated exposure as a function of its values.

    Parameters
    ----------
    gain : float
        Electrons per ADU.
    read_noise : float
        Rms, in ADU.
    seconds : float
        Time of the exposure.
    dark_rate, dark_variance : `~numpy.ndarray` of float32, optional
        Dark signal and its variance, in ADU per second, shape (ny, nx).
    flat, flat_variance : `~numpy.ndarray` of float32, optional
        The flat, and its variance relative to its square. It is not known where it is not
        positive and finite.

    Notes
    -----
    With the calibrated value c, the dark signal d, the flat f and the read
    noise r, the raw counts are :math:`c f + d` and the variance is

    .. math:: V = \left(\frac{\max(c f + d, 0)}{g} + r^2 + \sigma_d^2\right) / f^2
        + c^2 \sigma_f^2 / f^2

    so that it need not be kept beside the values. Where the flat is not known,
    it is 0.

    Examples
    --------
    >>> import numpy as np
    >>> from emirimg.calibration import ExposureNoise
    >>> noise = ExposureNoise(gain=5.0, read_noise=6.0, seconds=30.0)
    >>> noise(np.array([[0, 3000]], dtype=np.float32))  # counts / gain + read_noise**2
    array([[ 36., 636.]], dtype=float32)
    """

    gain: float
    read_noise: float
    seconds: float
    dark_rate: NDArray[np.float32] | None = None
    dark_variance: NDArray[np.float32] | None = None
    flat: NDArray[np.float32] | None = None
    flat_variance: NDArray[np.float32] | None = None

    def __call__(
        self, values: NDArray[np.float32], rows: slice = slice(None)
    ) -> NDArray[np.float32]:
        """Return the variance, in ADU squared, of some rows of the exposure.

        Parameters
        ----------
        values : `~numpy.ndarray` of float32
            Those rows, calibrated, the sky not subtracted, shape (n, nx).
        rows : slice, optional
            Which rows they are. Default: all.
        """
        values = np.ascontiguousarray(values, dtype=np.float32)
        variance = np.empty_like(values)
        _variance(
            values,
            *(
                None if plane is None else np.ascontiguousarray(plane[rows])
                for plane in (
                    self.dark_rate, self.dark_variance, self.flat, self.flat_variance,
                )
            ),
            np.float32(1 / self.gain),
            np.float32(self.read_noise**2),
            np.float32(self.seconds),
            variance,
        )  # fmt: skip
        return variance


class VariancePlane(LazyPlane):
    """The variance of a calibrated exposure, worked out where it is asked for.

    Parameters
    ----------
    values : `~numpy.ndarray` of float32 or LazyPlane
        The calibrated values, the sky not subtracted.
    noise : ExposureNoise
        Tells the variance by them.

    Examples
    --------
    >>> import numpy as np
    >>> from emirimg.calibration import ExposureNoise, VariancePlane
    >>> values = np.full((2048, 4), 3000, dtype=np.float32)
    >>> variance = VariancePlane(values, ExposureNoise(gain=5.0, read_noise=6.0, seconds=30.0))
    >>> variance[10:11]  # only this row is worked out
    array([[636., 636., 636., 636.]], dtype=float32)
    """

    def __init__(self, values: NDArray[np.float32] | LazyPlane, noise: ExposureNoise) -> None:
        super().__init__(lambda rows: noise(values[rows], rows), values.shape, np.float32)
        self.noise = noise


@njit(nogil=True, cache=True, error_model="numpy")
def _variance(  # pragma: no cover  (compiled)
    values: NDArray[np.float32],
    dark: NDArray[np.float32] | None,
    dark_variance: NDArray[np.float32] | None,
    flat: NDArray[np.float32] | None,
    flat_variance: NDArray[np.float32] | None,
    inverse_gain: np.float32,
    read_variance: np.float32,
    seconds: np.float32,
    out: NDArray[np.float32],
) -> None:
    """Work out the variance; the branches on missing planes vanish at compilation."""
    for y in range(values.shape[0]):
        for x in range(values.shape[1]):
            value = values[y, x]
            inverse = np.float32(1)
            if flat is not None:
                known = (flat[y, x] > 0) & (flat[y, x] < np.float32(np.inf))
                inverse = np.float32(1) / flat[y, x] if known else np.float32(0)
            # Counts divided by the flat: where that is 0, nothing is known.
            counts = value
            if dark is not None:
                counts += dark[y, x] * seconds * inverse
            noise = read_variance
            if dark_variance is not None:
                noise += dark_variance[y, x] * seconds**2
            noise *= inverse**2
            noise += max(counts, np.float32(0)) * inverse_gain * inverse
            if flat_variance is not None:
                noise += value**2 * flat_variance[y, x]
            out[y, x] = noise
