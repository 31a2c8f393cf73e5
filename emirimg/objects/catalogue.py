"""A catalogue of the sources of a mosaic."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import astropy.units as u
import numpy as np
from astropy.table import QTable
from numpy.typing import NDArray

from ..combine.mosaic import Mosaic
from ._deblend import deblended
from ._photometry import detection_image, to_magnitudes

if TYPE_CHECKING:
    from photutils.segmentation import SourceCatalog

__all__ = ["make_catalogue"]

_COLUMNS = {
    "id": int, "ra": u.deg, "dec": u.deg, "x": float, "y": float, "flux": float,
    "flux_error": float, "mag": float, "mag_error": float, "fwhm": u.arcsec,
    "ellipticity": float, "position_angle": u.deg,
}  # fmt: skip


def make_catalogue(
    mosaic: Mosaic,
    *,
    threshold: float = 5.0,
    npixels: int = 6,
    deblend: bool = True,
    zero_point: float = 25.0,
) -> QTable:
    """Detect and measure the sources of a mosaic.

    Parameters
    ----------
    mosaic : Mosaic
        The mosaic.
    threshold : float, optional
        Level from which connected pixels are a source, in units of the noise of
        the mosaic smoothed by a Gaussian of 1.5 pixels. Default: 5.
    npixels : int, optional
        Least number of connected pixels. Default: 6.
    deblend : bool, optional
        Whether sources that touch are separated. Default: yes.
    zero_point : float, optional
        Magnitude of a source of 1 ADU. Default: 25.

    Returns
    -------
    `~astropy.table.QTable`
        One row for each source, the brightest first: ``id`` (from 1), ``ra``,
        ``dec`` (deg), ``x``, ``y`` (0-based pixels), ``flux``, ``flux_error``
        (ADU), ``mag``, ``mag_error``, ``fwhm`` (arcsec, of a Gaussian of the
        same moments), ``ellipticity`` (1 - b/a) and ``position_angle`` (deg,
        from the y axis of the mosaic, which is north, to the east).

    Notes
    -----
    A segmentation image and a `photutils.segmentation.SourceCatalog`: positions
    are Gaussian-windowed centroids, fluxes Kron magnitudes [1]_ above a background
    measured in blocks of 160 pixels. Errors come from the variance of the mosaic
    alone; the correlation of the noise (``CORRNOIS``, see `measure_quality`)
    makes them larger.

    References
    ----------
    .. [1] Kron, R. G. 1980, ApJS, 43, 305

    Examples
    --------
    >>> import numpy as np
    >>> from astropy.io.fits import Header
    >>> from emirimg.combine import Mosaic
    >>> from emirimg.objects import make_catalogue
    >>> from emirimg.projection import MosaicGrid
    >>> from emirimg.simulation import Scene
    >>> grid = MosaicGrid.covering([Scene(shape=(100, 100)).truth.wcs(0)], [(100, 100)])
    >>> y, x = np.indices(grid.shape)
    >>> data = np.random.default_rng(1).normal(0, 5, grid.shape)
    >>> data += 4000 * (1 + ((x - 50) ** 2 + (y - 60) ** 2) / 16) ** -3
    >>> planes = np.full((3, *grid.shape), 25, dtype=np.float32)
    >>> mosaic = Mosaic(
    ...     grid, data.astype("f4"), planes[0], data > 1e9, planes[1].astype("i2"), planes[2],
    ...     Header(),
    ... )
    >>> catalogue = make_catalogue(mosaic, threshold=8, zero_point=25.0)
    >>> print(f"{catalogue['x'][0]:.1f} {catalogue['y'][0]:.1f} {catalogue['mag'][0]:.2f}")
    50.0 60.0 12.53
    """
    sources = _find_sources(mosaic, threshold, npixels, deblend=deblend)
    return _empty_table() if sources is None else _table(sources, mosaic, zero_point)


def _find_sources(
    mosaic: Mosaic, threshold: float, npixels: int, *, deblend: bool
) -> SourceCatalog | None:
    """Return the sources, whose properties are measured when they are asked for."""
    from photutils.segmentation import SourceCatalog, detect_sources  # noqa: PLC0415 (heavy)
    from photutils.utils.exceptions import NoDetectionsWarning  # noqa: PLC0415 (heavy)

    data, error, empty, smooth, noise = detection_image(mosaic)
    if not noise > 0 or not (smooth > threshold * noise).any():
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NoDetectionsWarning)  # no source says it
        segments = detect_sources(smooth, threshold * noise, npixels, mask=empty)
    if segments is None:
        return None
    if deblend:
        segments = deblended(smooth, segments, npixels)
    return SourceCatalog(data, segments, error=error, mask=empty, wcs=mosaic.grid.wcs)


def _table(sources: SourceCatalog, mosaic: Mosaic, zero_point: float) -> QTable:
    flux = _flux(sources)
    error = np.atleast_1d(_either(sources, "kron_flux_err", "kron_fluxerr"))
    windowed, plain = np.atleast_2d(sources.centroid_win), np.atleast_2d(sources.centroid)
    x, y = np.where(np.isfinite(windowed), windowed, plain).T
    order = np.argsort(-np.where(np.isfinite(flux), flux, -np.inf), kind="stable")
    ra, dec = mosaic.grid.wcs.wcs_pix2world(x, y, 0)
    good = flux > 0
    magnitude_error = np.full(flux.size, np.nan)
    magnitude_error[good] = 2.5 / np.log(10) * error[good] / flux[good]
    width = np.atleast_1d(sources.fwhm.value) * mosaic.grid.scale.to(u.arcsec)
    angle = (np.atleast_1d(sources.orientation.to_value(u.deg)) - 90) % 180
    table = QTable(
        {
            "ra": ra * u.deg, "dec": dec * u.deg, "x": x, "y": y, "flux": flux,
            "flux_error": error, "mag": to_magnitudes(flux, zero_point),
            "mag_error": magnitude_error, "fwhm": width,
            "ellipticity": np.atleast_1d(sources.ellipticity.value),
            "position_angle": angle * u.deg,
        }
    )[order]  # fmt: skip
    table.add_column(np.arange(1, flux.size + 1), index=0, name="id")
    return table


def _flux(sources: SourceCatalog) -> NDArray[np.float64]:
    return np.atleast_1d(sources.kron_flux)


def _either(sources: SourceCatalog, new: str, old: str) -> Any:
    """Return a property whose name changed with photutils 3."""
    return getattr(sources, new if hasattr(type(sources), new) else old)


def _empty_table() -> QTable:
    table = QTable()
    for name, kind in _COLUMNS.items():
        table[name] = np.empty(0, kind) if isinstance(kind, type) else np.empty(0) * kind
    return table
