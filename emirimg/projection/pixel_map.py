"""The smooth map between the pixels of two WCSs, known at coarse nodes."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from astropy.wcs import WCS
from numpy.typing import NDArray

from ._map_kernels import interpolate_rows
from ._transform import transform_pixels
from .grid import MosaicGrid

__all__ = ["PixelMap"]

_MARGIN = 3
"""Nodes outside the target on each side: one for the cubic, two for the
derivative at that one."""


@dataclass(frozen=True)
class PixelMap:
    """Where the pixels of a target lie in the pixel coordinates of a source.

    Make it with `between`. The map is evaluated at nodes and interpolated
    by a cubic through the four nearest nodes along each axis.

    Parameters
    ----------
    shape : tuple of int
        Shape (ny, nx) of the target.
    nodes : `~numpy.ndarray` of float
        Shape (3, n_rows, n_columns): x and y in the source, and the area
        ratio, at the nodes.
    offset : tuple of int
        Place (y, x) of the target's first pixel, in pixels from node (0, 0).
    step : int
        Distance between nodes, in pixels.

    Notes
    -----
    Nodes lie at the multiples of ``step`` of the whole grid, wherever a
    cutout begins, and the cubic at a pixel uses its own four nodes only. So
    the map of a cutout is the same, bit for bit, as that of the whole.

    With the distortion of EMIR (34 pixels in the corners) and nodes every 32
    pixels, the coordinates differ from those of the full WCS by less than
    1e-5 pixels and the area ratio by less than 1e-7. The error of the
    coordinates grows with the fourth power of ``step``.

    Examples
    --------
    >>> from astropy.wcs import WCS
    >>> from emirimg.projection import MosaicGrid, PixelMap
    >>> wcs = WCS(naxis=2)
    >>> wcs.wcs.ctype = ["RA---TAN", "DEC--TAN"]
    >>> wcs.wcs.cdelt = [-5e-5, 5e-5]
    >>> coarse = wcs.deepcopy()
    >>> coarse.wcs.cdelt = [-1e-4, 1e-4]
    >>> pixel_map = PixelMap.between(MosaicGrid(coarse, (8, 8)), wcs)
    >>> x, y = pixel_map.coordinates()
    >>> print(f"{x[0, 2] - x[0, 1]:.3f} {pixel_map.area_ratio()[0, 0]:.3f}")
    2.000 4.000
    >>> pixel_map.source_rows(height=40, reach=3)
    slice(0, 21, None)
    """

    shape: tuple[int, int]
    nodes: NDArray[np.float64]
    offset: tuple[int, int]
    step: int

    @classmethod
    def between(
        cls,
        target: MosaicGrid,
        source: WCS,
        *,
        window: tuple[slice, slice] | None = None,
        step: int = 32,
    ) -> PixelMap:
        """Evaluate the map from the pixels of ``target`` to those of ``source``.

        Parameters
        ----------
        target : MosaicGrid
            Grid, cutout of a grid, or plane of a frame (its WCS and shape).
        source : `~astropy.wcs.WCS`
            Celestial WCS.
        window : tuple of slice, optional
            Rows and columns of ``target`` that are wanted, as `MosaicGrid.window`
            returns them: the map is that of this cutout. Default: all.
        step : int, optional
            Distance between nodes, in pixels. Default: 32.

        Raises
        ------
        ValueError
            If ``step`` is not positive, or the source has no pixel for some
            node.
        """
        if step < 1:
            msg = f"step must be at least 1 pixel, got {step}"
            raise ValueError(msg)
        spans = window or [slice(0, length) for length in target.shape]
        origin = [start + span.start for start, span in zip(target.origin, spans, strict=True)]
        shape = tuple(span.stop - span.start for span in spans)
        rows, columns = (
            range(start // step - _MARGIN, (start + length - 1) // step + _MARGIN + 2)
            for start, length in zip(origin, shape, strict=True)
        )
        x, y = _at_nodes(target.whole or target, source, rows, columns, step)
        if not (np.isfinite(x).all() and np.isfinite(y).all()):
            msg = "some pixels of the target lie where the source WCS has no pixel coordinates"
            raise ValueError(msg)
        dx_dy, dx_dx = _derivatives(x, step)
        dy_dy, dy_dx = _derivatives(y, step)
        inner = (slice(2, -2), slice(2, -2))
        nodes = np.stack([x[inner], y[inner], np.abs(dx_dx * dy_dy - dx_dy * dy_dx)])
        offset = (origin[0] % step + step, origin[1] % step + step)
        return cls(shape, nodes, offset, step)

    def coordinates(
        self, rows: slice = slice(None)
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return x and y in the source for some rows of the target, shape (n_rows, nx)."""
        x, y, _ = self._evaluate(rows)
        return x, y

    def area_ratio(self, rows: slice = slice(None)) -> NDArray[np.float64]:
        """Return source pixels per target pixel for some rows of the target.

        This is the Jacobian of the map, without its sign. Values per pixel of
        the source times this are values per pixel of the target.
        """
        return self._evaluate(rows)[2]

    def source_rows(self, height: int, reach: int) -> slice:
        """Return the rows of a source image that the target can need.

        Parameters
        ----------
        height : int
            Number of rows of the source image.
        reach : int
            How many rows from a coordinate its kernel reads.
        """
        y = self.nodes[1]
        ends = []
        for row in (0, self.shape[0] - 1):
            node, rest = divmod(row + self.offset[0], self.step)
            ends.append(y[node] + rest / self.step * (y[node + 1] - y[node]))
        # One row more, because the map bends between its nodes.
        first = math.floor(np.min(ends)) - reach - 1
        last = math.ceil(np.max(ends)) + reach + 2
        return slice(max(min(first, height), 0), max(min(last, height), 0))

    def _evaluate(self, rows: slice) -> NDArray[np.float64]:
        start, stop, _ = rows.indices(self.shape[0])
        planes = np.empty((3, max(stop - start, 0), self.shape[1]))
        interpolate_rows(self.nodes, self.step, *self.offset, start, planes)
        return planes


def _at_nodes(
    whole: MosaicGrid, source: WCS, rows: range, columns: range, step: int
) -> NDArray[np.float64]:
    """Return x and y in the source at nodes of a grid, shape (2, n_rows, n_columns).

    Bands of a mosaic share rows of nodes with their neighbours: each is worked out once.
    """
    known: dict[int, NDArray[np.float64]] = whole._remembered(  # noqa: SLF001 (of its own package)
        source, (columns, step), dict
    )
    new = [row for row in rows if row not in known]
    if new:
        y, x = np.meshgrid(step * np.array(new), step * np.array(columns), indexing="ij")
        places = np.stack(transform_pixels(x, y, whole.wcs, source), axis=1)
        known.update(zip(new, places, strict=True))
    return np.stack([known[row] for row in rows], axis=1)


def _derivatives(
    plane: NDArray[np.float64], step: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return d/dy and d/dx at all nodes but the two outermost, by five-point differences."""
    down = (8 * (plane[3:-1] - plane[1:-3]) - (plane[4:] - plane[:-4])) / (12 * step)
    right = (8 * (plane[:, 3:-1] - plane[:, 1:-3]) - (plane[:, 4:] - plane[:, :-4])) / (12 * step)
    return down[:, 2:-2], right[2:-2]
