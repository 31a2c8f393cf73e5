"""Small mosaics with known sources and known noise."""

import numpy as np
from astropy.io import fits
from astropy.wcs import WCS

from emirimg.combine.mosaic import Mosaic
from emirimg.projection.grid import MosaicGrid

SCALE = 0.2
SHAPE = (300, 320)
SIGMA = 5.0


def tan_wcs(shape=SHAPE, scale=SCALE):
    wcs = WCS(naxis=2)
    wcs.wcs.ctype = ["RA---TAN", "DEC--TAN"]
    wcs.wcs.crval = [150.0, 30.0]
    wcs.wcs.crpix = [(shape[1] + 1) / 2, (shape[0] + 1) / 2]
    wcs.wcs.cd = [[-scale / 3600, 0], [0, scale / 3600]]
    wcs.wcs.set()
    return wcs


def moffat(shape, x, y, flux, fwhm, beta=3.0, ratio=1.0):
    """Return one Moffat source, sampled at the pixel centres."""
    alpha = fwhm / (2 * np.sqrt(2 ** (1 / beta) - 1))
    j, i = np.mgrid[: shape[0], : shape[1]]
    r2 = ((i - x) ** 2 * ratio + (j - y) ** 2 / ratio) / alpha**2
    return flux * (beta - 1) / (np.pi * alpha**2) * (1 + r2) ** -beta


def sources(x, y, flux, fwhm=4.0, shape=SHAPE):
    image = np.zeros(shape)
    for x0, y0, f in zip(*np.broadcast_arrays(x, y, flux), strict=True):
        image += moffat(shape, x0, y0, f, fwhm)
    return image


def random_sources(rng, number, low=2e3, high=2e5, shape=SHAPE):
    """Return places, not too close to each other, and fluxes."""
    places = []
    while len(places) < number:
        place = rng.uniform(15, np.array(shape[::-1]) - 15)
        if all(np.hypot(*(place - other)) > 25 for other in places):
            places.append(place)
    x, y = np.array(places).T
    return x, y, np.exp(rng.uniform(np.log(low), np.log(high), number))


def mosaic_of(image, rng, *, sigma=SIGMA, kernel=None, mask=None, coverage=None):
    """Return a mosaic of an image with noise, correlated by a kernel if one is given."""
    noise = rng.normal(size=image.shape)
    if kernel is not None:
        noise = kernel(noise)
    variance = np.full(image.shape, sigma**2, dtype="f4")
    mask = np.zeros(image.shape, dtype=bool) if mask is None else mask
    data = np.where(mask, 0, image + sigma * noise).astype("f4")
    if coverage is None:
        coverage = np.where(mask, 0, 10).astype("i2")
    return Mosaic(
        MosaicGrid(tan_wcs(image.shape), image.shape), data, np.where(mask, 0, variance),
        mask, coverage, (40.0 * coverage).astype("f4"), fits.Header(),
    )  # fmt: skip
