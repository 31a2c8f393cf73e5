"""How the large-scale background of each frame differs from that of all."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from .._parallel import parallel_map
from ..stack import DitherStack
from ._blocks import Blocks, measure_blocks
from ._regions import block_edges
from ._surface import Surface, fit_surface

__all__ = ["FrameShape", "frame_shapes"]

_BOX = 64
_FEWEST_FRAMES = 3
_ITERATIONS = 5


class FrameShape:
    """What one frame has of its own at large scales, relative to its level.

    Parameters
    ----------
    surface : Surface
        Polynomials.
    columns : `~numpy.ndarray` of float32
        Offset of each column, shape (nx,); 0 where there are no channels.
    """

    def __init__(self, surface: Surface, columns: NDArray[np.float32]) -> None:
        self.surface = surface
        self.columns = columns

    def __call__(self, rows: slice = slice(None)) -> NDArray[np.float32]:
        """Return some rows of it."""
        return self.surface(rows) + self.columns

    @property
    def is_flat(self) -> bool:
        """Whether the frame has nothing of its own."""
        return self.surface.order < 0 and not self.columns.any()


def frame_shapes(
    stack: DitherStack,
    levels: NDArray[np.float64],
    objects: Sequence[NDArray[np.bool_]] | None,
) -> tuple[list[FrameShape], NDArray[np.float64]]:
    """Compare the block medians of each frame with their median over all frames.

    Returns the shapes, relative to the levels, and better levels.
    Fewer than three frames cannot tell which of them is the odd one: nothing
    is found then.
    """
    detector = stack.metadata[0].detector
    edges = block_edges(stack.shape, min(_BOX, max(min(stack.shape) // 8, 8)), detector)
    flat = np.zeros(stack.shape[1], dtype=np.float32)
    if len(stack) < _FEWEST_FRAMES:
        return [FrameShape(Surface(stack.shape, ()), flat)] * len(stack), levels

    def measure(index: int) -> Blocks:
        frame = stack[index]
        mask = frame.mask
        if objects is not None:
            mask = objects[index] if mask is None else mask | objects[index]
        return measure_blocks(frame.data, mask, edges)

    measured = parallel_map(measure, range(len(stack)))
    relative = np.array([b.median / level for b, level in zip(measured, levels, strict=True)])
    with warnings.catch_warnings():
        # Blocks that no frame knows, and frames without blocks, stay as they are.
        warnings.filterwarnings("ignore", "All-NaN slice", RuntimeWarning)
        # The levels were measured where the masks left sky; what they share of
        # the common shape differs from frame to frame.
        factors = np.ones(len(stack))
        for _ in range(_ITERATIONS):
            common = np.nanmedian(relative, axis=0)
            factor = np.nanmedian(relative / common, axis=(1, 2), keepdims=True)
            factor[np.isnan(factor)] = 1
            relative = relative / factor
            factors = factors * factor[:, 0, 0]
    # The median of all frames has an error of its own.
    inflation = np.sqrt(1 + np.pi / 2 / len(stack))
    shapes = []
    levels = levels * factors
    for blocks, own, level in zip(measured, relative - common, levels, strict=True):
        error = inflation * blocks.error / level
        columns = flat
        if not detector.in_quadrants:
            offsets = _column_offsets(own, error)
            own = own - offsets  # noqa: PLW2901
            columns = np.repeat(offsets, np.diff(edges[1])).astype(np.float32)
        residual = replace(blocks, median=own, error=error)
        surface = fit_surface(residual, stack.shape, quadrants=detector.in_quadrants)
        shapes.append(FrameShape(surface, columns))
    return shapes, levels


def _column_offsets(own: NDArray[np.float64], error: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the median of each column of blocks; 0 where it is not significant."""
    known = np.isfinite(own)
    offsets = np.zeros(own.shape[1])
    for column in range(own.shape[1]):
        inside = known[:, column]
        if inside.sum() < 3:
            continue
        median = np.median(own[inside, column])
        uncertainty = 1.2533 * np.median(error[inside, column]) / np.sqrt(inside.sum())
        if abs(median) > 2 * uncertainty:
            offsets[column] = median
    return offsets
