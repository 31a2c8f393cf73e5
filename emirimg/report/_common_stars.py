"""Stars that two images of the same field have in common, and the ratio of their fluxes."""

from __future__ import annotations

import math

import astropy.units as u
import numpy as np
from astropy.stats import mad_std
from astropy.table import Table
from astropy.wcs import WCS
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from .._wording import counted
from ..alignment import StarList, find_stars
from ..alignment.matching import vote_shift
from ..combine import Mosaic
from ..exceptions import InputError
from ..projection import MosaicGrid

__all__ = [
    "SEEING",
    "common_stars",
    "isolated_stars",
    "mean_ratio",
    "ratio_by_magnitude",
    "ratio_tilt",
]

SEEING = 0.8 * u.arcsec
"""FWHM that is expected of stars."""
_REACH = 20 * u.arcsec
"""Largest shift between the images that is looked for."""
_FEWEST = 5
"""Fewer stars in common are no common field."""
_LEAST_SN = 20.0
_MAGNITUDES = 0.5
"""Width of the bins of magnitude."""
_CLIP = 4.0
"""Ratios further from the median than this, in units of their scatter, are outliers."""


def isolated_stars(mosaic: Mosaic, radius: u.Quantity) -> StarList:
    """Return the stars without a flag that are bright enough for their ratio to count."""
    level = np.median(mosaic.data[~mosaic.mask]) if not mosaic.mask.all() else np.float32(0)
    stars = find_stars(
        mosaic.data - level,
        mosaic.mask,
        mosaic.variance,
        fwhm=float(SEEING / mosaic.grid.scale),
        aperture=float(radius / mosaic.grid.scale),
    )
    return stars.select(stars.good & (stars.flux > _LEAST_SN * stars.flux_error))


def common_stars(lists: list[StarList], grids: list[MosaicGrid]) -> tuple[Table, u.Quantity, WCS]:
    """Return the common stars, the shift, and the WCS of the second with it taken away."""
    one, two = lists
    here = np.column_stack([one.x, one.y])
    sky = grids[1].wcs.wcs_pix2world(np.column_stack([two.x, two.y]), 0)
    there = grids[0].wcs.wcs_world2pix(sky, 0) if len(two) else np.empty((0, 2))
    first, second = _pairs(here, there, grids[0].scale)
    if len(first) < _FEWEST:
        msg = (
            f"the images have only {counted(len(first), 'star')} in common within {_REACH},"
            f" {_FEWEST} are needed (isolated ones are {len(one)} and {len(two)}):"
            " do they show the same field?"
        )
        raise InputError(msg)
    on_sky = ((there[second] - here[first]) @ grids[0].wcs.pixel_scale_matrix.T) * u.deg
    common = np.median(on_sky, axis=0).to(u.arcsec)
    residual = (on_sky.to(u.arcsec) - common).value
    flux, other = one.flux[first], two.flux[second]
    errors = np.hypot(one.flux_error[first] / flux, two.flux_error[second] / other)
    stars = Table(
        {
            "x": one.x[first],
            "y": one.y[first],
            "magnitude": 25 - 2.5 * np.log10(flux),
            "ratio": other / flux,
            "error": errors * other / flux,
            "east": residual[:, 0],
            "north": residual[:, 1],
        }
    )
    return stars, common, _without_shift(grids[1].wcs, common)


def _pairs(
    here: NDArray[np.float64], there: NDArray[np.float64], scale: u.Quantity
) -> tuple[NDArray[np.int_], NDArray[np.int_]]:
    """Return which positions of the first list belong to which of the second."""
    scale = scale.to(u.arcsec)
    tolerance = float(0.5 * SEEING / scale)
    found = vote_shift(here, there, max_shift=float(_REACH / scale), tolerance=tolerance)
    if found is None:
        return np.empty(0, int), np.empty(0, int)
    distance, partner = cKDTree(there - found.shift).query(here)
    first = np.flatnonzero(distance < tolerance)
    second = partner[first]
    once = np.unique(second, return_index=True)[1]  # two may fall on the same partner
    return first[once], second[once]


def _without_shift(wcs: WCS, shift: u.Quantity) -> WCS:
    """Return a WCS with a shift on the sky (east, north) taken away."""
    moved = wcs.deepcopy()
    # In pixels of this image, at its own reference pixel.
    step = np.linalg.solve(moved.pixel_scale_matrix, shift.to_value(u.deg))
    moved.wcs.crpix = moved.wcs.crpix + step
    moved.wcs.set()
    return moved


def mean_ratio(stars: Table) -> tuple[float, float, float]:
    """Return the mean ratio without outliers, its error, and the scatter."""
    ratio, error = np.array(stars["ratio"]), np.array(stars["error"])
    # The quoted errors are those of the pixels only: bright stars are not that good.
    weight = 1 / (error**2 + (0.003 * ratio) ** 2)
    middle = float(np.median(ratio))
    spread = float(mad_std(ratio))
    kept = np.abs(ratio - middle) <= _CLIP * np.hypot(spread, error)
    mean = float(np.average(ratio[kept], weights=weight[kept]))
    pulls = weight[kept] * (ratio[kept] - mean)
    return mean, float(np.sqrt(np.sum(pulls**2)) / weight[kept].sum()), spread / mean


def ratio_tilt(stars: Table, shape: tuple[int, int], ratio: float) -> tuple[float, float]:
    """Return the change of the ratio across the field, relative to it, along x and along y."""
    if len(stars) < 10:
        return math.nan, math.nan
    ny, nx = shape
    x, y = (np.array(stars["x"]) / nx - 0.5, np.array(stars["y"]) / ny - 0.5)
    design = np.column_stack([np.ones(len(stars)), x, y])
    relative, kept = np.array(stars["ratio"]) / ratio, np.ones(len(stars), dtype=bool)
    for _ in range(5):
        found, *_ = np.linalg.lstsq(design[kept], relative[kept], rcond=None)
        left = relative - design @ found
        kept = np.abs(left) <= 3 * mad_std(left[kept]) + 1e-12
    return float(found[1]), float(found[2])


def ratio_by_magnitude(stars: Table) -> Table:
    """Return the median ratio and its error in bins of magnitude."""
    rows = []
    bins = np.floor(np.array(stars["magnitude"]) / _MAGNITUDES)
    for number in np.unique(bins):
        ratios = np.array(stars["ratio"])[bins == number]
        n = len(ratios)
        error = 1.2533 * float(mad_std(ratios)) / math.sqrt(n) if n > 2 else math.nan
        rows.append(((number + 0.5) * _MAGNITUDES, n, float(np.median(ratios)), error))
    return Table(rows=rows, names=["magnitude", "n", "ratio", "error"])
