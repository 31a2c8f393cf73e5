"""What a combiner is and what it returns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

__all__ = ["CombinedPlanes", "Combiner"]


@dataclass(frozen=True)
class CombinedPlanes:
    """The combination of a stack of images.

    Parameters
    ----------
    data : `~numpy.ndarray` of float32
        Combined values, shape (ny, nx); 0 where no value was usable.
    variance : `~numpy.ndarray` of float32
        Variance of ``data``; 0 where no value was usable.
    used : `~numpy.ndarray` of bool
        Shape (n, ny, nx): which values entered ``data``.

    Examples
    --------
    >>> import numpy as np
    >>> from emirimg.combine import MeanCombiner
    >>> values = np.array([[[10.0, 20.0]], [[14.0, 99.0]]], dtype=np.float32)
    >>> variance = np.full(values.shape, 4, dtype=np.float32)
    >>> planes = MeanCombiner()(
    ...     values, variance=variance, mask=values > 50, weights=np.ones(2)
    ... )
    >>> planes.data, planes.variance, planes.count
    (array([[12., 20.]], dtype=float32), array([[2., 4.]], dtype=float32), array([[2, ...
    """

    data: NDArray[np.float32]
    variance: NDArray[np.float32]
    used: NDArray[np.bool_]

    @property
    def count(self) -> NDArray[np.int16]:
        """How many values entered each pixel, shape (ny, nx)."""
        return self.used.sum(axis=0, dtype=np.int16)


class Combiner(Protocol):
    """A callable that combines a stack of images, pixel by pixel.

    Examples
    --------
    >>> import numpy as np
    >>> from emirimg import DitherReducer
    >>> from emirimg.combine import CombinedPlanes
    >>> class Brightest:
    ...     halo = 0
    ...
    ...     def __call__(self, values, /, *, variance, mask, weights):
    ...         best = np.where(mask, -np.inf, values).argmax(axis=0)
    ...         used = (np.arange(len(values))[:, None, None] == best) & ~mask
    ...         return CombinedPlanes((values * used).sum(0), (variance * used).sum(0), used)
    >>> values = np.array([[[10.0, 20.0]], [[14.0, 99.0]]], dtype=np.float32)
    >>> planes = Brightest()(values, variance=values, mask=values > 50, weights=np.ones(2))
    >>> planes.data
    array([[14., 20.]], dtype=float32)
    >>> reducer = DitherReducer(combiner=Brightest())
    """

    def __call__(
        self,
        values: NDArray[np.float32],
        /,
        *,
        variance: NDArray[np.float32],
        mask: NDArray[np.bool_],
        weights: NDArray[np.float64],
    ) -> CombinedPlanes:
        """Combine values of shape (n, ny, nx).

        ``variance`` and ``mask`` (True: do not use) have the same shape;
        ``weights`` has the shape (n,), one number for each image.
        """

    @property
    def halo(self) -> int:
        """How many rows above and below a pixel influence its value."""
