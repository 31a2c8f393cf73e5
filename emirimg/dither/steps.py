"""What both roads do with all frames of a stack."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Any

import numpy as np
from astropy.nddata import CCDData
from numpy.typing import NDArray

from .._parallel import Progress, parallel_map
from ..alignment import Alignment
from ..calibration._frames import changed
from ..combine import Combiner, Mosaic, assemble_mosaic
from ..projection import MosaicGrid, Resampler
from ..stack import DitherStack
from .weights import frame_weights

__all__ = ["Combination", "Steps", "placed"]


@dataclass(frozen=True)
class Combination:
    """A mosaic and what went into it."""

    mosaic: Mosaic
    noise: NDArray[np.float64]
    weights: NDArray[np.float64]
    rejected: NDArray[np.float64]


@dataclass(frozen=True)
class Steps:
    """The steps, with the executor and the progress display they share."""

    executor: Executor
    progress: Progress

    def each(self, description: str, function: Callable, *items: Iterable) -> list:
        """Apply ``function`` to every frame, in parallel."""
        return parallel_map(
            function,
            *items,
            executor=self.executor,
            progress=self.progress,
            description=description,
        )

    def once(self, description: str, function: Callable, *args: object, **options: object) -> Any:
        """Call a function that works on all frames together."""
        for _ in self.progress([None], description, 1):
            result = function(*args, **options)
        return result

    def combined(
        self,
        stack: DitherStack,
        alignment: Alignment,
        grid: MosaicGrid,
        resampler: Resampler,
        combiner: Combiner,
    ) -> Combination:
        """Resample all frames to the grid and combine them."""
        noise = np.array(self.each("Measuring noise", _noise, stack))
        weights = frame_weights(alignment, noise)
        mosaic, rejected = assemble_mosaic(
            stack.frames,
            grid,
            resampler=resampler,
            combiner=combiner,
            scales=alignment.transparency,
            weights=weights,
            exposure_times=[item.exposure_time.to_value("s") for item in stack.metadata],
            executor=self.executor,
            progress=self.progress,
        )
        return Combination(mosaic, noise, weights, rejected)


def placed(stack: DitherStack, alignment: Alignment) -> DitherStack:
    """Return the stack with the corrected WCSs; the pixels are shared."""
    return stack.with_frames(
        [changed(frame, wcs=wcs) for frame, wcs in zip(stack, alignment.wcss, strict=True)]
    )


def _noise(frame: CCDData) -> float:
    """Return the noise of a typical sky pixel, by the frame's own variance."""
    # One row in 16 tells the median to a part in ten thousand.
    variance = frame.uncertainty.array[::16]
    usable = slice(None) if frame.mask is None else ~frame.mask[::16]
    return float(np.sqrt(np.median(variance[usable])))
