"""Small frames of stars with known places, drawn independently of the library."""

import numpy as np
from astropy.io import fits
from astropy.nddata import CCDData, VarianceUncertainty
from astropy.wcs import WCS

from emirimg.stack import DitherStack

SCALE = 0.1943
GAIN, READ_NOISE, SKY = 5.0, 5.69, 3000.0


def draw_stars(
    shape, x, y, flux, fwhm, *, beta=3.0, oversample=5, ellipticity=0.0, angle=0.0, reach=9
):
    """Return Moffat stars integrated over pixels by brute force."""
    image = np.zeros(shape)
    alpha = fwhm / (2 * np.sqrt(2 ** (1 / beta) - 1))
    ratio = 1 - ellipticity
    half = int(np.ceil(reach * fwhm))
    sub = (np.arange(oversample) + 0.5) / oversample - 0.5
    for x0, y0, f in zip(*np.broadcast_arrays(x, y, flux), strict=True):
        i = np.arange(max(0, round(x0) - half), min(shape[1], round(x0) + half + 1))
        j = np.arange(max(0, round(y0) - half), min(shape[0], round(y0) + half + 1))
        if i.size == 0 or j.size == 0:
            continue
        dx = (i[:, None] + sub).ravel()[None, :] - x0
        dy = (j[:, None] + sub).ravel()[:, None] - y0
        major = np.cos(angle) * dx + np.sin(angle) * dy
        minor = np.cos(angle) * dy - np.sin(angle) * dx
        r2 = (major**2 * ratio + minor**2 / ratio) / alpha**2
        profile = (beta - 1) / (np.pi * alpha**2) * (1 + r2) ** -beta
        blocks = profile.reshape(j.size, oversample, i.size, oversample)
        image[j[0] : j[-1] + 1, i[0] : i[-1] + 1] += f * blocks.mean(axis=(1, 3))
    return image


def with_noise(image, rng, sky=SKY):
    """Return a sky-subtracted exposure of ``image`` and its variance."""
    variance = (sky + np.maximum(image, 0)) / GAIN + READ_NOISE**2
    noisy = image + rng.normal(size=image.shape) * np.sqrt(variance)
    return noisy.astype("f4"), variance.astype("f4")


def zpn_wcs(crval, shape, rotation=0.0):
    """Return a distorted WCS like that of the camera, for a small detector."""
    wcs = WCS(naxis=2)
    wcs.wcs.ctype = ["RA---ZPN", "DEC--ZPN"]
    wcs.wcs.crval = crval
    wcs.wcs.crpix = [shape[1] / 2 - 3.5, shape[0] / 2 + 2.5]
    c, s = np.cos(rotation), np.sin(rotation)
    wcs.wcs.cd = np.array([[c, -s], [s, c]]) @ np.array([[-SCALE, 0], [0, SCALE]]) / 3600
    wcs.wcs.set_pv([(2, 1, 1.0), (2, 3, 14584.8), (2, 5, 1755295542.4)])
    wcs.wcs.radesys = "FK5"
    wcs.wcs.equinox = 2000.0
    wcs.wcs.set()
    return wcs


def header_of(index):
    header = fits.Header()
    header["DATE-OBS"] = f"2018-12-17T23:{index % 60:02d}:00.0"
    header["EXPTIME"] = 40.0
    return header


def as_frame(image, variance, wcs, index, mask=None):
    if mask is None:
        mask = np.zeros(image.shape, dtype=bool)
    return CCDData(
        image, mask=mask, uncertainty=VarianceUncertainty(variance), unit="adu",
        meta=header_of(index), wcs=wcs,
    )  # fmt: skip


def dithered_stack(
    n_frames=5,
    n_stars=40,
    shape=(256, 256),
    *,
    seed=1,
    fwhm=3.5,
    error=6.0,
    dither=15.0,
    rotations=None,
    transparency=None,
    faintest=6e3,
    brightest=1e5,
    errors=None,
):
    """Return a stack with wrong pointings, and its true WCSs.

    ``error`` is the rms of the errors of the pointings, in pixels.
    """
    rng = np.random.default_rng(seed)
    centre = np.array([150.0, 40.0])
    to_deg = SCALE / 3600 / np.array([np.cos(np.radians(centre[1])), 1.0])
    stars = zpn_wcs(centre, shape).wcs_pix2world(
        rng.uniform(-20, np.array(shape[::-1]) + 20, (n_stars, 2)), 0
    )
    flux = np.exp(rng.uniform(np.log(faintest), np.log(brightest), n_stars))
    widths = np.broadcast_to(fwhm, n_frames)
    rotations = np.broadcast_to(0.0 if rotations is None else rotations, n_frames)
    transparency = np.broadcast_to(1.0 if transparency is None else transparency, n_frames)
    if errors is None:
        errors = rng.normal(size=(n_frames, 2)) * error
    frames, true = [], []
    for index in range(n_frames):
        claimed = centre + rng.uniform(-dither, dither, 2) * to_deg
        actual = claimed + np.asarray(errors[index]) * to_deg
        wcs = zpn_wcs(actual, shape, rotations[index])
        x, y = wcs.wcs_world2pix(stars, 0).T
        image = draw_stars(shape, x, y, flux * transparency[index], widths[index], oversample=3)
        image, variance = with_noise(image, rng)
        frames.append(as_frame(image, variance, zpn_wcs(claimed, shape), index))
        true.append(wcs)
    return DitherStack.from_frames(frames), true


def stack_of_places(places, shifts, rotations=None, shape=(256, 256)):
    """Return frames whose headers agree, with stars at shifted places, and true WCSs."""
    rng = np.random.default_rng(5)
    rotations = np.zeros(len(shifts)) if rotations is None else rotations
    header = zpn_wcs([150, 40], shape)
    sky = header.wcs_pix2world(places, 0)
    frames, true = [], []
    for index, (shift, rotation) in enumerate(zip(shifts, rotations, strict=True)):
        wcs = zpn_wcs([150, 40], shape, rotation)
        place = header.wcs_pix2world([wcs.wcs.crpix - np.array(shift)], 1)[0]
        wcs.wcs.crval = place
        wcs.wcs.set()
        image = draw_stars(shape, *wcs.wcs_world2pix(sky, 0).T, 5e4, 3.5)
        frames.append(as_frame(*with_noise(image, rng), header.deepcopy(), index))
        true.append(wcs)
    return DitherStack.from_frames(frames), true


def registration_errors(wcss, true, shape):
    """Return errors in pixels, shape (n_frames, n_points, 2), one common shift removed."""
    y, x = np.mgrid[10 : shape[0] - 10 : 5j, 10 : shape[1] - 10 : 5j]
    points = np.column_stack([x.ravel(), y.ravel()])
    errors = []
    for wcs, truth in zip(wcss, true, strict=True):
        sky, want = wcs.wcs_pix2world(points, 0), truth.wcs_pix2world(points, 0)
        step = np.array([np.cos(np.radians(40.0)), 1.0]) * 3600 / SCALE
        errors.append((sky - want) * step)
    errors = np.array(errors)
    return errors - np.median(errors, axis=(0, 1))
