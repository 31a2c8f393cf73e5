"""Low-order surfaces through blocks of pixels, as complex as the data demand."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from .._parallel import row_bands
from ._blocks import Blocks
from ._regions import Region, quadrants_of

__all__ = ["Surface", "amplitude_beside_surface", "fit_surface"]

_BAND = 64
"""Rows that are worked out together, so that they stay in the cache."""
_CLIP = 4.0
"""Blocks further from the surface than this, in units of their scatter, are outliers."""
_BLOCKS_PER_PARAMETER = 2
"""Fewer known blocks for each parameter than these do not determine a surface."""
_WORST_CONDITION = 1e10
"""Normal equations of a higher condition number leave hardly a digit."""
_Candidate = tuple[tuple[list[Region], int], NDArray[np.float64]]
"""Regions and order of a surface, and its matrix, shape (n_blocks, n_parameters)."""

_LARGEST_ERROR = 1.0
"""No surface may be less certain, anywhere, than this times the error of a block."""


@dataclass(frozen=True)
class Surface:
    """A polynomial in each of some regions of a frame; 0 outside of them.

    Parameters
    ----------
    shape : tuple of int
        Shape (ny, nx) of the frame.
    patches : sequence of (region, coefficients)
        Slices (y, x), and a matrix whose element (a, b) belongs to y**a x**b,
        with y and x from -1 to 1 over the region.
    """

    shape: tuple[int, int]
    patches: Sequence[tuple[Region, NDArray[np.float64]]]

    def __call__(self, rows: slice = slice(None)) -> NDArray[np.float32]:
        """Return some rows of the surface."""
        ny, nx = self.shape
        return self.at(np.arange(ny)[rows], np.arange(nx))

    def at(self, y: NDArray, x: NDArray) -> NDArray[np.float32]:
        """Return the surface on a lattice of rows y and columns x, both rising; 0-based."""
        result = np.zeros((len(y), len(x)), dtype=np.float32)
        for (ys, xs), coefficients in self.patches:
            low, high = np.searchsorted(y, (ys.start, ys.stop))
            left, right = np.searchsorted(x, (xs.start, xs.stop))
            if low == high or left == right:
                continue
            py = _powers(y[low:high], ys, len(coefficients))
            px = _powers(x[left:right], xs, len(coefficients))
            along_y = (py @ coefficients).astype(np.float32)
            along_x = np.ascontiguousarray(px.T, dtype=np.float32)
            for band in row_bands(high - low, _BAND):
                np.matmul(along_y[band], along_x, out=result[low:high][band, left:right])
        return result

    @property
    def order(self) -> int:
        """Order of the polynomials; -1 where there are none."""
        return max((len(coefficients) - 1 for _, coefficients in self.patches), default=-1)


def fit_surface(
    blocks: Blocks, shape: tuple[int, int], *, max_order: int = 3, quadrants: bool = True
) -> Surface:
    """Fit the surface for which the blocks give the best evidence.

    Parameters
    ----------
    blocks : Blocks
        What is to be fitted; NaN: not known.
    shape : tuple of int
        Shape (ny, nx) of the frame.
    max_order : int, optional
        Largest order of the polynomials.
    quadrants : bool, optional
        Whether the four quadrants may have surfaces of their own.

    Notes
    -----
    The candidates are no surface, one polynomial of each order for the whole
    frame, and one for each quadrant. A candidate is admitted when there are
    two blocks for each parameter and the surface is nowhere less certain
    than a block, so that nothing is extrapolated over masked regions. The
    richest one clips outlying blocks; among all of them the Bayesian
    information criterion decides, with the errors scaled up when even the
    richest does not reach a reduced chi-square of 1.
    """
    value, error = blocks.median.ravel(), blocks.error.ravel()
    known = np.isfinite(value) & (error > 0)
    nothing = Surface(shape, ())
    if not known.any():
        return nothing
    admitted = list(_admitted(_designs(blocks, shape, max_order, quadrants), error, known))
    if not admitted:
        return nothing
    _, richest = admitted[-1]
    kept, scale = _clip(richest, value, error, known)
    best, lowest = nothing, float(np.sum((value[kept] / error[kept]) ** 2)) / scale
    for candidate, design in admitted:
        solution, chi_square = _solve(design, value, error, kept)
        criterion = chi_square / scale + design.shape[1] * np.log(kept.sum())
        if criterion < lowest:
            lowest = criterion
            best = Surface(shape, _patches(*candidate, solution))
    return best


def amplitude_beside_surface(
    blocks: Blocks,
    structure: NDArray[np.float64],
    shape: tuple[int, int],
    *,
    max_order: int = 3,
    quadrants: bool = True,
) -> tuple[float, float]:
    """Fit a known structure together with the richest surface.

    Parameters
    ----------
    blocks : Blocks
        What is to be fitted; NaN: not known.
    structure : `~numpy.ndarray`
        Value of the structure in each block; NaN: not known.
    shape, max_order, quadrants
        As for `fit_surface`.

    Returns
    -------
    amplitude, error : float
        How much of the structure the blocks hold besides any surface; 0 and
        infinity where a surface could be the structure.
    """
    value, error, structure = blocks.median.ravel(), blocks.error.ravel(), structure.ravel()
    known = np.isfinite(value) & (error > 0) & np.isfinite(structure)
    if not known.any():
        return 0.0, np.inf
    designs = _designs(blocks, shape, max_order, quadrants)
    _, richest = next(_admitted(designs[::-1], error, known), (None, None))
    if richest is None:
        return 0.0, np.inf
    column = np.where(known, structure - structure[known].mean(), 0.0)
    design = np.column_stack([richest, column])
    kept, scale = _clip(design, value, error, known)
    scaled = design[kept] / error[kept, None]
    scaled /= np.maximum(np.sqrt(np.sum(scaled**2, axis=0)), 1e-30)
    information = scaled.T @ scaled
    if np.linalg.cond(information) > _WORST_CONDITION:
        return 0.0, np.inf
    solution, _ = _solve(design, value, error, kept)
    length = np.sqrt(np.sum((column[kept] / error[kept]) ** 2))
    return solution[-1], float(np.sqrt(scale * np.linalg.inv(information)[-1, -1]) / length)


def _admitted(
    candidates: Sequence[_Candidate], error: NDArray[np.float64], known: NDArray[np.bool_]
) -> Iterator[_Candidate]:
    """Yield the candidates that the blocks determine well."""
    typical = float(np.median(error[known]))
    for (regions, order), design in candidates:
        if _is_admissible(design, known, error, typical, len(regions), order):
            yield (regions, order), design


def _designs(
    blocks: Blocks,
    shape: tuple[int, int],
    max_order: int,
    quadrants: bool,  # noqa: FBT001
) -> Sequence[_Candidate]:
    """Return the candidates and their matrices."""
    edges = (tuple(along.tolist()) for along in (blocks.y_edges, blocks.x_edges))
    return _designs_of(*edges, shape, max_order, quadrants)


@lru_cache(maxsize=8)
def _designs_of(
    y_edges: tuple[int, ...],
    x_edges: tuple[int, ...],
    shape: tuple[int, int],
    max_order: int,
    quadrants: bool,  # noqa: FBT001
) -> Sequence[_Candidate]:
    """The same for all frames that are measured in the same blocks."""
    along = (np.asarray(edges) for edges in (y_edges, x_edges))
    centres = ((edges[1:] + edges[:-1] - 1) / 2 for edges in along)
    y, x = (grid.ravel() for grid in np.meshgrid(*centres, indexing="ij"))
    return [
        ((regions, order), _design(regions, order, y, x))
        for regions, order in _candidates(shape, max_order, quadrants=quadrants)
    ]


def _candidates(
    shape: tuple[int, int], max_order: int, *, quadrants: bool
) -> Iterator[tuple[list[Region], int]]:
    for order in range(max_order + 1):
        yield [(slice(0, shape[0]), slice(0, shape[1]))], order
    if quadrants:
        for order in range(max_order + 1):
            yield quadrants_of(shape), order


def _powers(pixels: NDArray, region: slice, n: int) -> NDArray[np.float64]:
    middle, half = (region.start + region.stop - 1) / 2, (region.stop - region.start) / 2
    return np.vander((pixels - middle) / half, n, increasing=True)


def _terms(order: int) -> list[tuple[int, int]]:
    return [(a, b) for a in range(order + 1) for b in range(order + 1 - a)]


def _design(
    regions: list[Region], order: int, y: NDArray[np.float64], x: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the matrix, shape (n_blocks, n_parameters), of a candidate."""
    columns = []
    for ys, xs in regions:
        inside = (y >= ys.start) & (y < ys.stop) & (x >= xs.start) & (x < xs.stop)
        py, px = _powers(y, ys, order + 1), _powers(x, xs, order + 1)
        columns += [inside * py[:, a] * px[:, b] for a, b in _terms(order)]
    return np.column_stack(columns)


def _is_admissible(
    design: NDArray[np.float64],
    known: NDArray[np.bool_],
    error: NDArray[np.float64],
    typical: float,
    n_regions: int,
    order: int,
) -> bool:
    per_region = len(_terms(order))
    for number in range(n_regions):
        # The first column of each region is 1 inside of it.
        inside = design[:, number * per_region] != 0
        if (inside & known).sum() < _BLOCKS_PER_PARAMETER * per_region:
            return False
    scaled = design[known] / error[known, None]
    information = scaled.T @ scaled
    if np.linalg.cond(information) > _WORST_CONDITION:
        return False
    variance = np.sum(design @ np.linalg.inv(information) * design, axis=1)
    return bool(variance.max() <= (_LARGEST_ERROR * typical) ** 2)


def _solve(
    design: NDArray[np.float64],
    value: NDArray[np.float64],
    error: NDArray[np.float64],
    kept: NDArray[np.bool_],
) -> tuple[NDArray[np.float64], float]:
    """Return the solution of least squares, and its chi-square.

    By the normal equations: designs for which they would be inaccurate are not admitted.
    Of a quadrant all of whose blocks were clipped nothing is known, and nothing is said.
    """
    scaled = design[kept] / error[kept, None]
    target = value[kept] / error[kept]
    equations = scaled.T @ scaled, scaled.T @ target
    try:
        solution = np.linalg.solve(*equations)
    except np.linalg.LinAlgError:
        solution = np.linalg.lstsq(*equations, rcond=None)[0]
    residual = target - scaled @ solution
    return solution, float(residual @ residual)


def _clip(
    design: NDArray[np.float64],
    value: NDArray[np.float64],
    error: NDArray[np.float64],
    known: NDArray[np.bool_],
) -> tuple[NDArray[np.bool_], float]:
    """Return which blocks fit the richest candidate, and the variance scale it asks for."""
    kept = known
    for _ in range(5):
        solution, _ = _solve(design, value, error, kept)
        deviation = np.full(len(value), np.inf)
        deviation[known] = np.abs((value - design @ solution)[known] / error[known])
        spread = max(1.4826 * float(np.median(deviation[kept])), 1.0)
        now = deviation < _CLIP * spread
        if now.sum() < _BLOCKS_PER_PARAMETER * design.shape[1] or (now == kept).all():
            break
        kept = now
    _, chi_square = _solve(design, value, error, kept)
    freedom = max(int(kept.sum()) - design.shape[1], 1)
    return kept, max(chi_square / freedom, 1.0)


def _patches(
    regions: list[Region], order: int, solution: NDArray[np.float64]
) -> list[tuple[Region, NDArray[np.float64]]]:
    terms = _terms(order)
    patches = []
    for number, region in enumerate(regions):
        coefficients = np.zeros((order + 1, order + 1))
        for (a, b), c in zip(terms, solution[number * len(terms) :], strict=False):
            coefficients[a, b] = c
        patches.append((region, coefficients))
    return patches
