"""The pixel grid of a mosaic."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import astropy.units as u
import numpy as np
from astropy.coordinates import SkyCoord
from astropy.io.fits import Header
from astropy.wcs import WCS
from numpy.typing import NDArray

from ..instrument import pixel_scale
from ._transform import WCS_LOCK, transform_pixels

__all__ = ["MosaicGrid"]

_T = TypeVar("_T")


@dataclass(frozen=True)
class MosaicGrid:
    """A WCS and a shape: where the pixels of a mosaic lie.

    Parameters
    ----------
    wcs : `~astropy.wcs.WCS`
        Celestial WCS of the grid.
    shape : tuple of int
        (ny, nx), in pixels.
    origin : tuple of int, optional
        Pixel (y, x) of ``whole`` at which a cutout begins.
    whole : MosaicGrid, optional
        The grid from which `cutout` took this one. A cutout that knows its
        place is computed on the same footing as the whole, to the last bit.

    Raises
    ------
    ValueError
        If the WCS is not celestial and two-dimensional, or the shape is empty.

    Examples
    --------
    >>> import astropy.units as u
    >>> from emirimg.projection import MosaicGrid
    >>> from emirimg.simulation import Scene
    >>> scene = Scene(n_exposures=3)
    >>> wcss = [scene.truth.wcs(index) for index in range(3)]
    >>> grid = MosaicGrid.covering(wcss, [(2048, 2048)] * 3, scale=0.2 * u.arcsec)
    >>> grid.shape, grid.scale.round(3)
    ((2211, 2216), <Quantity 0.2 arcsec>)
    >>> grid.window(wcss[0], (2048, 2048))
    (slice(177, 2142, None), slice(0, 1963, None))
    >>> grid.cutout(slice(100, 164)).shape
    (64, 2216)
    >>> grid.to_header()["CTYPE1"]
    'RA---TAN'
    """

    wcs: WCS
    shape: tuple[int, int]
    origin: tuple[int, int] = (0, 0)
    whole: MosaicGrid | None = field(default=None, repr=False)
    _known: dict[tuple, tuple[WCS, Any]] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def __post_init__(self) -> None:
        if self.wcs.naxis != 2 or not self.wcs.has_celestial:
            msg = f"wcs of a mosaic grid must be celestial with 2 axes, got {self.wcs.wcs.ctype}"
            raise ValueError(msg)
        if len(self.shape) != 2 or min(self.shape) < 1:
            msg = f"shape of a mosaic grid must be two positive integers, got {self.shape}"
            raise ValueError(msg)

    @classmethod
    def covering(
        cls,
        wcss: Sequence[WCS],
        shapes: Sequence[tuple[int, int]],
        *,
        scale: u.Quantity | None = None,
    ) -> MosaicGrid:
        """Make the smallest north-up gnomonic (TAN) grid that holds all frames.

        Parameters
        ----------
        wcss : sequence of `~astropy.wcs.WCS`
            WCSs of the frames.
        shapes : sequence of tuple of int
            Their shapes (ny, nx).
        scale : `~astropy.units.Quantity`, optional
            Size of a pixel. Default: that of the first frame.
        """
        edges = [_edge(wcs, shape) for wcs, shape in zip(wcss, shapes, strict=True)]
        centre = _centre(_joined(edges))
        step = (pixel_scale(wcss[0]) if scale is None else scale).to_value(u.deg)
        wcs = WCS(naxis=2)
        wcs.wcs.ctype = ["RA---TAN", "DEC--TAN"]
        wcs.wcs.crval = [centre.spherical.lon.deg, centre.spherical.lat.deg]
        wcs.wcs.crpix = [1.0, 1.0]
        wcs.wcs.cd = [[-step, 0.0], [0.0, step]]
        wcs.wcs.radesys = wcss[0].wcs.radesys
        if wcss[0].wcs.radesys == "FK5":
            wcs.wcs.equinox = 2000.0
        wcs.wcs.set()
        x, y = np.hstack(
            [wcs.wcs_world2pix(c.spherical.lon.deg, c.spherical.lat.deg, 0) for c in edges]
        )
        # Shift by whole pixels: every edge lies inside the outermost pixels.
        left, bottom = int(np.floor(x.min() + 0.5)), int(np.floor(y.min() + 0.5))
        right, top = int(np.ceil(x.max() - 0.5)), int(np.ceil(y.max() - 0.5))
        wcs.wcs.crpix = [1.0 - left, 1.0 - bottom]
        wcs.wcs.set()
        return cls(wcs, (top - bottom + 1, right - left + 1))

    def cutout(self, rows: slice, columns: slice = slice(None)) -> MosaicGrid:
        """Return the grid of some rows and columns of this one."""
        y0, y1, _ = rows.indices(self.shape[0])
        x0, x1, _ = columns.indices(self.shape[1])
        with WCS_LOCK:
            wcs = self.wcs.deepcopy()
        wcs.wcs.crpix = self.wcs.wcs.crpix - [x0, y0]
        wcs.wcs.set()
        origin = (self.origin[0] + y0, self.origin[1] + x0)
        return MosaicGrid(wcs, (y1 - y0, x1 - x0), origin, self.whole or self)

    def window(self, wcs: WCS, shape: tuple[int, int]) -> tuple[slice, slice]:
        """Return the part of the grid that the rectangle around a frame fills.

        Parameters
        ----------
        wcs : `~astropy.wcs.WCS`
            Celestial WCS of the frame.
        shape : tuple of int
            Its shape (ny, nx).

        Returns
        -------
        rows, columns : slice
            Both empty where the frame does not touch the grid. The window of
            a cutout is the part of the window of the whole that lies on it.
        """
        x, y = (self.whole or self)._outline(wcs, shape)  # noqa: SLF001 (of its own class)
        seen = np.isfinite(x) & np.isfinite(y)
        if not seen.any():
            return slice(0, 0), slice(0, 0)
        rows, columns = (
            _overlap(along[seen], start, length)
            for along, start, length in zip((y, x), self.origin, self.shape, strict=True)
        )
        if rows.start == rows.stop or columns.start == columns.stop:
            return slice(0, 0), slice(0, 0)
        return rows, columns

    def _outline(self, wcs: WCS, shape: tuple[int, int]) -> NDArray[np.float64]:
        """Return where the outline of a frame lies, x and y."""
        return self._remembered(
            wcs, shape, lambda: np.array(transform_pixels(*_edge_pixels(shape), wcs, self.wcs))
        )

    def _remembered(self, wcs: WCS, what: Hashable, make: Callable[[], _T]) -> _T:
        """Return what ``make`` finds out about a frame; all bands of a mosaic ask for the same.

        Parameters
        ----------
        wcs : `~astropy.wcs.WCS`
            WCS of the frame. What was found out is forgotten when its numbers change.
        what : hashable
            Name of what is asked for.
        make : callable
            Finds it out, without arguments, the first time.
        """
        place = wcs.wcs
        with WCS_LOCK:
            numbers = (place.crval, place.crpix, place.get_pc(), place.get_cdelt())
            key = (id(wcs), what, *(item.tobytes() for item in numbers), *place.get_pv())
            if key not in self._known:
                # The WCS is kept, too: else another one might get its id.
                self._known[key] = wcs, make()
            return self._known[key][1]

    @property
    def scale(self) -> u.Quantity:
        """Size of a pixel."""
        return pixel_scale(self.wcs).to(u.arcsec)

    def to_header(self) -> Header:
        """Return the WCS keywords of the grid."""
        return self.wcs.to_header()


def _edge_pixels(shape: tuple[int, int]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return pixel coordinates x, y of points along the outline of a frame."""
    ny, nx = shape
    along_x, along_y = np.linspace(-0.5, nx - 0.5, 33), np.linspace(-0.5, ny - 0.5, 33)
    x = np.concatenate([along_x, along_x, np.full(33, -0.5), np.full(33, nx - 0.5)])
    y = np.concatenate([np.full(33, -0.5), np.full(33, ny - 0.5), along_y, along_y])
    return x, y


def _edge(wcs: WCS, shape: tuple[int, int]) -> SkyCoord:
    longitude, latitude = wcs.wcs_pix2world(*_edge_pixels(shape), 0)
    return SkyCoord(longitude, latitude, unit="deg")


def _overlap(along: NDArray[np.float64], start: int, length: int) -> slice:
    """Return the pixels, counted from ``start``, that an outline encloses."""
    # One pixel more, because the outline bends between its points.
    first = int(np.floor(along.min())) - 1 - start
    last = int(np.ceil(along.max())) + 1 - start
    low, high = max(first, 0), min(last + 1, length)
    return slice(low, high) if low < high else slice(0, 0)


def _joined(edges: list[SkyCoord]) -> SkyCoord:
    """Join coordinates without taking them apart into single ones, which is slow."""
    longitude, latitude = (
        np.concatenate([getattr(e, n).deg for e in edges]) for n in ("ra", "dec")
    )
    return SkyCoord(longitude, latitude, unit="deg")


def _centre(points: SkyCoord) -> SkyCoord:
    """Return the middle of points on a small field, wherever it lies on the sky."""
    mean = points.cartesian.mean()
    return SkyCoord(mean, representation_type="unitspherical")
