"""Tie a mosaic to a catalogue of reference stars: places and zero point."""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass, replace

import astropy.units as u
import numpy as np
from numpy.typing import NDArray

from ..alignment import (
    Alignment,
    CatalogueTie,
    ReferenceCatalogue,
    find_stars,
    match_catalogue,
    measure_psf,
    tie_to_catalogue,
)
from ..combine import Mosaic
from ..exceptions import AlignmentWarning, QualityWarning
from ..objects import ObjectMask

__all__ = ["Magnitudes", "Tied", "catalogue_magnitudes", "tie"]

Magnitudes = tuple[NDArray[np.float64] | None, NDArray[np.float64] | None]
"""Magnitudes of stars in a catalogue, and their errors; `None`: not known."""

_LEAST_SN = 10.0
"""Signal-to-noise ratio of stars that give the zero point."""
_FEWEST = 3
"""Fewer stars give none."""
_CLIPS = 5
"""Rounds of clipping at 3 robust standard deviations."""


@dataclass(frozen=True)
class Tied:
    """A mosaic on the system of a catalogue.

    Attributes
    ----------
    mosaic : Mosaic
        The mosaic; its pixels are not changed.
    objects : ObjectMask or None
        Its objects.
    alignment : Alignment
        The places of the frames, moved in the same way.
    zero_point : float or None
        Magnitude of 1 ADU; `None`: unknown.
    keywords : dict
        Header keywords to (value, comment).
    """

    mosaic: Mosaic
    objects: ObjectMask | None
    alignment: Alignment
    zero_point: float | None
    keywords: dict[str, tuple[float | str, str]]


def tie(
    mosaic: Mosaic,
    objects: ObjectMask | None,
    alignment: Alignment,
    catalogue: ReferenceCatalogue,
) -> Tied:
    """Tie a mosaic to a catalogue.

    Parameters
    ----------
    mosaic : Mosaic
        The mosaic, in ADU.
    objects : ObjectMask or None
        Its objects.
    alignment : Alignment
        The places of the frames that it was made of.
    catalogue : ReferenceCatalogue
        Stars with places and, for the zero point, magnitudes.

    Returns
    -------
    Tied
        Everything on the WCS of the catalogue; as it was where the stars are not found.

    Warns
    -----
    AlignmentWarning
        If the stars of the mosaic are not found in the catalogue.
    QualityWarning
        If fewer than three stars give a zero point.
    """
    stars = find_stars(mosaic.data, mosaic.mask, mosaic.variance)
    found = tie_to_catalogue(mosaic.grid.wcs, np.column_stack([stars.x, stars.y]), catalogue)
    if found is None:
        msg = (
            f"the stars of the mosaic are not found in {catalogue.name}: the mosaic keeps the"
            " mean pointing of the headers and an arbitrary zero point"
        )
        warnings.warn(msg, AlignmentWarning, stacklevel=2)
        return Tied(mosaic, objects, alignment, None, {})
    grid = replace(mosaic.grid, wcs=found.wcs)
    mosaic = replace(mosaic, grid=grid)
    if objects is not None:
        objects = replace(objects, grid=grid)
    alignment = replace(alignment, wcss=tuple(found.moved(wcs) for wcs in alignment.wcss))
    good = stars.select((stars.flags == 0) & (stars.flux > _LEAST_SN * stars.flux_error))
    part = measure_psf(mosaic.data, mosaic.mask, stars).enclosed(stars.aperture)
    places = grid.wcs.wcs_pix2world(np.column_stack([good.x, good.y]), 0)
    star, entry = match_catalogue(places, catalogue)
    offsets = catalogue.magnitude[entry] + 2.5 * np.log10(good.flux[star] / part)
    zero_point, error, number = _robust_mean(offsets)
    keywords = _keywords(found, catalogue.name)
    if not math.isfinite(zero_point):
        msg = f"fewer than {_FEWEST} stars of {catalogue.name} give a zero point: it is arbitrary"
        warnings.warn(msg, QualityWarning, stacklevel=2)
        return Tied(mosaic, objects, alignment, None, keywords)
    keywords |= {
        "MAGZERR": (error, "[mag] standard error of MAGZERO"),
        "MAGZNST": (number, "stars that gave MAGZERO"),
    }
    return Tied(mosaic, objects, alignment, zero_point, keywords)


def catalogue_magnitudes(
    mosaic: Mosaic, places: NDArray[np.float64], catalogue: ReferenceCatalogue | None
) -> Magnitudes:
    """Return magnitudes and their errors of stars at (RA, Dec), NaN where not listed."""
    if catalogue is None:
        return None, None
    magnitude, error = np.full((2, len(places)), np.nan)
    pixels = mosaic.grid.wcs.wcs_world2pix(places, 0) if len(places) else np.empty((0, 2))
    found = tie_to_catalogue(mosaic.grid.wcs, pixels, catalogue)
    if found is not None:
        star, entry = match_catalogue(found.wcs.wcs_pix2world(pixels, 0), catalogue)
        magnitude[star] = catalogue.magnitude[entry]
        error[star] = catalogue.magnitude_error[entry]
    return magnitude, error


def _robust_mean(values: NDArray[np.float64]) -> tuple[float, float, int]:
    """Return the mean of values within 3 robust standard deviations, its error, their number."""
    values = values[np.isfinite(values)]
    for _ in range(_CLIPS):
        if values.size < _FEWEST:
            return math.nan, math.nan, values.size
        middle = np.median(values)
        spread = 1.4826 * np.median(np.abs(values - middle))
        values = values[np.abs(values - middle) <= 3 * max(spread, 1e-6)]
    if values.size < _FEWEST:
        return math.nan, math.nan, values.size
    return float(values.mean()), float(values.std(ddof=1) / math.sqrt(values.size)), values.size


def _keywords(found: CatalogueTie, name: str) -> dict[str, tuple[float | str, str]]:
    east, north = found.shift.to_value(u.arcsec)
    return {
        "CATALOG": (name, "catalogue of the WCS"),
        "CATNSTAR": (found.n_stars, "stars of the catalogue that hold the WCS"),
        "CATEAST": (float(east), "[arcsec] movement of the WCS towards east"),
        "CATNORTH": (float(north), "[arcsec] movement of the WCS towards north"),
        "CATROT": (found.rotation.to_value(u.arcsec), "[arcsec] rotation, east to north"),
        "CATSCALE": (found.scale, "relative change of the scale"),
        "CATRMS": (found.rms.to_value(u.mas), "[mas] robust rms of the stars, per axis"),
    }
