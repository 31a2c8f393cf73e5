"""Resample and combine in one go, a band of rows at a time."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import partial

import astropy.units as u
import numpy as np
from astropy.io.fits import Header
from astropy.nddata import CCDData
from numpy.typing import ArrayLike, NDArray

from .._lazy import LazyPlane, each_row
from .._parallel import Progress, no_progress, parallel_results, row_bands
from .._provenance import add_history
from ..projection.grid import MosaicGrid
from ..projection.protocol import Resampler
from .mosaic import Mosaic
from .planes import Combiner

__all__ = ["assemble_mosaic"]

_BYTES_OF_A_PIXEL = 12
"""Data, variance, mask and use of one frame, and what combiners need beside them."""


def assemble_mosaic(
    frames: Sequence[CCDData],
    grid: MosaicGrid,
    *,
    resampler: Resampler,
    combiner: Combiner,
    scales: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    exposure_times: ArrayLike | u.Quantity | None = None,
    executor: Executor | None = None,
    progress: Progress = no_progress,
    band_height: int = 64,
) -> tuple[Mosaic, NDArray[np.float64]]:
    """Resample sky-subtracted frames to a grid and combine them.

    Parameters
    ----------
    frames : sequence of `~astropy.nddata.CCDData`
        Frames whose WCSs are aligned. Without an uncertainty, a frame counts
        as noiseless: combiners that need the noise refuse it, and the
        variance of the mosaic is too small.
    grid : MosaicGrid
        Where the pixels of the mosaic shall lie.
    resampler : Resampler
        Takes a frame to a band of the grid.
    combiner : Combiner
        Combines the frames of a band.
    scales : array_like, optional
        Shape (n,): transparency of each frame. Data are divided by it,
        variances by its square. Default: 1.
    weights : array_like, optional
        Shape (n,): weight of each frame, after scaling. Default: 1.
    exposure_times : array_like or `~astropy.units.Quantity`, optional
        Shape (n,): times on the sky; plain numbers are seconds. Where they are
        all alike, the plane ``exposure`` of the mosaic is worked out from its coverage
        when it is asked for. Default: unknown, and that plane is 0.
    executor : `concurrent.futures.Executor`, optional
        Where bands are worked on. Default: threads, one for each processor.
    progress : callable, optional
        ``progress(items, description, total)`` yields the items.
    band_height : int, optional
        Most rows that are worked on together; fewer where the frames are so
        many that the bands would take more than 256 MiB. The result does not
        depend on it. Default: 64.

    Returns
    -------
    mosaic : Mosaic
        The combined image.
    rejected_fraction : `~numpy.ndarray` of float
        Shape (n,): part of each frame's unmasked pixels on the grid that the
        combiner did not use; 0 for a frame that does not touch the grid.

    Raises
    ------
    ValueError
        If there are no frames, a scale is not positive, or a list has the
        wrong length.

    Notes
    -----
    Memory holds the frames, the mosaic and one band for each worker; frames
    resampled as a whole never exist. A band overlaps its neighbours by the
    rows that the combiner looks at around a pixel (its ``halo``), so that no
    seam appears.

    Examples
    --------
    >>> import numpy as np
    >>> from astropy.nddata import CCDData, VarianceUncertainty
    >>> from emirimg.combine import MeanCombiner, assemble_mosaic
    >>> from emirimg.projection import LanczosResampler, MosaicGrid
    >>> from emirimg.simulation import Scene
    >>> wcss = [Scene(shape=(64, 64), dither_scale=0.1).truth.wcs(index) for index in range(3)]
    >>> noise = np.random.default_rng(1).normal(0, 6, (3, 64, 64)).astype("f4")
    >>> variance = VarianceUncertainty(np.full((64, 64), 36, dtype="f4"))
    >>> frames = [
    ...     CCDData(one, unit="adu", wcs=wcs, uncertainty=variance)
    ...     for one, wcs in zip(noise, wcss, strict=True)
    ... ]
    >>> grid = MosaicGrid.covering(wcss, [(64, 64)] * 3)
    >>> mosaic, rejected = assemble_mosaic(
    ...     frames, grid, resampler=LanczosResampler(), combiner=MeanCombiner()
    ... )
    >>> int(mosaic.coverage.max()), rejected
    (3, array([0., 0., 0.]))
    >>> print(f"{np.median(mosaic.variance[mosaic.coverage == 3]):.0f}")
    9
    """
    n = len(frames)
    if n == 0:
        msg = "no frames were given; at least one was expected"
        raise ValueError(msg)
    scales = _one_each("scales", 1.0 if scales is None else scales, n)
    if not (scales > 0).all():
        msg = f"scales must be positive, got {scales}"
        raise ValueError(msg)
    times = 0.0 if exposure_times is None else u.Quantity(exposure_times, u.s).value
    times = _one_each("exposure_times", times, n)
    alike = bool(np.all(times == times[0]))
    work = partial(
        _band,
        frames=frames,
        grid=grid,
        resampler=resampler,
        combiner=combiner,
        scales=scales,
        weights=_one_each("weights", 1.0 if weights is None else weights, n),
        times=None if alike else times,
    )
    rows = row_bands(grid.shape[0], band_height, _BYTES_OF_A_PIXEL * n * grid.shape[1])
    bands = parallel_results(
        work, rows, executor=executor, progress=progress, description="Combining"
    )
    planes = {
        name: np.empty(grid.shape, dtype=np.int16 if name == "coverage" else np.float32)
        for name in ("data", "variance", "coverage", "exposure")
        if not (alike and name == "exposure")
    }
    offered, used = np.zeros(n, dtype=int), np.zeros(n, dtype=int)
    for where, band in zip(rows, bands, strict=True):
        for name, plane in planes.items():
            plane[where] = getattr(band, name)
        offered += band.offered
        used += band.used
    if alike:
        planes["exposure"] = _exposure(planes["coverage"], times)
    header = Header()
    add_history(
        header,
        f"{n} frames were resampled by {_said(resampler)} and combined by {_said(combiner)}.",
    )
    mosaic = Mosaic(grid=grid, mask=planes["coverage"] == 0, header=header, **planes)
    return mosaic, (offered - used) / np.maximum(offered, 1)


def _exposure(coverage: NDArray[np.int16], times: NDArray[np.float64]) -> LazyPlane:
    """Return the time on the sky of exposures that are equally long: of one, of two, ..."""
    sums = np.zeros(times.size + 1, dtype=np.float32)
    np.cumsum(times, dtype=np.float32, out=sums[1:])
    return each_row(sums.take, coverage, dtype=np.float32)


@dataclass(frozen=True)
class _Band:
    """Some rows of the mosaic, and how many pixels of each frame went into them."""

    data: NDArray[np.float32]
    variance: NDArray[np.float32]
    coverage: NDArray[np.int16]
    exposure: NDArray[np.float32] | None
    offered: NDArray[np.int_]
    used: NDArray[np.int_]


def _band(
    rows: slice,
    *,
    frames: Sequence[CCDData],
    grid: MosaicGrid,
    resampler: Resampler,
    combiner: Combiner,
    scales: NDArray[np.float64],
    weights: NDArray[np.float64],
    times: NDArray[np.float64] | None,
) -> _Band:
    low = max(rows.start - combiner.halo, 0)
    high = min(rows.stop + combiner.halo, grid.shape[0])
    target = grid.cutout(slice(low, high))
    touching, values, variance, mask = _stacked(frames, target, resampler, scales)
    planes = combiner(values, variance=variance, mask=mask, weights=weights[touching])
    inner = slice(rows.start - low, rows.stop - low)
    shape = (rows.stop - rows.start, grid.shape[1])
    exposure = None if times is None else np.zeros(shape, dtype=np.float32)
    offered, used = np.zeros(len(frames), dtype=int), np.zeros(len(frames), dtype=int)
    for place, index in enumerate(touching):
        mine = planes.used[place, inner]
        if times is not None:
            exposure += mine * np.float32(times[index])  # ten times as fast as adding where it is
        offered[index] = mine.size - np.count_nonzero(mask[place, inner])
        used[index] = np.count_nonzero(mine)
    return _Band(
        planes.data[inner],
        planes.variance[inner],
        planes.count[inner],
        exposure,
        offered,
        used,
    )


def _stacked(
    frames: Sequence[CCDData],
    target: MosaicGrid,
    resampler: Resampler,
    scales: NDArray[np.float64],
) -> tuple[list[int], NDArray[np.float32], NDArray[np.float32], NDArray[np.bool_]]:
    """Put the frames that touch a band on top of each other, on one scale of flux."""
    shape = (len(frames), *target.shape)
    values, variance = (np.empty(shape, dtype=np.float32) for _ in range(2))
    mask = np.empty(shape, dtype=bool)
    touching: list[int] = []
    for index, (frame, scale) in enumerate(zip(frames, scales, strict=True)):
        part = resampler(frame, target)
        if part.data.size == 0:
            continue
        place = len(touching)
        for planes, filling in ((values, 0), (variance, 0), (mask, True)):
            _fill_outside(planes[place], part.window, filling)
        np.divide(part.data, np.float32(scale), out=values[place][part.window])
        np.divide(part.variance, np.float32(scale**2), out=variance[place][part.window])
        mask[place][part.window] = part.mask
        touching.append(index)
    n = len(touching)
    return touching, values[:n], variance[:n], mask[:n]


def _fill_outside(plane: NDArray, window: tuple[slice, slice], value: float) -> None:
    """Fill what surrounds a window, which mostly is all there is of a band."""
    rows, columns = window
    plane[: rows.start] = value
    plane[rows.stop :] = value
    plane[rows, : columns.start] = value
    plane[rows, columns.stop :] = value


def _one_each(name: str, numbers: ArrayLike, n: int) -> NDArray[np.float64]:
    numbers = np.asarray(numbers, dtype=float)
    if numbers.ndim and numbers.shape != (n,):
        msg = f"{name} must have one entry for each of the {n} frames, got shape {numbers.shape}"
        raise ValueError(msg)
    return np.broadcast_to(numbers, (n,))


def _said(thing: object) -> str:
    """Return how a strategy or a function is called in the history."""
    return getattr(thing, "__name__", repr(thing))
