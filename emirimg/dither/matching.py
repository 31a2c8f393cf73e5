"""Backgrounds that frames of an extended target have of their own."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from astropy.nddata import CCDData
from numpy.typing import NDArray

from .._lazy import materialised
from ..alignment import Alignment
from ..calibration._frames import changed
from ..combine import Mosaic
from ..projection import MosaicGrid, blot, project_mask
from ..projection._transform import transform_pixels
from ..sky import SkyResidual
from ..sky._blocks import Blocks, interpolate_edges, measure_blocks
from ..sky._fill import fill_masked
from ..sky._matching import Matched, match_backgrounds
from ..sky._regions import block_edges, coarse_box
from ..stack import DitherStack
from .field_steps import FieldSteps

__all__ = ["match_frames"]

_SMALL_BOX = 32
"""Side of blocks whose median is the light around compact sources, in pixels."""
_COMPACT = 3.0
"""Pixels of the mosaic that stand out from the light around by so many of their errors."""


def match_frames(
    stack: DitherStack,
    mosaic: Mosaic,
    alignment: Alignment,
    residual: SkyResidual | None,
    steps: FieldSteps,
) -> tuple[DitherStack, NDArray[np.float64]]:
    """Subtract from every frame what it has besides the mosaic and its errors.

    A target that fills the field would be taken for a residual of the sky. Less
    the light that an earlier mosaic shows, frames have none, and what all of
    them lack or have too much at the same place of the sky is an error of that.

    Parameters
    ----------
    stack : DitherStack
        Sky-subtracted frames, aligned and divided by the illumination.
    mosaic : Mosaic
        What they were combined to before.
    alignment : Alignment
        Their transparencies, and which of them are used.
    residual : SkyResidual or None
        Finds what the sky left behind in a frame without a target; `None`: only
        the levels are matched.
    steps : FieldSteps
        How to work on all of them.

    Returns
    -------
    stack : DitherStack
        The frames less their own backgrounds.
    rms : `~numpy.ndarray`
        The rms of those, without their levels.
    """
    scratch = steps.scratch  # tasks may go to other machines: they take this alone along
    compact = _compact_sources(mosaic)
    detector = stack.metadata[0].detector
    box = coarse_box(stack.shape)
    edges = block_edges(stack.shape, box, detector)

    def rest(frame: CCDData, scale: float) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        light, unknown = blot(mosaic.data, mosaic.mask, mosaic.grid, frame.wcs, frame.shape)
        unknown |= project_mask(compact, mosaic.grid, frame.wcs, frame.shape)
        if frame.mask is not None:
            unknown |= frame.mask
        light *= np.float32(-scale)
        light += frame.data
        return light, unknown

    def measure(frame: CCDData, scale: float, used: bool) -> Blocks:  # noqa: FBT001 - one of many
        data, mask = rest(materialised(frame), scale)
        blocks = measure_blocks(data, mask, edges)
        if not used:
            return replace(blocks, median=np.full_like(blocks.median, np.nan))
        return replace(blocks, median=blocks.median / scale, error=blocks.error / scale)

    def subtract(frame: CCDData, scale: float, found: Matched) -> tuple[CCDData, float]:
        whole = materialised(frame)
        level = np.float32(scale * found.level)
        background = np.full(frame.shape, level)
        known = np.isfinite(found.common)
        if residual is not None and known.any():
            data, mask = rest(whole, scale)
            common = fill_masked(np.where(known, found.common, 0), known)
            data -= np.float32(scale) * interpolate_edges(edges, common)
            data -= level
            mask |= ~_of_blocks(known, edges)
            background += residual(changed(whole, data=data, mask=mask), objects=None)
        rms = float(np.sqrt(np.mean(np.square(background[::16] - level))))
        return changed(frame, data=scratch.keep(whole.data - background)), rms

    scales = alignment.transparency
    blocks = steps.each("Comparing backgrounds", measure, stack, scales, alignment.used)
    matched = steps.once(
        "Matching backgrounds", match_backgrounds, blocks,
        *_places(stack, mosaic.grid, edges, box), stack.shape, quadrants=detector.in_quadrants,
    )  # fmt: skip
    done = steps.each("Subtracting backgrounds", subtract, stack, scales, matched)
    frames, rms = zip(*done, strict=True)
    return stack.with_frames(list(frames)), np.array(rms)


def _compact_sources(mosaic: Mosaic) -> NDArray[np.bool_]:
    """Return where stars and cores of galaxies stand out from the light around them."""
    ny, nx = mosaic.data.shape
    box = min(_SMALL_BOX, ny, nx)
    edges = block_edges((ny, nx), box)
    medians = measure_blocks(mosaic.data, mosaic.mask, edges).median
    known = np.isfinite(medians)
    smooth = interpolate_edges(edges, fill_masked(np.where(known, medians, 0), known))
    smooth -= mosaic.data
    return np.abs(smooth, out=smooth) > _COMPACT * np.sqrt(mosaic.variance)


def _of_blocks(
    values: NDArray[np.bool_], edges: tuple[NDArray[np.int_], NDArray[np.int_]]
) -> NDArray[np.bool_]:
    """Return the value of its block for each pixel."""
    y, x = (np.diff(along) for along in edges)
    return np.repeat(np.repeat(values, y, axis=0), x, axis=1)


def _places(
    stack: DitherStack,
    grid: MosaicGrid,
    edges: tuple[NDArray[np.int_], NDArray[np.int_]],
    spacing: int,
) -> tuple[list, list]:
    """Return where blocks lie between nodes of the mosaic, and nodes in the frames (y, x)."""
    y, x = np.meshgrid(*((along[1:] + along[:-1] - 1) / 2 for along in edges), indexing="ij")
    node_y, node_x = np.mgrid[
        tuple(slice(0, length + spacing, spacing) for length in grid.shape)
    ].astype(float)
    places, nodes = [], []
    for frame in stack:
        on_grid = transform_pixels(x, y, frame.wcs, grid.wcs)
        places.append((on_grid[1] / spacing, on_grid[0] / spacing))
        in_frame = transform_pixels(node_x, node_y, grid.wcs, frame.wcs)
        nodes.append((in_frame[1], in_frame[0]))
    return places, nodes
