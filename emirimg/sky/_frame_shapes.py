"""How the large-scale background of each frame differs from that of all."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from .._parallel import parallel_map
from ..stack import DitherStack
from ._blocks import Blocks, measure_blocks
from ._drift import Drift, find_drift
from ._regions import block_edges, coarse_box, unusable
from ._surface import Surface, amplitude_beside_surface, fit_surface

__all__ = ["FrameShape", "FrameShapes", "frame_shapes", "relative_blocks"]

_FEWEST_FRAMES = 3
"""Of two, nothing tells which is the odd one."""
_ITERATIONS = 5
"""How often levels and common structure are worked out from each other, at most."""
_SIGNIFICANT = 5.0
"""How many standard errors a level must be off to be changed."""


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
        shape = self.surface(rows)
        shape += self.columns
        return shape

    @property
    def is_flat(self) -> bool:
        """Whether the frame has nothing of its own."""
        return self.surface.order < 0 and not self.columns.any()


@dataclass(frozen=True)
class FrameShapes:
    """How the frames differ from what they have in common.

    Parameters
    ----------
    own : list of FrameShape
        What belongs to single frames.
    drift : Drift
        What changes steadily with time.
    levels : `~numpy.ndarray`
        Better levels of the frames.
    """

    own: list[FrameShape]
    drift: Drift
    levels: NDArray[np.float64]


def frame_shapes(
    stack: DitherStack,
    levels: NDArray[np.float64],
    objects: Sequence[NDArray[np.bool_]] | None,
    max_drift: int,
) -> FrameShapes:
    """Compare the block medians of each frame with their median over all frames.

    Fewer than three frames cannot tell which of them is the odd one: nothing
    is found then.
    """
    detector = stack.metadata[0].detector
    if len(stack) < _FEWEST_FRAMES:
        flat = FrameShape(Surface(stack.shape, ()), np.zeros(stack.shape[1], dtype=np.float32))
        nothing = Drift(np.zeros((len(stack), 0)), np.zeros((0, *stack.shape), np.float32))
        return FrameShapes([flat] * len(stack), nothing, levels)
    own, error, levels, measured = relative_blocks(stack, levels, objects)
    common = _common(own, measured, levels)
    drift = find_drift(own, error, stack.seconds, measured[0], max_drift)
    if drift.order:
        centres = np.ix_(*(np.rint(item).astype(int) for item in measured[0].centres))
        own = own - [drift(index)[centres] for index in range(len(stack))]
    factors = _level_factors(own, error, measured, common, stack.shape, detector.in_quadrants)
    own = (own + common) / factors[:, None, None] - common
    levels = levels * factors
    shapes = _shapes(own, error, measured, stack.shape, in_quadrants=detector.in_quadrants)
    return FrameShapes(shapes, drift, levels)


def relative_blocks(
    stack: DitherStack,
    levels: NDArray[np.float64],
    objects: Sequence[NDArray[np.bool_]] | None,
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], list[Blocks]]:
    """Return the block medians of the frames less their median, and their errors.

    Both are relative to the levels, shape (n_frames, n_y, n_x); further the
    levels that go with them, and the blocks as measured.
    """
    detector = stack.metadata[0].detector
    edges = block_edges(stack.shape, coarse_box(stack.shape), detector)

    def measure(index: int) -> Blocks:
        frame = stack[index]
        hidden = unusable(frame, None if objects is None else objects[index])
        return measure_blocks(frame.data, hidden, edges)

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
    levels = levels * factors
    error = np.array(
        [inflation * blocks.error / level for blocks, level in zip(measured, levels, strict=True)]
    )
    return relative - common, error, levels, measured


def _common(
    own: NDArray[np.float64], measured: list[Blocks], levels: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return what the frames have in common; NaN where no frame is known."""
    common = np.full(own.shape[1:], np.nan)
    for plane, blocks, level in zip(own, measured, levels, strict=True):
        common = np.where(np.isfinite(common), common, blocks.median / level - plane)
    return common


def _level_factors(
    own: NDArray[np.float64],
    error: NDArray[np.float64],
    measured: list[Blocks],
    common: NDArray[np.float64],
    shape: tuple[int, int],
    in_quadrants: bool,  # noqa: FBT001
) -> NDArray[np.float64]:
    """Return by how much the level of each frame is off.

    The median of a frame with a background of its own is not the level of what it has in
    common with the others. That is the amplitude of the common structure, of
    whatever of it no surface could be.
    """

    def factor(
        blocks: Blocks, plane: NDArray[np.float64], uncertainty: NDArray[np.float64]
    ) -> float:
        excess, deviation = amplitude_beside_surface(
            replace(blocks, median=plane, error=uncertainty), common, shape, quadrants=in_quadrants
        )
        return 1 + excess if abs(excess) > _SIGNIFICANT * deviation else 1.0

    # Threads would wait for each other: each array is small.
    return np.array(list(map(factor, measured, own, error)))


def _shapes(
    relative: NDArray[np.float64],
    errors: NDArray[np.float64],
    measured: list[Blocks],
    shape: tuple[int, int],
    *,
    in_quadrants: bool,
) -> list[FrameShape]:
    """Return what each frame has of its own."""

    def shape_of(
        blocks: Blocks, own: NDArray[np.float64], error: NDArray[np.float64]
    ) -> FrameShape:
        columns = np.zeros(shape[1], dtype=np.float32)
        if not in_quadrants:
            offsets = _column_offsets(own, error)
            own = own - offsets
            columns = np.repeat(offsets, np.diff(blocks.x_edges)).astype(np.float32)
        residual = replace(blocks, median=own, error=error)
        return FrameShape(fit_surface(residual, shape, quadrants=in_quadrants), columns)

    return list(map(shape_of, measured, relative, errors))


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
