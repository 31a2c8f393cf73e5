"""The steps of the combination of undistorted exposures, each for all of them."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from functools import partial

import astropy.units as u
import numpy as np
from astropy.nddata import CCDData
from astropy.wcs import WCS
from numpy.typing import NDArray

from .._parallel import Progress, parallel_map
from ..alignment import Alignment
from ..calibration import assign_measured_noise
from ..combine import Mosaic, assemble_mosaic
from ..exceptions import MetadataError
from ..flat import Superflat, divide_superflat
from ..instrument import ExposureMetadata
from ..projection import shift_grid, whole_pixel_shifts
from ..sky import SkyModel, SkySolution, channel_medians
from ..stack import DitherStack
from .steps import placed
from .upgrade import DitherStrategies

__all__ = ["LegacySteps"]


@dataclass(frozen=True)
class LegacySteps:
    """The steps, with the strategies and the executor they share."""

    strategies: DitherStrategies
    executor: Executor
    progress: Progress
    on_intermediate: Callable[[str, CCDData], None] | None

    def superflat(
        self, stack: DitherStack, objects: Sequence[NDArray[np.bool_]] | None, iteration: int
    ) -> Superflat:
        """Make the superflat."""
        superflat = self.strategies.superflat(stack, objects=objects, executor=self.executor)
        self._show(f"superflat_comb_i{iteration}", superflat.combined)
        if superflat.doughnut is not None:
            self._show(f"superflat_doughnut_i{iteration}", superflat.doughnut)
            self._show(f"superflat_comb_dc_i{iteration}", superflat.image)
        return superflat

    def without_median(self, stack: DitherStack, superflat: Superflat) -> DitherStack:
        """Divide the frames by the superflat and subtract their medians."""
        flat = self._flat_fielded(stack, superflat)
        skies = self.strategies.first_sky(flat, objects=None)
        if superflat.doughnut is not None:
            # The superflat no longer holds the doughnut, so the sky does.
            skies = SkySolution(
                skies.levels, partial(_shaped, skies=skies, shape=superflat.doughnut)
            )
        return self._subtracted(flat, skies, None, 0)

    def without_sky(
        self,
        stack: DitherStack,
        superflat: Superflat,
        objects: Sequence[NDArray[np.bool_]],
        channels: Sequence[NDArray[np.uint8] | None],
        iteration: int,
    ) -> DitherStack:
        """Divide the frames by the superflat and subtract the sky of their neighbours."""
        flat = self._flat_fielded(stack, superflat)
        skies = self.strategies.sky(flat, objects=objects)

        def residual(index: int, frame: CCDData) -> NDArray[np.float32] | None:
            if self.strategies.channel_residual:
                return channel_medians(frame, channels[index], objects=objects[index])
            if self.strategies.residual is not None:
                return self.strategies.residual(frame, objects=objects[index])
            return None

        return self._subtracted(flat, skies, residual, iteration)

    def combined(self, stack: DitherStack, alignment: Alignment, iteration: int) -> Mosaic:
        """Shift and combine the frames."""
        grid = shift_grid(alignment.wcss, [frame.shape for frame in stack])
        mosaic, _ = assemble_mosaic(
            placed(stack, alignment).frames,
            grid,
            resampler=self.strategies.resampler,
            combiner=self.strategies.combiner,
            scales=[
                _transmission(item, self.strategies.extinction, name)
                for item, name in zip(stack.metadata, stack.names, strict=True)
            ],
            exposure_times=[item.exposure_time.to_value(u.s) for item in stack.metadata],
            executor=self.executor,
            progress=self.progress,
        )
        self._show(f"result_i{iteration}", mosaic.data, grid.wcs)
        self._show(f"result_i{iteration}_var", mosaic.variance, grid.wcs)
        self._show(f"result_i{iteration}_npix", mosaic.coverage, grid.wcs)
        return mosaic

    def objects(
        self, mosaic: Mosaic, alignment: Alignment, stack: DitherStack, iteration: int
    ) -> list[NDArray[np.bool_]]:
        """Find the objects of the mosaic and cut their mask out for each frame."""
        mask = self.strategies.objects(mosaic).mask
        for name in ("objmask", "check"):
            self._show(f"{name}_i{iteration}", mask.astype(np.uint8), mosaic.grid.wcs)
        ny, nx = stack.shape
        shifts = whole_pixel_shifts(alignment.wcss, [frame.shape for frame in stack])
        return [mask[y : y + ny, x : x + nx] for x, y in shifts]

    def _flat_fielded(self, stack: DitherStack, superflat: Superflat) -> DitherStack:
        def divide(frame: CCDData, metadata: ExposureMetadata) -> CCDData:
            if frame.uncertainty is None:
                frame = assign_measured_noise(frame, metadata.gain, metadata.read_noise)
            return divide_superflat(frame, superflat)

        return stack.with_frames(self._each("Flat-fielding", divide, stack, stack.metadata))

    def _subtracted(
        self,
        stack: DitherStack,
        skies: Sequence[SkyModel],
        residual: Callable[[int, CCDData], NDArray[np.float32] | None] | None,
        iteration: int,
    ) -> DitherStack:
        def subtract(index: int) -> CCDData:
            frame, sky = stack[index], skies[index]
            # The frames are ours, but some are still the sky of others.
            clean = frame if residual is None else _with_own_data(frame)
            clean.data -= sky.image
            clean.uncertainty.array += sky.variance
            left = None if residual is None else residual(index, clean)
            if left is not None:
                clean.data -= left
            return clean

        frames = self._each("Subtracting the sky", subtract, range(len(stack)))
        for name, frame in zip(stack.names, frames, strict=True):
            self._show(f"{name}_rfs_i{iteration}", frame.data, frame.wcs)
        return stack.with_frames(frames)

    def _each(self, description: str, function: Callable, *items: Sequence) -> list:
        return parallel_map(
            function,
            *items,
            executor=self.executor,
            progress=self.progress,
            description=description,
        )

    def _show(self, name: str, image: NDArray, wcs: WCS | None = None) -> None:
        if self.on_intermediate is not None:
            unit = u.dimensionless_unscaled if wcs is None else u.adu
            self.on_intermediate(name, CCDData(image, unit=unit, wcs=wcs))


def _with_own_data(frame: CCDData) -> CCDData:
    """Return a frame that shares everything with another one but its data."""
    other = copy.copy(frame)
    other.data = frame.data.copy()
    return other


def _shaped(index: int, *, skies: SkySolution, shape: NDArray[np.float32]) -> SkyModel:
    return replace(skies[index], image=skies[index].image * shape)


def _transmission(metadata: ExposureMetadata, extinction: float, name: str) -> float:
    """Return what the atmosphere leaves of the light of the objects."""
    if extinction == 0:
        return 1.0
    if metadata.airmass is None:
        msg = f"{name}: keyword AIRMASS is missing or impossible, so extinction must be 0"
        raise MetadataError(msg)
    return float(10 ** (-0.4 * metadata.airmass * extinction))
