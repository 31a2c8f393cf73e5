"""How good a mosaic is: sharpness, depth, noise and flatness."""

from __future__ import annotations

import math
import warnings
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, fields
from typing import Any

import astropy.units as u
import numpy as np
from astropy.units import Quantity
from numpy.typing import NDArray

from ..alignment.psf import MoffatPSF, measure_psf
from ..alignment.stars import find_stars
from ..combine.mosaic import Mosaic
from ..exceptions import QualityWarning
from .background import block_map, robust_rms
from .kernels import aperture_sums, squared_distances
from .mask import ObjectMask
from .masker import SegmentationMasker

__all__ = ["MosaicQuality", "measure_quality"]

_WELL_COVERED = 0.7
_EXPECTED_SEEING = 0.8 * u.arcsec
_SMALLEST = 32
_RADII = (0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 5.0)
_MOST_APERTURES = 60_000
_MOST_PIXELS = 3_000_000
"""Apertures of one size are as many as this number of pixels makes. The scatter of n
independent sums is known to 1.17 / sqrt(n): to half a per cent at 1 FWHM."""
_LEAST_APERTURES = 50
_BOX = 64
_RING = 8
_TILE = 128


@dataclass(frozen=True)
class MosaicQuality:
    """What was measured on a mosaic; NaN where it could not be.

    Attributes
    ----------
    seeing : `~astropy.units.Quantity`
        FWHM of the stars, in arcsec.
    ellipticity : float
        1 - b/a of the stars.
    n_stars : int
        How many stars they were measured on.
    correlated_noise : float
        Scatter of sums in empty apertures of diameter 2 FWHM divided by what
        the variance of their pixels predicts.
    radii : `~astropy.units.Quantity`
        Radii of apertures, in arcsec, from 0.5 to 5 FWHM; empty without stars.
    measured_noise, predicted_noise : `~numpy.ndarray`
        Scatter of the sums in such apertures, and the prediction from the variance of
        their pixels, in ADU; NaN where they find no room.
    depth_flux : float
        Flux of a point source at 5 sigma, in ADU.
    depth : float
        The same as a magnitude.
    zero_point : float
        Magnitude of 1 ADU that ``depth`` assumes.
    background_rms : float
        Robust rms of the medians of blocks of 64 pixels, in ADU.
    oversubtraction : float
        Level of the background far from objects minus the mean in rings just
        outside their masks, in ADU; positive where too much sky was taken away.
    oversubtraction_error : float
        Standard error of that, from its scatter over the field.
    oversubtraction_sigma : float
        The same as ``oversubtraction`` in units of the noise of a pixel.

    Examples
    --------
    >>> import json
    >>> from emirimg import DitherReducer
    >>> from emirimg.simulation import Scene
    >>> scene = Scene(shape=(256, 256), dither_scale=0.2, n_exposures=3, n_stars=60, n_galaxies=5)
    >>> exposures = [scene.exposure(index) for index in range(3)]
    >>> reducer = DitherReducer(passes=1)
    >>> quality = reducer.reduce(exposures).quality  # doctest: +IGNORE_WARNINGS
    >>> quality.measured_noise.shape == quality.radii.shape
    True
    >>> json.dumps(quality.to_dict())[:12]
    '{"seeing": 0'
    """

    seeing: Quantity
    ellipticity: float
    n_stars: int
    correlated_noise: float
    radii: Quantity
    measured_noise: NDArray[np.float64]
    predicted_noise: NDArray[np.float64]
    depth_flux: float
    depth: float
    zero_point: float
    background_rms: float
    oversubtraction: float
    oversubtraction_error: float
    oversubtraction_sigma: float

    def to_dict(self) -> dict[str, Any]:
        """Return plain numbers and lists; `None` for NaN, arcsec for angles."""
        return {field.name: _plain(getattr(self, field.name)) for field in fields(self)}


def measure_quality(
    mosaic: Mosaic,
    objects: ObjectMask | None = None,
    *,
    zero_point: float = 25.0,
    seed: int = 1,
) -> MosaicQuality:
    """Measure the quality of a mosaic.

    Parameters
    ----------
    mosaic : Mosaic
        The mosaic.
    objects : ObjectMask, optional
        Its objects. Default: those of a `SegmentationMasker`.
    zero_point : float, optional
        Magnitude of a source of 1 ADU. Default: 25.
    seed : int, optional
        Where the random apertures start from. Default: 1.

    Returns
    -------
    MosaicQuality

    Raises
    ------
    ValueError
        If the object mask has another shape than the mosaic.

    Warns
    -----
    QualityWarning
        If there is no usable star, or too little empty sky.

    Notes
    -----
    Everything is measured where at least 70 % of the largest number of
    exposures contribute, except for the background and the rings, which are
    measured everywhere. The seeing is that of one elliptical Moffat profile
    fitted to the pixels of the best isolated stars. The depth is five times
    the scatter (1.4826 times the median absolute deviation) of the sums in
    up to 60 000 random apertures of diameter 2 FWHM without any masked pixel,
    divided by the part of a star's light that they hold. Where objects leave no room
    for such apertures, the correlated noise is that of the largest smaller ones.

    Examples
    --------
    >>> from emirimg import DitherReducer
    >>> from emirimg.objects import measure_quality
    >>> from emirimg.simulation import Scene
    >>> scene = Scene(shape=(256, 256), dither_scale=0.2, n_exposures=3, n_stars=60, n_galaxies=5)
    >>> exposures = [scene.exposure(index) for index in range(3)]
    >>> reducer = DitherReducer(passes=1)
    >>> mosaic = reducer.reduce(exposures).mosaic  # doctest: +IGNORE_WARNINGS
    >>> quality = measure_quality(mosaic, zero_point=26.2)
    >>> print(f"{quality.seeing:.1f} {quality.depth:.0f} mag")
    0.8 arcsec 19 mag
    """
    if objects is None:
        objects = SegmentationMasker()(mosaic)
    if objects.mask.shape != mosaic.grid.shape:
        msg = (
            f"objects must have the shape of the mosaic {mosaic.grid.shape},"
            f" got {objects.mask.shape}"
        )
        raise ValueError(msg)
    empty = mosaic.mask | ~(mosaic.variance > 0) | ~np.isfinite(mosaic.data)
    poor = empty | (mosaic.coverage < _WELL_COVERED * mosaic.coverage.max())
    scale = mosaic.grid.scale.to(u.arcsec)
    free = ~(poor | objects.mask)
    with ThreadPoolExecutor(max_workers=1) as beside:
        # One thread measures the sky while the other measures stars and noise.
        sky = beside.submit(_oversubtraction, mosaic, objects.mask, empty)
        blocks = beside.submit(block_map, mosaic.data, empty | objects.mask, _BOX)
        psf = _psf(mosaic, poor, scale)
        radii, measured, predicted, ratio = _noise_curve(mosaic, free, psf.fwhm, seed)
        excess, excess_error, excess_sigma = sky.result()
        levels, _ = blocks.result()
    depth_flux = math.nan
    if radii.size:
        depth_flux = 5 * measured[1] / psf.enclosed(psf.fwhm)
    return MosaicQuality(
        seeing=psf.fwhm * scale,
        ellipticity=psf.ellipticity,
        n_stars=psf.n_stars,
        correlated_noise=ratio,
        radii=radii * scale,
        measured_noise=measured,
        predicted_noise=predicted,
        depth_flux=depth_flux,
        depth=zero_point - 2.5 * math.log10(depth_flux) if depth_flux > 0 else math.nan,
        zero_point=zero_point,
        background_rms=robust_rms(levels[np.isfinite(levels)]),
        oversubtraction=excess,
        oversubtraction_error=excess_error,
        oversubtraction_sigma=excess_sigma,
    )


def _psf(mosaic: Mosaic, poor: NDArray[np.bool_], scale: Quantity) -> MoffatPSF:
    psf = MoffatPSF(math.nan, math.nan, math.nan, math.nan, 0)
    box = _around(~poor)
    if min(poor[box].shape) >= _SMALLEST:
        expected = (_EXPECTED_SEEING / scale).to_value(u.dimensionless_unscaled)
        data, unusable = mosaic.data[box], poor[box]
        stars = find_stars(data, unusable, mosaic.variance[box], fwhm=expected)
        psf = measure_psf(data, unusable, stars)
    if psf.n_stars == 0:
        msg = (
            "the mosaic shows no isolated bright star: its seeing, depth and correlated noise"
            " are unknown (NaN)"
        )
        warnings.warn(msg, QualityWarning, stacklevel=3)
    return psf


def _around(usable: NDArray[np.bool_]) -> tuple[slice, slice]:
    """Return the smallest box that holds all usable pixels."""
    along = (np.flatnonzero(usable.any(axis=axis)) for axis in (1, 0))
    y, x = (slice(places[0], places[-1] + 1) if places.size else slice(0) for places in along)
    return y, x


def _noise_curve(
    mosaic: Mosaic, free: NDArray[np.bool_], fwhm: float, seed: int
) -> tuple[NDArray, NDArray, NDArray, float]:
    """Return radii (pixels), measured and predicted noise, and their ratio at 1 FWHM."""
    nothing = np.empty(0), np.empty(0), np.empty(0), math.nan
    if not math.isfinite(fwhm):
        return nothing
    rng = np.random.default_rng(seed)
    # The border of the mosaic is not free, either.
    clearance = squared_distances(np.pad(free, 1), int(_RADII[-1] * fwhm) + 1)[1:-1, 1:-1]
    measured, predicted, ratio = [], [], []
    for radius in (r * fwhm for r in _RADII):
        sums, expected = _apertures(mosaic.data, mosaic.variance, clearance, radius, rng)
        measured.append(robust_rms(sums))
        predicted.append(float(np.median(expected)) if sums.size else math.nan)
        ratio.append(robust_rms(sums / expected))
    correlated = ratio[1]
    if not math.isfinite(correlated):
        correlated = ratio[0]
        msg = "the mosaic has too little empty sky to measure its noise in apertures of 2 FWHM"
        if math.isfinite(correlated):
            msg += ": its correlated noise is that of apertures of 1 FWHM, its depth unknown"
        warnings.warn(msg, QualityWarning, stacklevel=3)
    return fwhm * np.array(_RADII), np.array(measured), np.array(predicted), correlated


def _apertures(
    data: NDArray[np.float32],
    variance: NDArray[np.float32],
    clearance: NDArray[np.float32],
    radius: float,
    rng: np.random.Generator,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return sums and predicted errors of random apertures that hold no object.

    An aperture is made of the whole pixels whose centres lie within the radius:
    where pixels count in part the variances do not add up.
    """
    places = np.flatnonzero(clearance > radius**2)
    reach = int(radius)
    dy, dx = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    inside = np.hypot(dx, dy) <= radius
    number = min(_MOST_APERTURES, places.size // 4, _MOST_PIXELS // inside.sum())
    if number < _LEAST_APERTURES:
        return np.empty(0), np.empty(0)
    # In their order on the image, neighbours are summed one after the other.
    chosen = np.sort(rng.choice(places, number, replace=False))
    offsets = dy[inside] * data.shape[1] + dx[inside]
    total, variances = aperture_sums(data.ravel(), variance.ravel(), chosen, offsets)
    # Whole pixels have the area of the circle but for a little.
    scale = math.pi * radius**2 / inside.sum()
    return math.sqrt(scale) * total, math.sqrt(scale) * np.sqrt(variances)


def _oversubtraction(
    mosaic: Mosaic, objects: NDArray[np.bool_], empty: NDArray[np.bool_]
) -> tuple[float, float, float]:
    """Return the excess of the far sky over the rings, its error, and it in units of the noise.

    Both are compared in tiles, so that slopes of the sky over the field are no excess.
    """
    near = objects
    if objects.any():
        near = squared_distances(~objects, _RING) <= _RING**2
    ring = near & ~objects & ~empty
    far = ~(near | empty)
    nothing = math.nan, math.nan, math.nan
    if not (ring.any() and far.any()):
        return nothing
    # One row in eight tells them well enough, if there are many.
    rows = slice(None, None, 8 if far[::8].any() else 1)
    beyond = mosaic.data[rows][far[rows]]
    level, noise = float(np.median(beyond)), robust_rms(beyond)
    if not noise > 0:
        return nothing
    # Both means lose the same tails, so that faint sources do not count.
    kept = np.abs(mosaic.data - np.float32(level)) < 3 * noise
    differences, counts = [], []
    for y in range(0, ring.shape[0], _TILE):
        for x in range(0, ring.shape[1], _TILE):
            tile = slice(y, y + _TILE), slice(x, x + _TILE)
            data = mosaic.data[tile]
            beyond, within = (data[part[tile] & kept[tile]] for part in (far, ring))
            if beyond.size and within.size:
                differences.append(np.mean(beyond, dtype=float) - np.mean(within, dtype=float))
                counts.append(1 / (1 / beyond.size + 1 / within.size))
    if not differences:
        return nothing
    excess, weight = np.array(differences), np.array(counts) / np.sum(counts)
    mean = float(excess @ weight)
    error = math.nan
    if len(excess) > 1:
        error = math.sqrt(float((excess - mean) ** 2 @ weight**2))
    return mean, error, mean / noise


def _plain(value: Any) -> Any:
    if isinstance(value, Quantity):
        value = value.to_value(u.arcsec)
    if isinstance(value, np.ndarray) and value.ndim:
        return [_plain(item) for item in value]
    if isinstance(value, int | np.integer):
        return int(value)
    number = float(value)
    return number if math.isfinite(number) else None
