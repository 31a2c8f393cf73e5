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
    """

    data: NDArray[np.float32]
    variance: NDArray[np.float32]
    used: NDArray[np.bool_]

    @property
    def count(self) -> NDArray[np.int16]:
        """How many values entered each pixel, shape (ny, nx)."""
        return self.used.sum(axis=0, dtype=np.int16)


class Combiner(Protocol):
    """A callable that combines a stack of images, pixel by pixel."""

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
