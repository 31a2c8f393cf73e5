"""The numbers that a report shows, as plain numbers for other programs."""

from __future__ import annotations

import platform
from importlib.metadata import version as version_of
from typing import Any

import astropy.units as u
import numpy as np
from astropy.table import QTable
from numpy.typing import NDArray

from .._version import version
from ..combine.mosaic import Mosaic
from ..dither import DitherResult
from ..dither.result import plain
from ..objects._photometry import to_magnitudes
from ..objects.background import block_map
from ..objects.mask import ObjectMask
from ..objects.point_sources import aperture_fluxes

__all__ = ["number_counts", "offsets_on_sky", "report_numbers", "sky_residual_map"]

_BIN = 0.5
_BOX = 64
_TYPICAL_SEEING = 0.8 * u.arcsec
_PACKAGES = (
    "numpy", "scipy", "astropy", "ccdproc", "photutils", "reproject", "numba", "matplotlib",
)  # fmt: skip


def report_numbers(result: DitherResult) -> dict[str, Any]:
    """Return everything that a report shows as plain numbers and texts.

    Parameters
    ----------
    result : DitherResult
        The outcome of a reduction.

    Returns
    -------
    dict
        That of `~emirimg.dither.DitherResult.summary` and, besides, ``offsets``
        (arcsec, east and north, one pair for each exposure), ``number_counts``,
        ``sky_residual`` (ADU; `None` where it is unknown), ``inputs`` and ``versions``.

    Examples
    --------
    >>> from emirimg import DitherReducer
    >>> from emirimg.simulation import Scene
    >>> scene = Scene(n_exposures=3, shape=(256, 256), n_stars=60, n_galaxies=5, dither_scale=0.2)
    >>> exposures = [scene.exposure(index) for index in range(3)]
    >>> result = DitherReducer(passes=1).reduce(exposures)  # doctest: +IGNORE_WARNINGS
    >>> from emirimg.report import report_numbers
    >>> numbers = report_numbers(result)
    >>> len(numbers["offsets"]), sorted(numbers["versions"])[:3]
    (3, ['astropy', 'ccdproc', 'emirimg'])
    """
    counts = number_counts(result)
    residual = sky_residual_map(result.mosaic, result.objects)
    return {
        **result.summary(),
        "offsets": plain(offsets_on_sky(result)),
        "number_counts": {name: plain(np.asarray(counts[name])) for name in counts.colnames},
        "sky_residual": {"box": _BOX, "level": [plain(row) for row in residual]},
        "inputs": [
            {"kind": kind, "name": name, "sha256": digest} for kind, name, digest in result.inputs
        ],
        "versions": _versions(),
    }


def number_counts(result: DitherResult) -> QTable:
    """Count the sources of a mosaic in bins of half a magnitude.

    Parameters
    ----------
    result : DitherResult
        The outcome of a reduction.

    Returns
    -------
    `~astropy.table.QTable`
        ``magnitude`` (middle of the bin), ``n`` (sources) and ``density`` (sources
        in a magnitude and a square arcminute). No row without sources.

    Notes
    -----
    Sources of 5 sigma, those that touch not separated
    (`~emirimg.objects.make_catalogue`), in the apertures of the depth, divided by the part of
    a star's light that they hold: of galaxies they miss more. Near the depth of the mosaic
    many are missed; the counts are not corrected for that.

    Examples
    --------
    >>> from emirimg import DitherReducer
    >>> from emirimg.simulation import Scene
    >>> scene = Scene(n_exposures=3, shape=(256, 256), n_stars=60, n_galaxies=5, dither_scale=0.2)
    >>> exposures = [scene.exposure(index) for index in range(3)]
    >>> result = DitherReducer(passes=1).reduce(exposures)  # doctest: +IGNORE_WARNINGS
    >>> from emirimg.report import number_counts
    >>> counts = number_counts(result)
    >>> counts.colnames, bool(counts["n"].sum() > 5)
    (['magnitude', 'n', 'density'], True)
    """
    mosaic = result.mosaic
    magnitude = _magnitudes(result)
    area = np.count_nonzero(~mosaic.mask) * mosaic.grid.scale.to(u.arcmin) ** 2
    edges = np.empty(1)
    if magnitude.size:
        first, last = np.floor(magnitude.min() / _BIN), np.ceil(magnitude.max() / _BIN)
        edges = _BIN * np.arange(first, max(last, first + 1) + 1)
    number = np.histogram(magnitude, edges)[0] if magnitude.size else np.empty(0, int)
    table = QTable()
    table["magnitude"] = edges[:-1] + _BIN / 2 if magnitude.size else np.empty(0)
    table["n"] = number
    table["density"] = number / (_BIN * u.mag) / area if magnitude.size else np.empty(0) * u.mag
    return table


def _magnitudes(result: DitherResult) -> NDArray[np.float64]:
    """Return the magnitudes of the sources, as far as they have any, in no order."""
    quality = result.quality
    seeing, part = quality.seeing, 1.0
    if not np.isfinite(seeing):
        seeing = _TYPICAL_SEEING
    elif np.isfinite(quality.depth_flux):
        part = 5 * quality.measured_noise[1] / quality.depth_flux
    radius = (seeing / result.mosaic.grid.scale).to_value(u.dimensionless_unscaled)
    flux = aperture_fluxes(result.mosaic, radius) / part
    magnitude = to_magnitudes(flux, quality.zero_point)
    return magnitude[np.isfinite(magnitude)]


def sky_residual_map(mosaic: Mosaic, objects: ObjectMask | None = None) -> NDArray[np.float64]:
    """Return the medians of blocks of about 64 pixels of a mosaic without its objects.

    Parameters
    ----------
    mosaic : Mosaic
        The mosaic.
    objects : ObjectMask, optional
        What does not count. Default: everything counts.

    Returns
    -------
    `~numpy.ndarray`
        In ADU; NaN where less than a fifth of a block is free sky.

    Examples
    --------
    >>> from emirimg import DitherReducer
    >>> from emirimg.simulation import Scene
    >>> scene = Scene(n_exposures=3, shape=(256, 256), n_stars=60, n_galaxies=5, dither_scale=0.2)
    >>> exposures = [scene.exposure(index) for index in range(3)]
    >>> result = DitherReducer(passes=1).reduce(exposures)  # doctest: +IGNORE_WARNINGS
    >>> from emirimg.report import sky_residual_map
    >>> background = sky_residual_map(result.mosaic, result.objects)
    >>> background.shape
    (5, 5)
    """
    mask = mosaic.mask if objects is None else mosaic.mask | objects.mask
    return block_map(mosaic.data, mask, _BOX)[0]


def offsets_on_sky(result: DitherResult) -> u.Quantity:
    """Return where the exposures point, relative to their mean.

    Parameters
    ----------
    result : DitherResult
        The outcome of a reduction.

    Returns
    -------
    `~astropy.units.Quantity`
        Shape (n, 2): to the east and to the north, in arcsec.

    Examples
    --------
    >>> from emirimg import DitherReducer
    >>> from emirimg.simulation import Scene
    >>> scene = Scene(n_exposures=3, shape=(256, 256), n_stars=60, n_galaxies=5, dither_scale=0.2)
    >>> exposures = [scene.exposure(index) for index in range(3)]
    >>> result = DitherReducer(passes=1).reduce(exposures)  # doctest: +IGNORE_WARNINGS
    >>> from emirimg.report import offsets_on_sky
    >>> offsets_on_sky(result).round()
    <Quantity [[ 6.,  1.],
               [-2., -6.],
               [-4.,  4.]] arcsec>
    """
    wcss = result.alignment.wcss
    # Any pixel will do, as long as it is the same in all exposures.
    x, y = wcss[0].wcs.crpix - 1
    sky = np.array([wcs.all_pix2world(x, y, 0) for wcs in wcss], dtype=float)
    grid = result.mosaic.grid
    placed = np.column_stack(grid.wcs.wcs_world2pix(*sky.T, 0))
    east_north = (placed - placed.mean(axis=0)) @ grid.wcs.pixel_scale_matrix.T * u.deg
    return east_north.to(u.arcsec)


def _versions() -> dict[str, str]:
    packages = {name: version_of(name) for name in _PACKAGES}
    return {"emirimg": version, "python": platform.python_version(), **packages}
