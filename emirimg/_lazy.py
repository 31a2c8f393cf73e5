"""Planes whose rows are worked out when they are asked for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from astropy.nddata import CCDData
from numpy.typing import ArrayLike, DTypeLike, NDArray

from ._parallel import row_bands

__all__ = ["LazyFrame", "LazyPlane", "each_row"]

_BAND = 64
"""Rows that are worked out together, so that they stay in the cache."""


class LazyPlane:
    """An image that exists only where somebody looks at it.

    It can stand for an array in a `~astropy.nddata.CCDData`. Slices of rows are
    worked out alone, everything else makes the whole array.

    Parameters
    ----------
    rows : callable
        ``rows(slice)`` returns those rows as an array of their own.
    shape : tuple of int
        Shape (ny, nx).
    dtype : dtype
        Type of what ``rows`` returns.

    Examples
    --------
    >>> import numpy as np
    >>> from emirimg._lazy import LazyPlane
    >>> plane = LazyPlane(lambda rows: np.ones((4, 3))[rows], (4, 3), float)
    >>> print(plane[1:3].sum(), np.asarray(plane).sum())
    6.0 12.0
    """

    ndim = 2

    def __init__(
        self, rows: Callable[[slice], NDArray[Any]], shape: tuple[int, int], dtype: DTypeLike
    ) -> None:
        self._rows = rows
        self.shape = (int(shape[0]), int(shape[1]))
        self.dtype = np.dtype(dtype)

    @property
    def size(self) -> int:
        """Number of pixels."""
        return self.shape[0] * self.shape[1]

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, key: Any) -> NDArray[Any]:
        first, *others = key if isinstance(key, tuple) else (key,)
        if not isinstance(first, slice):
            return np.asarray(self)[key]
        rows = self._rows(first)
        return rows[(slice(None), *others)] if others else rows

    def __array__(self, dtype: DTypeLike = None, copy: bool | None = None) -> NDArray[Any]:  # noqa: FBT001 (given by NumPy)
        if copy is False:
            msg = "the plane is worked out when it is asked for: there is nothing to share"
            raise ValueError(msg)
        whole = np.empty(self.shape, dtype=self.dtype if dtype is None else dtype)
        for band in row_bands(self.shape[0], _BAND):
            whole[band] = self._rows(band)
        return whole

    def __repr__(self) -> str:
        return f"<LazyPlane of shape {self.shape} and type {self.dtype}>"


class LazyFrame(CCDData):
    """A frame whose mask, too, may be a `LazyPlane`; others make an array of it."""

    @property
    def mask(self) -> NDArray[np.bool_] | LazyPlane | None:
        """True where a pixel must not be used."""
        return self._mask

    @mask.setter
    def mask(self, mask: NDArray[np.bool_] | LazyPlane | None) -> None:
        self._mask = mask


def each_row(
    function: Callable[..., NDArray[Any]], *planes: ArrayLike | LazyPlane, dtype: DTypeLike
) -> LazyPlane:
    """Return the plane ``function(*planes)``, of which nothing is worked out yet.

    Parameters
    ----------
    function : callable
        Takes the same rows of all planes, and leaves them as they are.
    *planes : array_like or LazyPlane
        All of one shape.
    dtype : dtype
        Type of the result.
    """
    return LazyPlane(
        lambda rows: function(*(plane[rows] for plane in planes)), planes[0].shape, dtype
    )
