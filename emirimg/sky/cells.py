"""The residual sky of each quadrant, from the medians of its cells."""

from __future__ import annotations

import warnings
from typing import Literal

import numpy as np
from astropy.nddata import CCDData
from numpy.typing import NDArray
from pydantic import Field

from .._strategy import Strategy
from ..exceptions import SkyWarning
from ._blocks import Blocks, add_interpolated, block_medians
from ._fill import fill_masked
from ._regions import quadrants_of, unusable

__all__ = ["QuadrantCells"]


class QuadrantCells(Strategy):
    """Medians of the cells of a mesh on each quadrant, interpolated between them.

    Parameters
    ----------
    n_side : int, optional
        Cells along each side of a quadrant. Default: 10.

    Notes
    -----
    The surface is bilinear between the centres of the cells and goes on
    linearly to the border of the quadrant. Cells without enough sky are
    filled from their neighbours. Every structure of the size of a cell is
    taken for sky, haloes of galaxies included; `QuadrantSurface` is stiffer
    and leaves frames without a residual alone.

    Examples
    --------
    >>> from emirimg.sky import QuadrantCells
    >>> QuadrantCells(n_side=8)
    QuadrantCells(n_side=8)
    """

    name: Literal["quadrant_cells"] = "quadrant_cells"
    n_side: int = Field(default=10, ge=1)

    def __call__(
        self, frame: CCDData, /, *, objects: NDArray[np.bool_] | None = None
    ) -> NDArray[np.float32]:
        """Return the residual background; see `QuadrantSurface`.

        Warns
        -----
        SkyWarning
            If masks leave nothing to measure on a quadrant; its residual is 0
            then.
        """
        mask = unusable(frame, objects)
        if mask is None:
            mask = np.zeros(frame.shape, dtype=bool)
        residual = np.zeros(frame.shape, dtype=np.float32)
        for region in quadrants_of(frame.shape):
            self._add(frame.data[region], mask[region], residual[region])
        return residual

    def _add(
        self, data: NDArray[np.floating], mask: NDArray[np.bool_], residual: NDArray[np.float32]
    ) -> None:
        """Add the residual of a quadrant."""
        edges = tuple(
            np.unique(np.linspace(0, n, self.n_side + 1).astype(int)) for n in data.shape
        )
        cells = block_medians(data, mask, edges)
        known = np.isfinite(cells.median)
        if not known.any():
            msg = "masks leave too few pixels to measure the residual sky of a quadrant"
            warnings.warn(msg, SkyWarning, stacklevel=3)
            return
        add_interpolated(edges, _filled(cells, known), residual)


def _filled(cells: Blocks, known: NDArray[np.bool_]) -> NDArray[np.float64]:
    return fill_masked(np.where(known, cells.median, 0), known)
