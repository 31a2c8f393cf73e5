"""The ring of scattered light, fitted in polar coordinates."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numba import njit
from numpy.typing import NDArray
from pydantic import Field, field_validator

from .._parallel import parallel_map, row_bands
from .._strategy import Strategy

__all__ = ["DoughnutFit"]

_BAND = 256
_PARTS = 2
"""Groups of rings whose medians are found beside each other; each walks over all pixels."""


class DoughnutFit(Strategy):
    """Fit the large-scale light of a superflat in polar bins about its centre.

    Parameters
    ----------
    n_radii : int, optional
        Number of rings between the centre and the corners. Default: 140.
    n_angles : int, optional
        Number of sectors. Default: 360.
    window : int, optional
        Odd number of neighbouring sectors over which the running median goes.
        Default: 21.

    Notes
    -----
    The value of a bin is the median of its pixels; then each takes the median
    of the bins in the window around it on the same ring; between the centres
    of the bins the surface is bilinear in radius and angle. Bins without a
    usable pixel take the value of the next ring that has one.

    References
    ----------
    Jacoby, G., et al. 1998, Proc. SPIE, 3355, 721 (pupil ghosts, and why they
    must be told from the flat).

    Examples
    --------
    >>> import numpy as np
    >>> from emirimg.flat import DoughnutFit
    >>> y, x = np.mgrid[:64, :64] - 31.5
    >>> flat = 1 + 0.1 * np.exp(-((np.hypot(x, y) - 15) ** 2) / 40)
    >>> fit = DoughnutFit(n_radii=30)(flat, np.zeros(flat.shape, bool))
    >>> bool(abs(fit - flat).max() < 0.01)
    True
    """

    name: Literal["doughnut"] = "doughnut"
    n_radii: int = Field(default=140, ge=2)
    n_angles: int = Field(default=360, ge=4)
    window: int = Field(default=21, ge=1)

    @field_validator("window")
    @classmethod
    def _check_window(cls, value: int) -> int:
        if value % 2 == 0:
            msg = f"window must be odd, got {value}"
            raise ValueError(msg)
        return value

    def __call__(
        self, flat: NDArray[np.floating], mask: NDArray[np.bool_], /
    ) -> NDArray[np.float32]:
        """Return the fitted surface.

        Parameters
        ----------
        flat : `~numpy.ndarray`
            Superflat, shape (ny, nx).
        mask : `~numpy.ndarray` of bool
            True where it must not be used.

        Returns
        -------
        `~numpy.ndarray` of float32
            Shape (ny, nx); 1 everywhere when nothing was usable.
        """
        flat = np.ascontiguousarray(flat, dtype=np.float32)
        mask = np.asarray(mask, dtype=bool)
        numbers = np.empty(flat.shape, dtype=np.int32)
        bands = row_bands(flat.shape[0], _BAND)
        parallel_map(
            lambda rows: _bin_numbers(
                mask[rows], rows.start, flat.shape[0], self.n_radii, self.n_angles, numbers[rows]
            ),
            bands,
        )
        rings = np.linspace(0, self.n_radii, _PARTS + 1).astype(int)
        values = np.concatenate(
            parallel_map(
                lambda first, last: _bin_medians(flat, numbers, first, last, self.n_angles),
                rings[:-1],
                rings[1:],
            )
        )
        known = np.isfinite(values)
        if not known.any():
            return np.ones(flat.shape, dtype=np.float32)
        values = _filled(_running_median(values, self.window))
        out = np.empty(flat.shape, dtype=np.float32)
        parallel_map(
            lambda rows: _evaluate(values, rows.start, flat.shape[0], out[rows]),
            bands,
        )
        return out


def _running_median(values: NDArray[np.float64], window: int) -> NDArray[np.float64]:
    """Return the median of the known bins of ``window`` neighbouring sectors."""
    half = window // 2
    around = np.stack([np.roll(values, shift, axis=1) for shift in range(-half, half + 1)])
    around.sort(axis=0)  # unknown bins go last
    count = np.isfinite(around).sum(axis=0)
    low, high = (
        np.take_along_axis(around, np.maximum(place, 0)[None], axis=0)[0]
        for place in ((count - 1) // 2, count // 2 - (count == 0))
    )
    return np.where(count > 0, (low + high) / 2, np.nan)


def _filled(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Give unknown bins the value of the nearest ring inside, or else outside, of them."""
    known = np.isfinite(values)
    rings = np.arange(len(values))[:, None]
    inside = np.maximum.accumulate(np.where(known, rings, -1), axis=0)
    outside = np.minimum.accumulate(np.where(known, rings, len(values))[::-1], axis=0)[::-1]
    source = np.where(inside >= 0, inside, outside)
    lost = source == len(values)  # sectors in which nothing is known
    filled = np.take_along_axis(values, np.where(lost, 0, source), axis=0)
    filled[lost] = np.median(values[known])
    return filled


@njit(nogil=True, cache=True)
def _place(  # pragma: no cover  (compiled)
    dy: float, dx: float, outermost: float, n_radii: int, n_angles: int
) -> tuple[float, float]:
    """Return radius and angle, in bins, of a pixel so far from the centre."""
    radius = np.sqrt(dx * dx + dy * dy) / outermost * n_radii
    turn = np.arctan2(dy, dx) / (2 * np.pi)
    # The operator % would take longer than all the rest.
    return radius, (turn if turn >= 0 else turn + 1.0) * n_angles


@njit(nogil=True, cache=True)
def _bin_numbers(  # pragma: no cover  (compiled)
    mask: NDArray[np.bool_],
    first_row: int,
    ny: int,
    n_radii: int,
    n_angles: int,
    number: NDArray[np.int32],
) -> None:
    """Fill in the bin of each pixel, for some rows of the image; -1 under the mask."""
    n_rows, nx = mask.shape
    middle_y, middle_x = (ny - 1) / 2, (nx - 1) / 2
    outermost = np.hypot(middle_y, middle_x)
    for row in range(n_rows):
        dy = first_row + row - middle_y
        for x in range(nx):
            number[row, x] = -1
            if not mask[row, x]:
                radius, angle = _place(dy, x - middle_x, outermost, n_radii, n_angles)
                ring = min(int(radius), n_radii - 1)
                number[row, x] = ring * n_angles + min(int(angle), n_angles - 1)


@njit(nogil=True, cache=True)
def _bin_medians(  # pragma: no cover  (compiled)
    flat: NDArray[np.float32], number: NDArray[np.int32], first: int, last: int, n_angles: int
) -> NDArray[np.float64]:
    """Return the median of every bin of some rings, shape (last - first, n_angles).

    NaN where a bin is empty.
    """
    ny, nx = flat.shape
    n_bins = (last - first) * n_angles
    count = np.zeros(n_bins + 1, np.int64)
    for y in range(ny):
        for x in range(nx):
            k = number[y, x] - first * n_angles
            if 0 <= k < n_bins:
                count[k + 1] += 1
    start = np.cumsum(count)
    place = start.copy()
    ordered = np.empty(start[-1], np.float32)
    for y in range(ny):
        for x in range(nx):
            k = number[y, x] - first * n_angles
            if 0 <= k < n_bins:
                ordered[place[k]] = flat[y, x]
                place[k] += 1
    medians = np.full((last - first, n_angles), np.nan)
    for ring in range(last - first):
        for sector in range(n_angles):
            k = ring * n_angles + sector
            if start[k + 1] > start[k]:
                medians[ring, sector] = np.median(ordered[start[k] : start[k + 1]])
    return medians


@njit(nogil=True, cache=True)
def _evaluate(  # pragma: no cover  (compiled)
    values: NDArray[np.float64], first_row: int, ny: int, out: NDArray[np.float32]
) -> None:
    """Interpolate between the centres of the bins, for some rows of the image."""
    n_radii, n_angles = values.shape
    n_rows, nx = out.shape
    middle_y, middle_x = (ny - 1) / 2, (nx - 1) / 2
    outermost = np.hypot(middle_y, middle_x)
    for row in range(n_rows):
        dy = first_row + row - middle_y
        for x in range(nx):
            radius, angle = _place(dy, x - middle_x, outermost, n_radii, n_angles)
            radius = min(max(radius - 0.5, 0.0), n_radii - 1.0)
            angle = angle - 0.5 if angle >= 0.5 else angle - 0.5 + n_angles
            ring = min(int(radius), n_radii - 2)
            sector = int(angle)
            f = radius - ring
            g = angle - sector
            sector = sector if sector < n_angles else 0
            beyond = sector + 1 if sector + 1 < n_angles else 0
            inner = (1 - g) * values[ring, sector] + g * values[ring, beyond]
            outer = (1 - g) * values[ring + 1, sector] + g * values[ring + 1, beyond]
            out[row, x] = (1 - f) * inner + f * outer
