"""Small frames on a distorted sky, and stars on them."""

import numpy as np
from astropy.io.fits import Header
from astropy.nddata import CCDData, VarianceUncertainty

from emirimg.instrument import frame_wcs

CORNER = (1800.0, 1780.0)
"""Detector pixel (x, y) at which a small frame begins: the distortion is large there."""


def distorted_wcs(start=(0.0, 0.0), *, rotation=0.0, ra=150.0, dec=20.0, radesys="FK5"):
    """The WCS of EMIR in 2020, of a detector window that begins at pixel ``start``."""
    angle, step = np.radians(rotation), 5.396e-5
    header = Header()
    header.update(
        CTYPE1="RA---ZPN", CTYPE2="DEC--ZPN", CRVAL1=ra, CRVAL2=dec, RADESYS=radesys,
        CRPIX1=1022.46 - start[0], CRPIX2=1016.55 - start[1],
        CD1_1=-step * np.cos(angle), CD1_2=step * np.sin(angle),
        CD2_1=step * np.sin(angle), CD2_2=step * np.cos(angle),
        PV2_1=1.0, PV2_3=14584.8, PV2_5=1755295542.4,
    )  # fmt: skip
    if radesys == "FK5":
        header["EQUINOX"] = 2000.0
    return frame_wcs(header)


def frame_of(data, wcs, *, mask=None, variance=1.0):
    """A frame with constant variance."""
    return CCDData(
        data.astype(np.float32),
        unit="adu",
        wcs=wcs,
        mask=mask,
        uncertainty=VarianceUncertainty(np.full(data.shape, variance, dtype=np.float32)),
    )


def moffat(shape, x, y, *, fwhm=4.0, beta=3.0, oversampling=5, shear=None):
    """A star of flux 1, integrated over pixels; ``shear`` takes offsets to the round star's."""
    shear = np.eye(2) if shear is None else shear
    core = fwhm / 2 / np.sqrt(2 ** (1 / beta) - 1)
    along = [(np.arange(n * oversampling) + 0.5) / oversampling - 0.5 for n in shape]
    dy, dx = np.meshgrid(along[0] - y, along[1] - x, indexing="ij")
    u = shear[0, 0] * dx + shear[0, 1] * dy
    v = shear[1, 0] * dx + shear[1, 1] * dy
    profile = (1 + (u**2 + v**2) / core**2) ** -beta * (beta - 1) / (np.pi * core**2)
    blocks = profile.reshape(shape[0], oversampling, shape[1], oversampling)
    return blocks.mean(axis=(1, 3)) * abs(np.linalg.det(shear))


def whole_plane(projected, grid, name="data"):
    """One plane of a projected frame, in the shape of the grid."""
    plane = np.ones(grid.shape, dtype=bool) if name == "mask" else np.zeros(grid.shape)
    plane[projected.window] = getattr(projected, name)
    return plane
