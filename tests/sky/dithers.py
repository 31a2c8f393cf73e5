"""Dithered exposures with a known sky."""

from types import SimpleNamespace

import numpy as np
from astropy.io.fits import Header
from astropy.nddata import CCDData, VarianceUncertainty

from emirimg.stack import DitherStack

HAWAII2 = "2018-12-17T23:{minute:02d}:00"
H2RG = "2024-02-03T23:{minute:02d}:00"


def smooth_shape(shape):
    """Return a ring of scattered light and a tilt, around 1."""
    y, x = np.mgrid[: shape[0], : shape[1]] / max(shape) - 0.5
    ring = 0.08 * np.exp(-(((np.hypot(y, x) - 0.3) / 0.1) ** 2))
    return 1 + ring + 0.05 * x - 0.03 * y


def dither(
    pointings,
    *,
    shape=(128, 128),
    levels=None,
    sky_shape=None,
    extra=None,
    n_stars=0,
    date=HAWAII2,
    noise=True,
    seed=1,
):
    """Make frames and their truth.

    ``extra`` maps the number of a frame to an image that is added to it.
    Returns a namespace with stack, levels, sky (images), objects (masks).
    """
    rng = np.random.default_rng(seed)
    n = len(pointings)
    levels = 2800 * (1 + 0.01 * np.arange(n)) if levels is None else np.asarray(levels)
    sky_shape = smooth_shape(shape) if sky_shape is None else sky_shape
    y, x = np.mgrid[: shape[0], : shape[1]]
    stars = np.column_stack(
        [rng.uniform(-20, max(shape) + 20, (n_stars, 2)), 10 ** rng.uniform(2.5, 4.5, n_stars)]
    )
    offsets = np.random.default_rng(7).uniform(-20, 20, (max(pointings) + 1, 2))
    frames, skies, objects = [], [], []
    for number, (pointing, level) in enumerate(zip(pointings, levels, strict=True)):
        light = np.zeros(shape)
        for sy, sx, flux in stars:
            r2 = (y - sy - offsets[pointing, 0]) ** 2 + (x - sx - offsets[pointing, 1]) ** 2
            light += flux / (2 * np.pi * 1.7**2) * np.exp(-r2 / (2 * 1.7**2))
        sky = level * sky_shape
        variance = (sky + light) / 5 + 5.69**2
        data = sky + light + noise * rng.normal(0, np.sqrt(variance))
        if extra and number in extra:
            data = data + extra[number]
        meta = Header(
            {"DATE-OBS": date.format(minute=10 + number), "EXPTIME": 30.0, "GAIN": 5.0,
             "RDNOISE": 5.69}
        )  # fmt: skip
        frames.append(
            CCDData(
                data.astype("f4"), unit="adu", mask=np.zeros(shape, bool), meta=meta,
                uncertainty=VarianceUncertainty(variance.astype("f4")),
            )
        )  # fmt: skip
        skies.append(sky)
        objects.append(light > 1)
    plain = DitherStack.from_frames(frames)
    stack = DitherStack(frames, plain.names, plain.metadata, np.array(pointings))
    return SimpleNamespace(stack=stack, levels=levels, sky=skies, objects=objects)


def flat_frame(*, shape=(128, 128), noise=24.0, date=HAWAII2, seed=1):
    """Return a sky-subtracted frame without any residual."""
    data = np.random.default_rng(seed).normal(0, noise, shape).astype("f4")
    meta = Header({"DATE-OBS": date.format(minute=10), "EXPTIME": 30.0})
    return CCDData(
        data, unit="adu", mask=np.zeros(shape, bool), meta=meta,
        uncertainty=VarianceUncertainty(np.full(shape, noise**2, "f4")),
    )  # fmt: skip
