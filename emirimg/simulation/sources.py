"""The stars and galaxies of a field."""

from __future__ import annotations

from itertools import compress
from typing import TYPE_CHECKING

import astropy.units as u
import numpy as np
from astropy.table import QTable, vstack
from astropy.wcs import WCS
from numpy.typing import NDArray

from ..projection.grid import MosaicGrid
from .pointing import is_on_target
from .randomness import Purpose, generator

if TYPE_CHECKING:
    from .scene import Scene

__all__ = ["draw_sources"]

_SLOPE = 0.6
_LOG_UNIFORM_FRACTION = 0.5
_SATURATED_FLUX = (5e6, 3e7)
_BIG_GALAXY = {"axis_ratio": 0.5, "position_angle": 35.0}
_BIG_GALAXY_BRIGHTNESS = 4e6 / 12.0**2
"""Flux, in ADU, over the square of the half-light radius, in arcsec."""
_INNER = 0.1
"""Saturated stars keep this part of the field away from its edges."""


def draw_sources(scene: Scene, wcss: list[WCS]) -> QTable:
    """Draw the true catalogue of a field.

    Parameters
    ----------
    scene : Scene
        The scene.
    wcss : list of `~astropy.wcs.WCS`
        True WCSs of the exposures.

    Returns
    -------
    `~astropy.table.QTable`
        ``id``, ``type`` (star, disc, spheroid), ``ra``, ``dec``, ``flux``
        (ADU in one exposure at full transparency), ``radius`` (half of the
        light, along the major axis; 0 for a star), ``axis_ratio`` and
        ``position_angle`` (from north to east), brightest first.
    """
    on_target = [is_on_target(scene, index) for index in range(len(wcss))]
    tables = [_draw_field(scene, list(compress(wcss, on_target)), None)]
    if not all(on_target):
        beside = [wcs for wcs, target in zip(wcss, on_target, strict=True) if not target]
        tables.append(_draw_field(scene.replace(n_saturated=0, big_galaxy=False), beside, 0))
    table = vstack(tables)
    table = table[np.argsort(-table["flux"], kind="stable")]
    table.add_column(np.arange(1, len(table) + 1), name="id", index=0)
    return table


def _draw_field(scene: Scene, wcss: list[WCS], number: int | None) -> QTable:
    """Draw the sources of the field, or of the sky beside it (number 0), in no order."""
    random = generator(scene.seed, Purpose.SOURCES, number)
    grid = MosaicGrid.covering(wcss, [scene.frame_shape] * len(wcss))
    n_stars, n_galaxies = scene.n_stars + scene.n_saturated, scene.n_galaxies + scene.big_galaxy
    n = n_stars + n_galaxies
    margin = 25  # light of sources outside falls on the field too
    x = random.uniform(-margin, grid.shape[1] + margin, n)
    y = random.uniform(-margin, grid.shape[0] + margin, n)
    flux = np.concatenate(
        [
            _star_fluxes(random, scene),
            random.uniform(*_SATURATED_FLUX, scene.n_saturated),
            _power_law(random.uniform(size=n_galaxies), (scene.faintest, scene.brightest)),
        ]
    )
    is_galaxy = np.arange(n) >= n_stars
    spheroid = is_galaxy & (random.uniform(size=n) < 0.3)
    size = np.exp(random.normal(np.log(0.55), 0.45, n))  # arcsec; bright ones are larger
    radius = np.where(is_galaxy, size * (flux / 2000) ** 0.12, 0.0)
    axis_ratio = np.where(is_galaxy, random.uniform(0.3, 1.0, n), 1.0)
    angle = np.where(is_galaxy, random.uniform(0, 180, n), 0.0)
    saturated = slice(scene.n_stars, n_stars)
    for place, length in ((x, grid.shape[1]), (y, grid.shape[0])):
        place[saturated] = _INNER * length + (1 - 2 * _INNER) * place[saturated]
    if scene.big_galaxy:
        x[-1], y[-1] = 0.55 * grid.shape[1], 0.45 * grid.shape[0]
        spheroid[-1] = False
        radius[-1] = scene.big_galaxy_radius.to_value(u.arcsec)
        flux[-1] = _BIG_GALAXY_BRIGHTNESS * radius[-1] ** 2
        axis_ratio[-1], angle[-1] = _BIG_GALAXY["axis_ratio"], _BIG_GALAXY["position_angle"]
    ra, dec = grid.wcs.wcs_pix2world(x, y, 0)
    table = QTable()
    table["type"] = np.where(spheroid, "spheroid", np.where(is_galaxy, "disc", "star"))
    table["ra"], table["dec"] = ra * u.deg, dec * u.deg
    table["flux"] = flux
    table["radius"] = radius * u.arcsec
    table["axis_ratio"] = axis_ratio
    table["position_angle"] = angle * u.deg
    return table


def _star_fluxes(random: np.random.Generator, scene: Scene) -> NDArray[np.float64]:
    """Draw the stars: most are faint, some shine at all fluxes."""
    n = scene.n_stars
    limits = scene.faintest, scene.brightest
    everywhere = limits[0] * (limits[1] / limits[0]) ** random.uniform(size=n)
    faint = _power_law(random.uniform(size=n), limits)
    return np.where(random.uniform(size=n) < _LOG_UNIFORM_FRACTION, everywhere, faint)


def _power_law(fraction: NDArray[np.float64], limits: tuple[float, float]) -> NDArray[np.float64]:
    """Turn uniform numbers into fluxes whose cumulative number falls as flux**-0.6."""
    low, high = limits[0] ** -_SLOPE, limits[1] ** -_SLOPE
    return (low + fraction * (high - low)) ** (-1 / _SLOPE)
