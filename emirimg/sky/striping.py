"""Stripes along the rows and columns of the detector."""

from __future__ import annotations

from typing import Literal

import numpy as np
from astropy.nddata import CCDData
from numpy.typing import NDArray

from .._strategy import Strategy
from ..calibration._rectangles import between, robust_statistics
from ._regions import quadrants_of, warn_of_masks

__all__ = ["RowColumnStriping"]

_SAMPLE = 8
"""One in so many pairs of lines tells whether there are stripes at all."""

_LEAST_FRACTION = 0.2
_FEWEST_PIXELS = 16
"""A line with a smaller part, or fewer, of its pixels usable tells nothing."""

_SIGNIFICANT = 4.0
"""Standard deviations of chi-square by which lines must differ to be stripes."""


class RowColumnStriping(Strategy):
    """One offset for each row and each column of each quadrant of the frame.

    Notes
    -----
    The offset of a line is the median m of its unmasked pixels; its error e is
    ``sqrt(pi / 2 / n)`` times the noise of its n pixels. Stripes are told by the
    differences d of neighbouring lines, which know nothing of gradients; a pair in
    eight is looked at first. Where the sum of ``d**2 / (e1**2 + e2**2)`` does not exceed
    the number of pairs by 4 standard deviations there are no stripes, and nothing is
    changed. Otherwise each offset, less the median of all, is multiplied by ``S / (S +
    e**2)``, where S is half of the variance of the differences beyond their errors.
    Where lines have levels of their own, so have groups of lines: they go as well,
    with whatever else the means of lines show.

    The quadrants are those in which the HAWAII-2 is read.

    Examples
    --------
    >>> import numpy as np
    >>> from emirimg.sky import RowColumnStriping
    >>> rng = np.random.default_rng(1)
    >>> rows = rng.normal(0, 4, (256, 1))
    >>> image = (rng.normal(0, 5, (256, 256)) + rows).astype("f4")
    >>> stripes = RowColumnStriping().of_array(image, None, None)
    >>> print(f"{np.corrcoef(stripes[:, 0], rows[:, 0])[0, 1]:.2f}")
    0.99
    """

    name: Literal["striping"] = "striping"

    def __call__(
        self, frame: CCDData, /, *, objects: NDArray[np.bool_] | None = None
    ) -> NDArray[np.float32]:
        """Return the stripes of a sky-subtracted frame.

        Parameters
        ----------
        frame : `~astropy.nddata.CCDData`
            Sky-subtracted frame, shape (ny, nx).
        objects : `~numpy.ndarray` of bool, optional
            True on objects, in the plane of the frame.

        Returns
        -------
        `~numpy.ndarray` of float32
            Shape (ny, nx), in the unit of the frame; 0 without stripes.

        Warns
        -----
        SkyWarning
            If the mask of the objects covers everything.
        """
        if objects is not None and objects.all():
            warn_of_masks()
        return self.of_array(np.asarray(frame.data, dtype=np.float32), frame.mask, objects)

    def of_array(
        self,
        data: NDArray[np.float32],
        mask: NDArray[np.bool_] | None,
        objects: NDArray[np.bool_] | None,
    ) -> NDArray[np.float32]:
        """Return the stripes of an image, shape (ny, nx).

        Parameters
        ----------
        data : `~numpy.ndarray` of float32
            Shape (ny, nx).
        mask, objects : `~numpy.ndarray` of bool or None
            True where a pixel does not count.
        """
        unusable = np.zeros(data.shape, dtype=bool)
        for plane in (mask, objects):
            if plane is not None:
                unusable |= plane
        stripes = np.zeros(data.shape, dtype=np.float32)
        add_stripes(stripes, data, unusable)
        return stripes


def add_stripes(
    background: NDArray[np.float32], data: NDArray[np.float32], mask: NDArray[np.bool_]
) -> None:
    """Add to the background of an image the stripes of what lies above it."""
    for quadrant in quadrants_of(data.shape):
        planes = data[quadrant], background[quadrant], mask[quadrant]
        rows, columns = (_offsets(*planes, axis) for axis in (0, 1))
        if rows is not None:
            background[quadrant] += rows[:, None]
        if columns is not None:
            background[quadrant] += columns


def _offsets(
    data: NDArray[np.float32],
    background: NDArray[np.float32],
    mask: NDArray[np.bool_],
    axis: int,
) -> NDArray[np.float32] | None:
    """Return an offset for each row (or column) of an image less a background.

    None without stripes.
    """
    parts = (_some_pairs(plane, axis) for plane in (data, background, mask))
    if _excess(*_levels(*parts, axis)) == 0:
        return None
    median, error = _levels(data, background, mask, axis)
    signal = _excess(median, error)
    if signal == 0:
        return None
    known = np.isfinite(median)
    offset = median[known] - np.median(median[known])
    result = np.zeros(len(known), dtype=np.float32)
    result[known] = offset * signal / (signal + error[known] ** 2)
    return result


def _some_pairs(plane: NDArray, axis: int) -> NDArray:
    """Return a pair of neighbouring rows (or columns) in so many."""
    n = plane.shape[axis]
    shape = list(plane.shape)
    shape[axis] = 2 * len(range(0, n - 1, 2 * _SAMPLE))
    pairs = np.empty(shape, dtype=plane.dtype)
    lines, sample = (plane.T, pairs.T) if axis else (plane, pairs)
    for place in (0, 1):
        sample[place::2] = lines[place : n - 1 + place : 2 * _SAMPLE]
    return pairs


def _levels(
    data: NDArray[np.float32],
    background: NDArray[np.float32],
    mask: NDArray[np.bool_],
    axis: int,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the medians of the rows (or columns) of an image less a background."""
    above = data - background
    return _lines(above.T, mask.T) if axis else _lines(above, mask)


def _excess(median: NDArray[np.float64], error: NDArray[np.float64]) -> float:
    """Return the variance of lines beyond their errors, by pairs; 0 if it is not significant."""
    pairs = len(median) // 2 * 2
    difference = median[1:pairs:2] - median[:pairs:2]
    variance = error[1:pairs:2] ** 2 + error[:pairs:2] ** 2
    known = np.isfinite(difference) & (variance > 0)
    difference, variance = difference[known], variance[known]
    if not _exceeds(difference, variance):
        return 0.0
    return max(float(np.mean(difference**2 - variance)) / 2, 0.0)


def _exceeds(offset: NDArray[np.float64], variance: NDArray[np.float64]) -> bool:
    """Tell whether offsets are larger than their errors explain."""
    n = len(offset)
    if n == 0:
        return False
    # Stars that the mask has missed make single lines stand out: they do not count more.
    chi_square = float(np.sum(np.minimum(offset**2 / variance, 9.0)))
    return chi_square > n + _SIGNIFICANT * np.sqrt(2 * n)


def _lines(
    data: NDArray[np.float32], mask: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the median of each line and its error; NaN where hardly a pixel is usable."""
    lines, whole = np.arange(len(data) + 1), np.array([0, data.shape[1]])
    median, deviation, number = robust_statistics(
        data,
        mask,
        between(lines),
        between(whole),
        fewest=_FEWEST_PIXELS,
        fraction=_LEAST_FRACTION,
    )
    error = 1.4826 * 1.2533 * deviation / np.sqrt(np.maximum(number, 1))
    return median[:, 0], error[:, 0]
