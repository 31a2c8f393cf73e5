"""Artificial stars: where they lie, and their light in a raw exposure."""

from __future__ import annotations

import astropy.units as u
import numpy as np
from astropy.nddata import CCDData
from astropy.table import QTable
from astropy.wcs import WCS
from numpy.typing import NDArray
from scipy.ndimage import binary_erosion

from ...alignment.psf import MoffatPSF
from ...combine.mosaic import Mosaic
from ...exceptions import InputError
from ...instrument import pixel_area

__all__ = ["add_stars", "draw_stars", "mean_scale", "moffat_image"]

_REACH = 12.0
"""Radius, in FWHM, to which a star is drawn."""
_APART = 12.0
"""Least distance between artificial stars, in x or y and in FWHM: none disturbs another."""
_TRIES = 20
_NODES = 17


def draw_stars(
    mosaic: Mosaic,
    n_stars: int,
    *,
    fluxes: tuple[float, float],
    fwhm: float,
    seed: int = 1,
) -> QTable:
    """Draw artificial stars of random places and magnitudes.

    Parameters
    ----------
    mosaic : Mosaic
        The stars lie where it has values, on whatever is there.
    n_stars : int
        How many there shall be, at most: they keep 12 FWHM from each other.
    fluxes : tuple of float
        Faintest and brightest flux, in ADU of the mosaic; the magnitudes
        between them are equally frequent.
    fwhm : float
        Full width at half maximum of a star, in pixels of the mosaic.
    seed : int, optional
        Seed of the random numbers. Default: 1.

    Returns
    -------
    `~astropy.table.QTable`
        ``ra``, ``dec`` (deg), ``x``, ``y`` (0-based pixels of the mosaic) and
        ``flux`` (ADU).

    Raises
    ------
    InputError
        If the mosaic has no room for a star.

    Examples
    --------
    >>> from emirimg import DitherReducer
    >>> from emirimg.simulation import Scene
    >>> scene = Scene(n_exposures=3, shape=(256, 256), n_stars=60, n_galaxies=5, dither_scale=0.2)
    >>> exposures = [scene.exposure(index) for index in range(3)]
    >>> result = DitherReducer(passes=1).reduce(exposures)  # doctest: +IGNORE_WARNINGS
    >>> from emirimg.simulation import draw_stars
    >>> stars = draw_stars(result.mosaic, 10, fluxes=(1e3, 1e5), fwhm=4.0)
    >>> stars.colnames, len(stars)
    (['ra', 'dec', 'x', 'y', 'flux'], 10)
    """
    random = np.random.default_rng(seed)
    room = binary_erosion(~mosaic.mask, iterations=int(np.ceil(2 * fwhm)))
    pixels = np.flatnonzero(room)
    if pixels.size == 0:
        msg = f"the mosaic has no room for a star with a FWHM of {fwhm:.1f} pixels"
        raise InputError(msg)
    apart = int(np.ceil(_APART * fwhm)) + 1
    chosen: list[tuple[int, int]] = []
    for pixel in random.choice(pixels, _TRIES * n_stars):
        j, i = divmod(int(pixel), room.shape[1])
        if room[j, i] and len(chosen) < n_stars:
            chosen.append((i, j))
            room[max(0, j - apart) : j + apart + 1, max(0, i - apart) : i + apart + 1] = False
    x, y = np.transpose(chosen + random.uniform(-0.5, 0.5, (len(chosen), 2)))
    ra, dec = mosaic.grid.wcs.wcs_pix2world(x, y, 0)
    low, high = fluxes
    table = QTable()
    table["ra"], table["dec"] = ra * u.deg, dec * u.deg
    table["x"], table["y"] = x, y
    table["flux"] = low * (high / low) ** random.uniform(size=len(chosen))
    return table


def add_stars(
    raw: CCDData,
    stars: QTable,
    *,
    wcs: WCS,
    psf: MoffatPSF,
    transparency: float = 1.0,
    flat: NDArray[np.floating] | None = None,
    gain: float,
    saturation: float = np.inf,
    seed: int = 1,
) -> CCDData:
    r"""Add the light of stars to a raw exposure.

    Parameters
    ----------
    raw : `~astropy.nddata.CCDData`
        Raw exposure, in ADU.
    stars : `~astropy.table.QTable`
        ``ra``, ``dec`` and ``flux``, in ADU at full transparency.
    wcs : `~astropy.wcs.WCS`
        Where the exposure really lies on the sky, distortion included.
    psf : MoffatPSF
        Profile of a star in the exposure, as pixels sample it, in the mean
        of the exposure. It is the same everywhere on the sky: where pixels see
        less sky than in the mean, it is wider in pixels.
    transparency : float, optional
        Factor on all fluxes. Default: 1.
    flat : `~numpy.ndarray`, optional
        Response from pixel to pixel. Default: the same everywhere.
    gain : float
        Electrons per ADU.
    saturation : float, optional
        Level, in ADU, at which the exposure is cut off. Default: none.
    seed : int, optional
        Seed of the noise. Default: 1.

    Returns
    -------
    `~astropy.nddata.CCDData`
        The exposure with the stars.

    Notes
    -----
    The expected counts are flux x transparency x profile x flat; what is
    added is a Poisson deviate of them, in electrons. The noise of the sky and
    the read noise are in the exposure already.

    Examples
    --------
    >>> import astropy.units as u
    >>> from astropy.table import QTable
    >>> from emirimg.alignment.psf import MoffatPSF
    >>> from emirimg.simulation import Scene, add_stars
    >>> scene = Scene(shape=(96, 96), n_stars=0, n_galaxies=0)
    >>> raw, wcs = scene.exposure(0), scene.truth.wcs(0)
    >>> ra, dec = wcs.wcs_pix2world([48.0], [40.0], 0) * u.deg
    >>> star = QTable({"ra": ra, "dec": dec, "flux": [1e6]})
    >>> psf = MoffatPSF(fwhm=4.0, beta=3.0, ellipticity=0.0, angle=0.0, n_stars=1)
    >>> found = add_stars(raw, star, wcs=wcs, psf=psf, gain=5.0)
    >>> bool(abs((found.data - raw.data).sum() / 1e6 - 1) < 0.01)
    True
    """
    random = np.random.default_rng(seed)
    light = np.zeros(raw.data.shape, dtype=np.float64)
    ny, nx = light.shape
    reach = int(np.ceil(_REACH * psf.fwhm))
    x, y = wcs.wcs_world2pix(stars["ra"].to_value(u.deg), stars["dec"].to_value(u.deg), 0)
    near = (x > -reach) & (x < nx + reach) & (y > -reach) & (y < ny + reach)
    x, y, fluxes = x[near], y[near], np.asarray(stars["flux"])[near]
    scales = np.sqrt(pixel_area(wcs, x, y)) / mean_scale(wcs, raw.data.shape)
    for x0, y0, flux, scale in zip(x, y, fluxes, scales, strict=True):
        rows, columns = (
            slice(max(0, round(c) - reach), max(0, min(size, round(c) + reach + 1)))
            for c, size in ((y0, ny), (x0, nx))
        )
        j, i = np.mgrid[rows, columns]
        light[rows, columns] += (
            flux * transparency * scale**2 * _moffat(psf, scale * (i - x0), scale * (j - y0))
        )
    if flat is not None:
        light *= np.clip(np.nan_to_num(flat), 0, None)
    added = random.poisson(light * gain) / gain
    result = raw.copy()
    data = np.minimum(raw.data + added, np.maximum(raw.data, saturation))
    if np.issubdtype(raw.data.dtype, np.integer):
        data = np.rint(data)
    result.data = data.astype(raw.data.dtype)
    return result


def mean_scale(wcs: WCS, shape: tuple[int, int]) -> float:
    """Return the mean width of the pixels of an exposure, relative to the reference pixel."""
    y, x = (np.linspace(0, size - 1, _NODES) for size in shape)
    return float(np.mean(np.sqrt(pixel_area(wcs, x[None, :], y[:, None]))))


def moffat_image(psf: MoffatPSF, half_size: int, scale: float = 1.0) -> NDArray[np.float64]:
    """Return a star of flux 1 at the centre of a square image.

    Parameters
    ----------
    psf : MoffatPSF
        Its profile.
    half_size : int
        The image has ``2 half_size + 1`` pixels on a side.
    scale : float, optional
        Width of a pixel of the image in those of the profile. Default: 1.
    """
    j, i = np.mgrid[-half_size : half_size + 1, -half_size : half_size + 1]
    return scale**2 * _moffat(psf, scale * i, scale * j)


def _moffat(
    psf: MoffatPSF, dx: NDArray[np.floating], dy: NDArray[np.floating]
) -> NDArray[np.float64]:
    """Return the profile of total 1 at some places."""
    ratio = np.sqrt(1 - psf.ellipticity)
    cos, sin = np.cos(psf.angle), np.sin(psf.angle)
    along, across = cos * dx + sin * dy, -sin * dx + cos * dy
    r2 = ((along * ratio) ** 2 + (across / ratio) ** 2) / psf.alpha**2
    return (psf.beta - 1) / (np.pi * psf.alpha**2) * (1 + r2) ** -psf.beta
