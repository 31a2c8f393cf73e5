"""Measure the stars on all frames, for the illumination that they see."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import astropy.units as u
import numpy as np
from astropy.nddata import CCDData
from numpy.typing import NDArray

from .._lazy import materialised
from .._parallel import parallel_map
from ..alignment import Alignment, find_stars
from ..combine import Mosaic
from ..flat import Illumination, StarMeasurements, star_fluxes
from ..instrument import pixel_area, pixel_scale
from ..sky import SkyModel
from ..stack import DitherStack
from .clean import sky_planes
from .steps import Steps
from .tie import Magnitudes

__all__ = ["find_illumination", "star_places"]

_MOST_STARS = 800
"""The brightest ones: fainter ones hardly add to what these tell."""
_LEAST_SIGNAL_TO_NOISE = 30
"""Of a star in one exposure, to be one of its measurements."""
_RADIUS = 2.5
"""Radius of the apertures in FWHM: what lies outside, a per cent, hardly depends on how
the width of the stars changes over the field, whatever part of it the optics make."""

_BLOCKS = 64
"""Blocks along each side in which the brightness of the sky is averaged."""
_SKIES = 4
"""Skies that are averaged, about, evenly spread over all."""


def star_places(mosaic: Mosaic) -> NDArray[np.float64]:
    """Return (RA, Dec), in degrees, of the well-behaved stars of a mosaic, shape (n, 2)."""
    stars = find_stars(mosaic.data, mosaic.mask, mosaic.variance, max_stars=_MOST_STARS)
    stars = stars.select(stars.good)
    return mosaic.grid.wcs.wcs_pix2world(np.column_stack([stars.x, stars.y]), 0)


def find_illumination(
    stack: DitherStack,
    skies: Sequence[SkyModel],
    stars: NDArray[np.float64],
    alignment: Alignment,
    starflat: Callable[..., Illumination],
    steps: Steps,
    *,
    magnitudes: Magnitudes = (None, None),
) -> Illumination:
    """Find the illumination from sky-subtracted frames.

    Parameters
    ----------
    stack : DitherStack
        Sky-subtracted frames, placed on the sky.
    skies : sequence of SkyModel
        The skies that were subtracted.
    stars : `~numpy.ndarray`
        Places of the stars, see `star_places`.
    alignment : Alignment
        Seeing and transparency of the frames.
    starflat : callable
        Solves for the illumination, see `~emirimg.flat.StarFlat`.
    steps : Steps
        Executor and progress display.
    magnitudes : tuple of `~numpy.ndarray`, optional
        Magnitudes of the stars in a catalogue, and their errors.

    Returns
    -------
    Illumination
        What ``starflat`` makes of the measurements; without stars, too.
    """
    seeing = alignment.fwhm.to_value(u.arcsec)
    known = np.isfinite(seeing)
    if known.any():
        seeing = np.where(known, seeing, np.median(seeing[known]))

    def measure(frame: CCDData, fwhm: float, transparency: float) -> NDArray[np.float64]:
        frame = materialised(frame)
        x, y = frame.wcs.wcs_world2pix(stars, 0).T
        scale = pixel_scale(frame.wcs).to_value(u.arcsec) * np.sqrt(pixel_area(frame.wcs, x, y))
        flux, error = star_fluxes(
            frame.data,
            frame.mask,
            frame.uncertainty.array,
            x,
            y,
            fwhm=fwhm / scale,
            radius=_RADIUS,
        )
        return np.stack([x, y, flux / transparency, error / transparency])

    if len(stars) and known.any():
        measured = np.array(
            steps.each("Measuring stars", measure, stack, seeing, alignment.transparency)
        )
    else:
        measured = np.empty((len(stack), 4, 0))
    x, y, flux, error = measured.transpose(1, 0, 2)
    with np.errstate(invalid="ignore"):
        usable = (flux > _LEAST_SIGNAL_TO_NOISE * error) & alignment.used[:, None]
    frame, star = np.nonzero(usable)
    measurements = StarMeasurements(
        star, frame, x[usable], y[usable], flux[usable], error[usable], *magnitudes
    )
    brightness = _sky_brightness(skies, stack[0])
    return steps.once(
        "Solving for the illumination", starflat, measurements, stack.shape, sky=brightness
    )


def _sky_brightness(skies: Sequence[SkyModel], frame: CCDData) -> NDArray[np.float64] | None:
    """Return the mean sky per solid angle in blocks, or None where it has no shape."""
    ny, nx = frame.shape
    rows = np.linspace(0, ny, _BLOCKS + 1).astype(int)
    columns = np.linspace(0, nx, _BLOCKS + 1).astype(int)
    total = np.zeros((_BLOCKS, _BLOCKS))
    # The shape is nearly the same for all frames, and each costs time.
    chosen = range(0, len(skies), max(1, len(skies) // _SKIES))

    def relative(index: int) -> NDArray[np.float64]:
        sky = sky_planes(skies, index) or skies[index]
        sums = np.add.reduceat(np.asarray(sky.image), columns[:-1], axis=1)
        return np.add.reduceat(sums, rows[:-1], axis=0) / sky.level

    for brightness in parallel_map(relative, chosen):
        total += brightness
    total /= len(chosen) * np.outer(np.diff(rows), np.diff(columns))
    if np.ptp(total) < 1e-4 * total.mean():
        return None
    y, x = np.meshgrid((rows[:-1] + rows[1:] - 1) / 2, (columns[:-1] + columns[1:] - 1) / 2)
    return total / pixel_area(frame.wcs, x.T, y.T)
