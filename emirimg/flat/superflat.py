"""The flat that the sky of the exposures themselves makes."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
from astropy.nddata import CCDData
from numpy.typing import NDArray

from .._lazy import Plane, each_row
from .._parallel import parallel_map, row_bands
from .._strategy import Strategy, by_name
from ..calibration._frames import changed, variance_of
from ..combine.combiners import MeanCombiner, MedianCombiner, SigmaClipCombiner
from ..combine.median import masked_median
from ..exceptions import SkyError
from ..stack import DitherStack
from .doughnut import DoughnutFit

__all__ = ["SkyFlat", "Superflat", "SuperflatEstimator", "divide_superflat"]

_BAND = 32
_PIXELS_OF_A_BAND = 2**21
"""Most values that are combined together, however many frames there are."""
_NOT_LIT = np.float32(1e-5)
"""The flat where the frames have no light at all, as outside a resampled frame."""


@dataclass(frozen=True)
class Superflat:
    """A flat made of the sky of the exposures.

    Parameters
    ----------
    image : `~numpy.ndarray` of float32
        What frames are divided by, shape (ny, nx); positive everywhere.
    combined : `~numpy.ndarray` of float32
        The combination of the frames, before the doughnut was taken out.
    doughnut : `~numpy.ndarray` of float32 or None
        The scattered light relative to the sky, where it was fitted.

    Examples
    --------
    >>> import numpy as np
    >>> from astropy.nddata import CCDData
    >>> from emirimg.flat import Superflat, divide_superflat
    >>> response = np.array([[0.9, 1.1]], dtype=np.float32)
    >>> superflat = Superflat(image=response, combined=response)
    >>> np.asarray(divide_superflat(CCDData([[90.0, 110.0]], unit="adu"), superflat).data)
    array([[100., 100.]], dtype=float32)
    """

    image: NDArray[np.float32]
    combined: NDArray[np.float32]
    doughnut: NDArray[np.float32] | None = None


class SuperflatEstimator(Protocol):
    """A callable that makes a superflat of a stack of frames.

    Examples
    --------
    >>> import numpy as np
    >>> from emirimg.flat import Superflat
    >>> from emirimg.simulation import Scene
    >>> from emirimg.stack import DitherStack
    >>> def median_flat(stack, /, *, objects=None):
    ...     values = np.array([frame.data / np.median(frame.data) for frame in stack])
    ...     image = np.median(values, axis=0).astype(np.float32)
    ...     return Superflat(image, image)
    >>> scene = Scene(n_exposures=3, shape=(64, 64), n_stars=0, n_galaxies=0)
    >>> stack = DitherStack.from_frames([scene.exposure(index) for index in range(3)])
    >>> print(f"{np.median(median_flat(stack).image):.2f}")
    1.00
    """

    def __call__(
        self, stack: DitherStack, /, *, objects: Sequence[NDArray[np.bool_]] | None
    ) -> Superflat:
        """Return the superflat.

        ``objects`` are masks (True: an object) in the plane of each frame.
        """


class SkyFlat(Strategy):
    """The combination of the frames, each divided by its median.

    Parameters
    ----------
    combiner : SigmaClipCombiner, MeanCombiner or MedianCombiner, optional
        How the frames are combined. Default: ``SigmaClipCombiner()``.
    doughnut : DoughnutFit, optional
        Fits the scattered light, by which the superflat is then divided.
        Default: it is not fitted.

    Notes
    -----
    Frames are divided by the median of their unmasked pixels and combined
    where they show no object. Bad pixels take part: they must have been
    interpolated, and the flat there is that of their surroundings. The result
    is divided by its own median. It is 1 where every frame shows an object,
    and 1e-5 where it is not positive otherwise, as in the empty margins of
    resampled frames.

    Valid where the sky illuminates the detector as the objects do. Scattered
    light does not: it is added to the sky, so dividing by it changes the
    fluxes by as much (up to 20 % for the doughnut of EMIR).

    Examples
    --------
    >>> from emirimg.flat import SkyFlat
    >>> SkyFlat(combiner="median")
    SkyFlat(combiner=MedianCombiner())
    """

    name: Literal["skyflat"] = "skyflat"
    combiner: by_name(SigmaClipCombiner, MeanCombiner, MedianCombiner) = SigmaClipCombiner()
    doughnut: DoughnutFit | None = None

    def __call__(
        self,
        stack: DitherStack,
        /,
        *,
        objects: Sequence[NDArray[np.bool_]] | None = None,
        executor: Executor | None = None,
    ) -> Superflat:
        """Return the superflat.

        Parameters
        ----------
        stack : DitherStack
            Calibrated frames.
        objects : sequence of `~numpy.ndarray` of bool, optional
            True on objects, in the plane of each frame.
        executor : `concurrent.futures.Executor`, optional
            Default: threads.

        Raises
        ------
        SkyError
            If the sky level of a frame is not positive.
        """
        height = max(1, min(_BAND, _PIXELS_OF_A_BAND // (len(stack) * stack.shape[1])))
        levels = np.array(
            parallel_map(_level, stack, stack.names, executor=executor), dtype=np.float32
        )

        combined = np.empty(stack.shape, dtype=np.float32)
        known = np.empty(stack.shape, dtype=bool)

        def combine(rows: slice) -> None:
            values = np.empty((len(stack), rows.stop - rows.start, stack.shape[1]), np.float32)
            for place, frame, level in zip(values, stack, levels, strict=True):
                np.divide(frame.data[rows], level, out=place)  # bad pixels take part
            mask = np.zeros(values.shape, dtype=bool)
            if objects is not None:
                for place, hidden in zip(mask, objects, strict=True):
                    place[...] = hidden[rows]
            # Nobody asks for the variance of the result.
            planes = self.combiner(
                values, variance=values, mask=mask, weights=np.ones(len(values))
            )
            combined[rows] = planes.data
            planes.used.any(axis=0, out=known[rows])

        bands = row_bands(stack.shape[0], height)
        parallel_map(combine, bands, executor=executor)
        level = np.float32(masked_median(combined, each_row(_is_dark, combined, dtype=bool)))

        def normalise(rows: slice) -> None:
            part = combined[rows]
            part /= level
            part[part <= 0] = _NOT_LIT
            part[~known[rows]] = 1

        parallel_map(normalise, bands, executor=executor)
        if self.doughnut is None:
            return Superflat(combined, combined)
        doughnut = self.doughnut(combined, combined <= _NOT_LIT)
        return Superflat(combined / doughnut, combined, doughnut)


def divide_superflat(frame: CCDData, superflat: Superflat) -> CCDData:
    """Divide a frame by a superflat.

    Parameters
    ----------
    frame : `~astropy.nddata.CCDData`
        Calibrated frame.
    superflat : Superflat
        Of the same shape.

    Returns
    -------
    `~astropy.nddata.CCDData`
        A frame of float32 whose variance, where it has one, is divided by the
        square of the superflat. The noise of the superflat is not added. The
        rows of both are worked out when they are asked for.

    Examples
    --------
    >>> import numpy as np
    >>> from astropy.nddata import CCDData, VarianceUncertainty
    >>> from emirimg.flat import Superflat, divide_superflat
    >>> response = np.array([[0.5, 2.0]], dtype=np.float32)
    >>> frame = CCDData([[50.0, 200.0]], unit="adu", uncertainty=VarianceUncertainty([[4.0, 4.0]]))
    >>> flat = divide_superflat(frame, Superflat(response, response))
    >>> np.asarray(flat.data), np.asarray(flat.uncertainty.array)
    (array([[100., 100.]], dtype=float32), array([[16.,  1.]], dtype=float32))
    """
    data = each_row(_divided, frame.data, superflat.image, dtype=np.float32)
    variance: Plane | None = variance_of(frame)
    if variance is not None:
        variance = each_row(_divided_twice, variance, superflat.image, dtype=np.float32)
    return changed(frame, "divided by the superflat", data=data, variance=variance)


def _is_dark(combined: NDArray[np.float32]) -> NDArray[np.bool_]:
    return ~(combined > 0)


def _divided(data: NDArray, flat: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.divide(data, flat, dtype=np.float32)


def _divided_twice(variance: NDArray, flat: NDArray[np.float32]) -> NDArray[np.float32]:
    quotient = _divided(variance, flat)
    quotient /= flat
    return quotient


def _level(frame: CCDData, name: str) -> float:
    level = masked_median(frame.data, frame.mask)
    if not level > 0:
        msg = (
            f"{name}: the sky level is {level:.3g}, a positive one was expected;"
            " was the sky subtracted before?"
        )
        raise SkyError(msg)
    return level
