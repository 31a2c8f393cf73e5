"""Planes whose rows are worked out when they are asked for."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
from astropy.nddata import CCDData, VarianceUncertainty
from numpy.lib.mixins import NDArrayOperatorsMixin
from numpy.typing import DTypeLike, NDArray

from ._parallel import row_bands

__all__ = [
    "LazyFrame",
    "LazyPlane",
    "PackedMask",
    "Plane",
    "count_masked",
    "each_row",
    "materialised",
    "pack_bits",
]

_BAND = 64
"""Rows that are worked out together, so that they stay in the cache."""


_OF_THE_WHOLE = frozenset(
    {"all", "any", "astype", "copy", "max", "mean", "min", "ravel", "std", "sum"}
)


class LazyPlane(NDArrayOperatorsMixin):
    """An image that exists only where somebody looks at it.

    It can stand for an array in a `~astropy.nddata.CCDData`. Slices of rows are
    worked out alone, everything else, arithmetic too, makes the whole array.

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

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> NDArray[Any]:  # noqa: FBT001 (given by NumPy)
        if copy is False:
            msg = "the plane is worked out when it is asked for: there is nothing to share"
            raise ValueError(msg)
        whole = np.empty(self.shape, dtype=self.dtype if dtype is None else dtype)
        for band in row_bands(self.shape[0], _BAND):
            whole[band] = self._rows(band)
        return whole

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Any:
        arrays = [np.asarray(item) if isinstance(item, LazyPlane) else item for item in inputs]
        return getattr(ufunc, method)(*arrays, **options)

    def __getattr__(self, name: str) -> Any:
        if name in _OF_THE_WHOLE:
            return getattr(np.asarray(self), name)
        msg = f"{type(self).__name__!r} object has no attribute {name!r}"
        raise AttributeError(msg)

    def __repr__(self) -> str:
        return f"<LazyPlane of shape {self.shape} and type {self.dtype}>"


Plane = NDArray[Any] | LazyPlane
"""An image, shape (ny, nx), that is there or is worked out when it is looked at."""


class LazyFrame(CCDData):
    """A frame whose mask, too, may be a `LazyPlane`; others make an array of it."""

    @property
    def mask(self) -> Plane | None:
        """True where a pixel must not be used."""
        return self._mask

    @mask.setter
    def mask(self, mask: Plane | None) -> None:
        self._mask = mask

    def __reduce__(self) -> tuple:
        # An uncertainty refers to its frame: only its values are sent.
        variance = None if self.uncertainty is None else self.uncertainty.array
        return _frame_of, (self.data, self.unit, self.mask, variance, self.meta, self.wcs)


def _frame_of(data: Any, unit: Any, mask: Any, variance: Any, meta: Any, wcs: Any) -> LazyFrame:
    uncertainty = None if variance is None else VarianceUncertainty(variance, copy=False)
    return LazyFrame(data, unit=unit, mask=mask, uncertainty=uncertainty, meta=meta, wcs=wcs)


def each_row(function: Callable[..., NDArray[Any]], *planes: Plane, dtype: DTypeLike) -> LazyPlane:
    """Return the plane ``function(*planes)``, of which nothing is worked out yet.

    Parameters
    ----------
    function : callable
        Takes the same rows of all planes, and leaves them as they are.
    *planes : `~numpy.ndarray` or LazyPlane
        All of one shape.
    dtype : dtype
        Type of the result.
    """
    return LazyPlane(
        lambda rows: function(*(plane[rows] for plane in planes)), planes[0].shape, dtype
    )


def materialised(frame: CCDData) -> CCDData:
    """Return a frame all of whose planes are arrays; a frame of arrays as it is."""
    variance = None if frame.uncertainty is None else frame.uncertainty.array
    if not any(isinstance(plane, LazyPlane) for plane in (frame.data, frame.mask, variance)):
        return frame
    result = copy.copy(frame)
    result.data = np.asarray(frame.data)
    if frame.mask is not None:
        result.mask = np.asarray(frame.mask)
    if variance is not None:
        result.uncertainty = VarianceUncertainty(np.asarray(variance), copy=False)
    return result


def pack_bits(mask: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Return the bits of a mask, shape (ny, ceil(nx / 8)): an eighth of its memory."""
    return np.packbits(mask, axis=1)


class PackedMask(LazyPlane):
    """A mask of which the bits are kept, whose rows are unpacked when they are asked for.

    Parameters
    ----------
    bits : `~numpy.ndarray` of uint8 or LazyPlane
        What `pack_bits` makes of the mask, shape (ny, ceil(nx / 8)).
    n_columns : int
        Number nx of its columns.
    """

    def __init__(self, bits: NDArray[np.uint8] | LazyPlane, n_columns: int) -> None:
        super().__init__(self._unpacked, (bits.shape[0], n_columns), bool)
        self.bits = bits

    def _unpacked(self, rows: slice) -> NDArray[np.bool_]:
        return np.unpackbits(self.bits[rows], axis=1, count=self.shape[1]).view(bool)

    def joined(self, other: PackedMask) -> PackedMask:
        """Return what either mask covers: bits are joined before they are unpacked."""
        return PackedMask(
            each_row(np.bitwise_or, self.bits, other.bits, dtype=np.uint8), self.shape[1]
        )


def count_masked(mask: Plane | None) -> int:
    """Return how many pixels a mask covers."""
    if mask is None:
        return 0
    if isinstance(mask, PackedMask):
        return int(np.bitwise_count(mask.bits[:]).sum())
    return int(np.count_nonzero(mask))
