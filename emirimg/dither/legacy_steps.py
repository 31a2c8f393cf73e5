"""The steps of the combination of undistorted exposures, each for all of them.

Nothing here holds a plane of every frame: frames are divided by the superflat,
and the first sky is subtracted, where rows of them are asked for.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, wait
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import astropy.units as u
import numpy as np
from astropy.nddata import CCDData
from astropy.wcs import WCS
from numpy.typing import NDArray

from .._lazy import each_row
from .._parallel import row_bands
from ..alignment import Alignment
from ..calibration import assign_measured_noise
from ..calibration._frames import changed
from ..combine import Mosaic, assemble_mosaic
from ..exceptions import MetadataError
from ..flat import Superflat, divide_superflat
from ..instrument import ExposureMetadata
from ..objects import ObjectMask, find_brightest
from ..projection import shift_grid, whole_pixel_shifts
from ..sky import SkyModel, channel_medians
from ..stack import DitherStack
from .steps import Steps, placed
from .upgrade import DitherStrategies

__all__ = ["LegacySteps"]

_BAND = 64
"""Rows that are worked on together: enough that threads seldom wait for each other."""


@dataclass(frozen=True)
class LegacySteps(Steps):
    """The steps, with the strategies that they follow and what keeps intermediate images."""

    strategies: DitherStrategies
    keep: Callable[[str, CCDData], CCDData | None] | None
    _shown: list[Future[Any]] = field(default_factory=list)

    @contextmanager
    def all_shown(self) -> Iterator[None]:
        """Wait, in the end, until the images that nobody goes on with are kept."""
        try:
            yield
        finally:
            wait(self._shown)
        for image in self._shown:
            image.result()

    def with_noise(self, stack: DitherStack) -> DitherStack:
        """Give the frames that have none the variance that their pixels show."""

        def measure(frame: CCDData, metadata: ExposureMetadata) -> CCDData:
            if frame.uncertainty is not None:
                return frame
            noisy = assign_measured_noise(frame, metadata.gain, metadata.read_noise)
            return _as_planes(frame, noisy)

        return stack.with_frames(self.each("Measuring the noise", measure, stack, stack.metadata))

    def in_whole_pixels(
        self, objects: ObjectMask, alignment: Alignment, stack: DitherStack
    ) -> list[NDArray[np.bool_]]:
        """Cut the object mask out for each frame; nothing is copied."""
        ny, nx = stack.shape
        return [objects.mask[y : y + ny, x : x + nx] for x, y in _shifts(alignment, stack)]

    def flat_fielded(
        self, stack: DitherStack, masks: Sequence[NDArray[np.bool_]] | None, iteration: int
    ) -> tuple[DitherStack, Superflat]:
        """Make the superflat, and divide the frames by it."""
        superflat = self.once(
            "Making the superflat",
            self.strategies.superflat,
            stack,
            objects=masks,
            executor=self.executor,
        )
        self._show(f"superflat_comb_i{iteration}", superflat.combined)
        if superflat.doughnut is not None:
            self._show(f"superflat_doughnut_i{iteration}", superflat.doughnut)
            self._show(f"superflat_comb_dc_i{iteration}", superflat.image)
        divided = [_as_planes(frame, divide_superflat(frame, superflat)) for frame in stack]
        return stack.with_frames(divided), superflat

    def without_level(
        self, stack: DitherStack, doughnut: NDArray[np.float32] | None
    ) -> DitherStack:
        """Subtract a level from each frame, times the doughnut if that is not in the superflat."""
        skies = self.once("Measuring the sky", self.strategies.first_sky, stack, objects=None)

        def subtract(index: int) -> CCDData:
            sky = skies[index]
            image = (
                sky.image
                if doughnut is None
                else each_row(np.multiply, sky.image, doughnut, dtype=np.float32)
            )
            clean = _subtracted(stack[index], sky, image)
            shown = CCDData(clean.data, unit=u.adu, wcs=clean.wcs)
            # What was written is read again sooner than it is worked out again.
            return changed(clean, data=self._keep(f"{stack.names[index]}_rfs_i0", shown).data)

        return stack.with_frames(self.each("Subtracting the sky", subtract, range(len(stack))))

    def without_sky(
        self,
        stack: DitherStack,
        masks: Sequence[NDArray[np.bool_]],
        channels: Sequence[NDArray[np.uint8] | None],
        iteration: int,
    ) -> DitherStack:
        """Subtract from each frame the sky of its neighbours, and what that leaves behind."""
        skies = self.once("Estimating the sky", self.strategies.sky, stack, objects=masks)

        def subtract(index: int) -> CCDData:
            clean = _subtracted_in_place(stack[index], skies[index])
            if self.strategies.channel_residual:
                clean.data -= channel_medians(clean, channels[index], objects=masks[index])
            elif self.strategies.residual is not None:
                clean.data -= self.strategies.residual(clean, objects=masks[index])
            return self._keep(f"{stack.names[index]}_rfs_i{iteration}", clean)

        return stack.with_frames(self.each("Subtracting the sky", subtract, range(len(stack))))

    def refined(self, stack: DitherStack, alignment: Alignment) -> Alignment:
        """Refine the places of the frames with the stars of a first mosaic."""
        if self.strategies.refinement is None:
            return alignment
        mosaic = self.mosaic(_without_noise(stack), alignment)
        stars = self.once("Finding stars", find_brightest, mosaic)
        stars = stars - _shifts(alignment, stack)[0]
        return self.once("Aligning", self.strategies.refinement, stack, alignment, stars)

    def mosaic(self, stack: DitherStack, alignment: Alignment) -> Mosaic:
        """Shift and combine the frames."""
        mosaic, _ = assemble_mosaic(
            placed(stack, alignment).frames,
            shift_grid(alignment.wcss, [frame.shape for frame in stack]),
            resampler=self.strategies.resampler,
            combiner=self.strategies.combiner,
            scales=[
                _transmission(item, self.strategies.extinction, name)
                for item, name in zip(stack.metadata, stack.names, strict=True)
            ],
            executor=self.executor,
            progress=self.progress,
            band_height=_BAND,
        )
        return mosaic

    def combined(self, stack: DitherStack, alignment: Alignment, iteration: int) -> Mosaic:
        """Shift and combine the frames, and show the result."""
        mosaic = self.mosaic(stack, alignment)
        planes = {"": mosaic.data, "_var": mosaic.variance, "_npix": mosaic.coverage}
        for name, plane in planes.items():
            self._show(f"result_i{iteration}{name}", plane, mosaic.grid.wcs)
        return mosaic

    def objects(self, mosaic: Mosaic, iteration: int) -> ObjectMask:
        """Find the objects of the mosaic."""
        found = self.once("Finding objects", self.strategies.objects, mosaic)
        for name in ("objmask", "check"):
            self._show(f"{name}_i{iteration}", found.mask.astype(np.uint8), mosaic.grid.wcs)
        return found

    def _keep(self, name: str, image: CCDData) -> CCDData:
        kept = None if self.keep is None else self.keep(name, image)
        return image if kept is None else kept

    def _show(self, name: str, image: NDArray, wcs: WCS | None = None) -> None:
        """Keep an image, while the work goes on, which must not change it."""
        if self.keep is not None:
            unit = u.dimensionless_unscaled if wcs is None else u.adu
            image = CCDData(image, unit=unit, wcs=wcs)
            self._shown.append(self.executor.submit(self.keep, name, image))


def _as_planes(frame: CCDData, new: CCDData) -> CCDData:
    """Return a frame with the planes of another one and its own header.

    Headers are large. Those of the frames do not enter the result, which tells
    the history as a whole.
    """
    return changed(frame, data=new.data, variance=new.uncertainty.array)


def _without_noise(stack: DitherStack) -> DitherStack:
    """Return the stack without its variances, for a mosaic of which nobody asks for it."""
    frames = [copy.copy(frame) for frame in stack]
    for frame in frames:
        frame.uncertainty = None
    return stack.with_frames(frames)


def _shifts(alignment: Alignment, stack: DitherStack) -> NDArray[np.int_]:
    return whole_pixel_shifts(alignment.wcss, [frame.shape for frame in stack])


def _subtracted(frame: CCDData, sky: SkyModel, image: NDArray[np.float32]) -> CCDData:
    """Return a frame without its sky, which is subtracted where rows are asked for."""
    variance = np.broadcast_to(np.float32(sky.variance), frame.shape)
    return changed(
        frame,
        data=each_row(np.subtract, frame.data, image, dtype=np.float32),
        variance=each_row(np.add, frame.uncertainty.array, variance, dtype=np.float32),
    )


def _subtracted_in_place(frame: CCDData, sky: SkyModel) -> CCDData:
    """Return a frame without its sky, in the planes of the sky, which nobody else has."""
    data, variance = sky.image, sky.variance
    if np.ndim(variance) == 0:
        variance = np.full(frame.shape, variance, dtype=np.float32)
    for rows in row_bands(frame.shape[0], _BAND):
        np.subtract(frame.data[rows], data[rows], out=data[rows])
        variance[rows] += frame.uncertainty.array[rows]
    return changed(frame, data=data, variance=variance)


def _transmission(metadata: ExposureMetadata, extinction: float, name: str) -> float:
    """Return what the atmosphere leaves of the light of the objects."""
    if extinction == 0:
        return 1.0
    if metadata.airmass is None:
        msg = f"{name}: keyword AIRMASS is missing or impossible, so extinction must be 0"
        raise MetadataError(msg)
    return float(10 ** (-0.4 * metadata.airmass * extinction))
