"""The sky of a frame, and what estimates it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from astropy.nddata import CCDData
from numpy.typing import NDArray

from ..stack import DitherStack

__all__ = ["SkyEstimator", "SkyModel", "SkyResidual"]


@dataclass(frozen=True)
class SkyModel:
    """The sky of one frame, in the detector plane.

    Parameters
    ----------
    level : float
        Median of the sky, in the unit of the frame.
    image : `~numpy.ndarray` of float32
        The sky in every pixel, shape (ny, nx); finite everywhere.
    variance : `~numpy.ndarray` of float32 or float
        Variance of ``image``.
    n_used : int
        How many frames it was made of.

    Examples
    --------
    >>> import numpy as np
    >>> from astropy.nddata import CCDData
    >>> from emirimg.sky import SkyModel, subtract_sky
    >>> sky = SkyModel(level=3000.0, image=np.full((2, 2), 3000.0), variance=4.0, n_used=6)
    >>> subtract_sky(CCDData([[3010.0, 2990.0], [3000.0, 3100.0]], unit="adu"), sky).data
    array([[ 10., -10.],
           [  0., 100.]], dtype=float32)
    """

    level: float
    image: NDArray[np.float32]
    variance: NDArray[np.float32] | float
    n_used: int


class SkyEstimator(Protocol):
    """A callable that finds the sky of every frame of a stack.

    Examples
    --------
    >>> import numpy as np
    >>> from emirimg import DitherReducer
    >>> from emirimg.sky import SkyModel
    >>> def median_sky(stack, /, *, objects=None):
    ...     levels = [float(np.median(frame.data)) for frame in stack]
    ...     planes = [np.full(stack.shape, level, dtype=np.float32) for level in levels]
    ...     return [SkyModel(*one, 0.0, 1) for one in zip(levels, planes)]
    >>> reducer = DitherReducer(sky=median_sky)
    """

    def __call__(
        self, stack: DitherStack, /, *, objects: Sequence[NDArray[np.bool_]] | None
    ) -> Sequence[SkyModel]:
        """Return one sky for each frame.

        ``objects`` are masks (True: an object) in the plane of each frame.
        The sequence may work out its members when they are asked for.
        """


class SkyResidual(Protocol):
    """A callable that finds what the sky left behind in one frame.

    Examples
    --------
    >>> import numpy as np
    >>> from emirimg import DitherReducer
    >>> def row_medians(frame, /, *, objects=None):
    ...     bad = frame.mask if objects is None else frame.mask | objects
    ...     rows = np.nanmedian(np.where(bad, np.nan, frame.data), axis=1, keepdims=True)
    ...     return np.broadcast_to(rows, frame.shape).astype(np.float32)
    >>> reducer = DitherReducer(residual=row_medians)
    """

    def __call__(
        self, frame: CCDData, /, *, objects: NDArray[np.bool_] | None
    ) -> NDArray[np.float32]:
        """Return the residual background of a sky-subtracted frame, shape (ny, nx)."""
