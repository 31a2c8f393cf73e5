"""Pictures of pixels for a page: the mosaic, what lies over it, and small exposures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import matplotlib as mpl
import numpy as np
from numpy.typing import NDArray

from .._html import png_uri
from .._parallel import row_bands
from ..combine.mosaic import Mosaic
from ..dither import FrameRecord
from ..objects.background import block_mean, robust_rms
from ..objects.mask import ObjectMask
from .stretch import sky_and_noise

__all__ = ["ScaledImage", "SmallExposure", "coverage_overlay", "object_outlines", "scale_image",
           "small_exposures"]  # fmt: skip

_MOST_PIXELS = 7_000_000
_FAINTEST, _BRIGHTEST = -8.0, 3000.0
_SOFTENING = 8.0
"""All three in units of the noise of a pixel."""
_OVERLAY_SIDE = 600
_MOST_EXPOSURES = 100
"""Of more exposures, every second, third, ... pixel is shown, or the page would grow."""
_OUTLINE = np.array([[0, 0, 0, 0], [255, 120, 0, 255]], dtype=np.uint8)
_BAND = 64
"""Rows that are worked on together, so that they stay in the cache."""


@dataclass(frozen=True)
class ScaledImage:
    """A mosaic in 255 shades, from which a browser can make any stretch.

    Parameters
    ----------
    uri : str
        The picture; what is not covered is transparent.
    shape : tuple of int
        Its shape (ny, nx).
    step : int
        Pixels of the mosaic along the side of one of its own.
    sky, noise : float
        Median and noise of the picture's pixels, in ADU.
    low, high : float
        Inverse hyperbolic sines of the darkest and the brightest shade.
    softening : float
        A value v, in units of the noise above the sky, has the shade
        arcsinh(v / softening).
    """

    uri: str
    shape: tuple[int, int]
    step: int
    sky: float
    noise: float
    low: float
    high: float
    softening: float = _SOFTENING

    def shade(self, value: float) -> float:
        """Return where, from 0 to 1, a value (noise above the sky) lies among the shades."""
        return float((np.arcsinh(value / self.softening) - self.low) / (self.high - self.low))


def scale_image(mosaic: Mosaic, *, most_pixels: int = _MOST_PIXELS) -> ScaledImage:
    """Turn a mosaic into shades of grey that are the finest at the level of the sky.

    Parameters
    ----------
    mosaic : Mosaic
        The mosaic.
    most_pixels : int, optional
        A larger one is averaged in blocks until it has no more pixels than this.

    Notes
    -----
    The shades are those of an inverse hyperbolic sine: about four of them are as
    wide as the noise at the level of the sky, and the brightest is 3000 times
    the noise.
    """
    step = int(np.ceil(np.sqrt(mosaic.data.size / most_pixels)))
    image = block_mean(mosaic.data, mosaic.mask, step) if step > 1 else mosaic.data
    absent = ~np.isfinite(image) if step > 1 else mosaic.mask
    sky, noise = sky_and_noise(image, absent)
    low, high = np.arcsinh(np.array([_FAINTEST, _BRIGHTEST]) / _SOFTENING)
    shades = np.empty(image.shape, dtype=np.uint8)
    for band in row_bands(len(image), _BAND):
        part = np.arcsinh((image[band] - np.float32(sky)) / np.float32(_SOFTENING * noise))
        part = 1.5 + 254 * np.clip((part - np.float32(low)) / np.float32(high - low), 0, 1)
        part[absent[band]] = 0
        shades[band] = np.minimum(part, 255)
    return ScaledImage(
        png_uri(shades, absent=True), image.shape, step, sky, noise, float(low), float(high)
    )


def coverage_overlay(mosaic: Mosaic) -> str:
    """Return the number of exposures in colours, as a data URI."""
    step = max(1, -(-max(mosaic.grid.shape) // _OVERLAY_SIDE))
    coverage = mosaic.coverage[::step, ::step]
    colours = np.asarray(mpl.colormaps["viridis"](np.arange(256), bytes=True))
    colours[0] = 0
    part = coverage / np.float32(max(1, int(mosaic.coverage.max())))
    shades = np.where(coverage > 0, np.clip(256 * part, 1, 255), 0).astype(np.uint8)
    return png_uri(shades, palette=colours)


def object_outlines(objects: ObjectMask, step: int) -> str:
    """Return the outlines of the objects, as a data URI.

    Parameters
    ----------
    objects : ObjectMask
        The objects.
    step : int
        Side of the blocks of the image over which they are laid.
    """
    mask = np.pad(objects.mask[::step, ::step], 1)
    # A pixel of a rim has a neighbour, in its row or its column, on the other side.
    along_y = mask[1:, 1:-1] ^ mask[:-1, 1:-1]
    along_x = mask[1:-1, 1:] ^ mask[1:-1, :-1]
    rim = along_y[1:] | along_y[:-1] | along_x[:, 1:] | along_x[:, :-1]
    return png_uri(rim, palette=_OUTLINE)


@dataclass(frozen=True)
class SmallExposure:
    """An exposure before and after the subtraction of its sky, as data URIs."""

    number: int
    name: str
    before: str
    after: str
    used: bool


def small_exposures(frames: Sequence[FrameRecord]) -> list[SmallExposure]:
    """Return pictures of the exposures; those of which there is none are left out.

    Notes
    -----
    All exposures have the same stretch: before, the central 98 % of what deviates
    from the median of each; after, from -4 to 12 times the noise of the blocks.
    """
    shown = [
        (number, frame, frame.before, frame.after)
        for number, frame in enumerate(frames, start=1)
        if frame.before is not None and frame.after is not None
    ]
    if not shown:
        return []
    step = int(np.ceil(np.sqrt(len(shown) / _MOST_EXPOSURES)))
    before = [_around_median(image[::step, ::step]) for _, _, image, _ in shown]
    after = [_around_median(image[::step, ::step]) for _, _, _, image in shown]
    values = np.concatenate([image[np.isfinite(image)] for image in before])
    low, high = np.percentile(values, [1, 99]) if values.size else (0.0, 1.0)
    values = np.concatenate([image[np.isfinite(image)] for image in after])
    noise = robust_rms(values) if values.size else 1.0
    return [
        SmallExposure(
            number,
            frame.name,
            _grey(first, low, high),
            _grey(last, -4 * noise, 12 * noise),
            frame.weight > 0,
        )
        for (number, frame, _, _), first, last in zip(shown, before, after, strict=True)
    ]


def _around_median(image: NDArray[np.float32]) -> NDArray[np.float32]:
    known = image[np.isfinite(image)]
    return image - np.median(known) if known.size else image


def _grey(image: NDArray[np.float32], low: float, high: float) -> str:
    part = np.clip((image - low) / max(high - low, 1e-12), 0, 1)
    return png_uri(np.where(np.isfinite(image), 255 - 254 * part, 0).astype(np.uint8), absent=True)
