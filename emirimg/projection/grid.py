"""The pixel grid of a mosaic."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import astropy.units as u
import numpy as np
from astropy.coordinates import SkyCoord
from astropy.io.fits import Header
from astropy.wcs import WCS

from ..instrument import pixel_scale

__all__ = ["MosaicGrid"]


@dataclass(frozen=True)
class MosaicGrid:
    """A WCS and a shape: where the pixels of a mosaic lie.

    Parameters
    ----------
    wcs : `~astropy.wcs.WCS`
        Celestial WCS of the grid.
    shape : tuple of int
        (ny, nx), in pixels.

    Raises
    ------
    ValueError
        If the WCS is not celestial and two-dimensional, or the shape is empty.
    """

    wcs: WCS
    shape: tuple[int, int]

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
        centre = _centre(SkyCoord([c for edge in edges for c in edge]))
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
        wcs = self.wcs.deepcopy()
        wcs.wcs.crpix = self.wcs.wcs.crpix - [x0, y0]
        wcs.wcs.set()
        return MosaicGrid(wcs, (y1 - y0, x1 - x0))

    @property
    def scale(self) -> u.Quantity:
        """Size of a pixel."""
        return pixel_scale(self.wcs).to(u.arcsec)

    def to_header(self) -> Header:
        """Return the WCS keywords of the grid."""
        return self.wcs.to_header()


def _edge(wcs: WCS, shape: tuple[int, int]) -> SkyCoord:
    ny, nx = shape
    along_x, along_y = np.linspace(-0.5, nx - 0.5, 33), np.linspace(-0.5, ny - 0.5, 33)
    x = np.concatenate([along_x, along_x, np.full(33, -0.5), np.full(33, nx - 0.5)])
    y = np.concatenate([np.full(33, -0.5), np.full(33, ny - 0.5), along_y, along_y])
    longitude, latitude = wcs.wcs_pix2world(x, y, 0)
    return SkyCoord(longitude, latitude, unit="deg")


def _centre(points: SkyCoord) -> SkyCoord:
    """Return the middle of points on a small field, wherever it lies on the sky."""
    mean = points.cartesian.mean()
    return SkyCoord(mean, representation_type="unitspherical")
