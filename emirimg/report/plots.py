"""A quick look at a mosaic."""

from __future__ import annotations

from functools import reduce

import astropy.units as u
import numpy as np
from astropy.visualization import AsinhStretch, ImageNormalize
from astropy.visualization.wcsaxes import WCSAxes, add_scalebar
from astropy.wcs import WCS
from matplotlib.axes import Axes
from matplotlib.colors import BoundaryNorm
from matplotlib.figure import Figure
from matplotlib.ticker import FixedFormatter, FixedLocator, MaxNLocator
from numpy.typing import NDArray

from .._wording import counted
from ..combine.mosaic import Mosaic
from ..objects.background import block_mean
from ..objects.mask import ObjectMask
from ..objects.quality import MosaicQuality
from .charts import draw_noise
from .panels import label_sky
from .stretch import sky_and_noise

__all__ = ["plot_mosaic", "plot_noise_curve"]

_SIZE = 800
"""Larger images are averaged in blocks until their sides are shorter than this."""

_FIGURE, _PANEL = (12.0, 5.7), 4.6
_LEFT, _RIGHT, _BOTTOM = 0.9, 6.65, 0.52
"""Sizes and places in inches: to let Matplotlib lay out the figure takes longer than to
draw it."""

_ABSENT = "#d8dde3"
_MARK = "#d2491a"


def plot_mosaic(mosaic: Mosaic, objects: ObjectMask | None = None) -> Figure:
    """Draw a mosaic and its coverage side by side.

    Parameters
    ----------
    mosaic : Mosaic
        The mosaic; large ones are averaged in blocks.
    objects : ObjectMask, optional
        Objects, which are outlined on the coverage.

    Returns
    -------
    `~matplotlib.figure.Figure`
        1800 x 855 pixels; ``figure.savefig(path)`` writes it.

    Notes
    -----
    The stretch is an inverse hyperbolic sine from -3 to 150 times the noise
    of the (averaged) background, so that the noise of the sky and faint
    objects show and bright ones keep their shape.

    Examples
    --------
    >>> from emirimg import DitherReducer
    >>> from emirimg.simulation import Scene
    >>> scene = Scene(n_exposures=3, shape=(256, 256), n_stars=60, n_galaxies=5, dither_scale=0.2)
    >>> exposures = [scene.exposure(index) for index in range(3)]
    >>> result = DitherReducer(passes=1).reduce(exposures)  # doctest: +IGNORE_WARNINGS
    >>> from emirimg.report import plot_mosaic
    >>> figure = plot_mosaic(result.mosaic, result.objects)
    >>> [axes.get_title() for axes in figure.axes[:2]]
    ['Image', 'Number of exposures, objects outlined']
    """
    step = max(1, -(-max(mosaic.grid.shape) // _SIZE))
    wcs = _in_blocks(mosaic.grid.wcs, step)
    image = block_mean(mosaic.data, mosaic.mask, step)
    coverage = _block_max(mosaic.coverage, step)

    figure = Figure(figsize=_FIGURE, dpi=150)
    figure.suptitle(_title(mosaic), parse_math=False)
    left, right = (
        figure.add_axes((x / _FIGURE[0], _BOTTOM / _FIGURE[1], _PANEL / _FIGURE[0],
                         _PANEL / _FIGURE[1]), projection=wcs)
        for x in (_LEFT, _RIGHT)
    )  # fmt: skip
    _draw_image(left, image)
    _draw_coverage(right, coverage)
    if objects is not None:
        outlines = block_mean(objects.mask, None, step)
        if outlines.any():
            right.contour(outlines, levels=[0.5], colors=[_MARK], linewidths=0.4)
            right.set_title("Number of exposures, objects outlined", y=1.0)
    label_sky(left)
    label_sky(right)
    right.coords[1].set_axislabel(" ")
    right.coords[1].set_ticklabel_visible(False)
    _draw_scale(left, wcs, image.shape)
    _draw_compass(left, wcs, image.shape)
    return figure


def plot_noise_curve(quality: MosaicQuality) -> Figure:
    """Draw the noise in apertures against their diameter, measured and predicted.

    Parameters
    ----------
    quality : MosaicQuality
        As measured on a mosaic.

    Returns
    -------
    `~matplotlib.figure.Figure`
        900 x 750 pixels; ``figure.savefig(path)`` writes it.

    Notes
    -----
    The prediction adds the variances of the pixels. Measured noise that rises above
    it with the aperture is correlated between pixels: by the resampling on small
    scales, by the sky subtraction on large ones.

    Examples
    --------
    >>> from emirimg import DitherReducer
    >>> from emirimg.simulation import Scene
    >>> scene = Scene(n_exposures=3, shape=(256, 256), n_stars=60, n_galaxies=5, dither_scale=0.2)
    >>> exposures = [scene.exposure(index) for index in range(3)]
    >>> result = DitherReducer(passes=1).reduce(exposures)  # doctest: +IGNORE_WARNINGS
    >>> from emirimg.report import plot_noise_curve
    >>> figure = plot_noise_curve(result.quality)
    >>> figure.axes[0].get_title()
    'Noise in empty apertures'
    """
    figure = Figure(figsize=(6, 5), dpi=150, layout="constrained")
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=[2, 1])
    draw_noise(quality, upper)
    upper.set_xlabel("")
    known = np.isfinite(quality.measured_noise)
    diameter = 2 * quality.radii.to_value(u.arcsec)[known]
    ratio = quality.measured_noise[known] / quality.predicted_noise[known]
    lower.plot(diameter, ratio, "o-", color=_MARK)
    lower.axhline(1, color="0.4", linestyle="--")
    lower.set(xlabel="Diameter (arcsec)", ylabel="measured / predicted")
    return figure


def _title(mosaic: Mosaic) -> str:
    header = mosaic.header
    parts = [
        " ".join(str(header[key]) for key in ("OBJECT", "FILTER") if header.get(key)),
        f"{counted(mosaic.coverage.max(), 'exposure')}, {mosaic.exposure.max():.0f} s",
    ]
    if "SEEING" in header:
        parts.append(f'seeing {header["SEEING"]:.2f}"')
    return "   |   ".join(part for part in parts if part)


def _draw_image(axes: WCSAxes, image: NDArray[np.float32]) -> None:
    sky, noise = sky_and_noise(image, ~np.isfinite(image))
    norm = ImageNormalize(
        vmin=sky - 3 * noise, vmax=sky + 150 * noise, stretch=AsinhStretch(0.03), clip=False
    )
    drawn = axes.imshow(image, norm=norm, cmap="gray_r", origin="lower")
    axes.set_facecolor(_ABSENT)
    axes.set_title("Image", y=1.0)
    bar = axes.figure.colorbar(drawn, cax=_beside(axes), label="ADU per exposure")
    ticks = sky + noise * np.array([0, 10, 30, 60, 100, 150])
    bar.ax.yaxis.set_major_locator(FixedLocator(ticks))
    texts = [f"{tick:.0f}" if abs(tick) >= 100 else f"{tick:.3g}" for tick in ticks]
    bar.ax.yaxis.set_major_formatter(FixedFormatter(texts))
    bar.ax.minorticks_off()


def _draw_coverage(axes: WCSAxes, coverage: NDArray[np.int16]) -> None:
    most = max(1, int(coverage.max()))
    norm = BoundaryNorm(np.arange(0.5, most + 1), 256)
    shown = np.where(coverage > 0, coverage.astype(np.float32), np.float32(np.nan))
    drawn = axes.imshow(shown, cmap="GnBu", norm=norm, origin="lower", interpolation="nearest")
    axes.set_facecolor(_ABSENT)
    axes.set_title("Number of exposures", y=1.0)
    bar = axes.figure.colorbar(drawn, cax=_beside(axes))
    bar.ax.yaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    bar.ax.minorticks_off()


def _draw_scale(axes: WCSAxes, wcs: WCS, shape: tuple[int, int]) -> None:
    width = _pixel_size(wcs) * shape[1]
    lengths = (0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600) * u.arcsec
    length = max(lengths[lengths <= width / 4], default=lengths[0])
    minutes = length.to_value(u.arcmin)
    text = f"{minutes:g}\u2032" if minutes >= 1 else f"{length.value:g}\u2033"
    add_scalebar(
        axes, length, label=text, corner="bottom left", color=_MARK, frame=True,
        borderpad=0.5, pad=0.4,
    )  # fmt: skip


def _draw_compass(axes: Axes, wcs: WCS, shape: tuple[int, int]) -> None:
    """Draw arrows to the north and east in the upper left corner."""
    ny, nx = shape
    start = np.array([0.93 * nx, 0.84 * ny])
    sky = wcs.pixel_to_world(*start)
    step = 10 * _pixel_size(wcs)
    for angle, name in ((0 * u.deg, "N"), (90 * u.deg, "E")):
        there = np.array(wcs.world_to_pixel(sky.directional_offset_by(angle, step)))
        arrow = (there - start) / np.hypot(*(there - start)) * 0.09 * max(nx, ny)
        axes.annotate(
            name, xy=tuple(start), xytext=tuple(start + arrow), color=_MARK, weight="bold",
            ha="center", va="center",
            arrowprops={"arrowstyle": "<|-", "color": _MARK, "shrinkA": 1, "shrinkB": 0},
        )  # fmt: skip


def _beside(axes: Axes) -> Axes:
    return axes.inset_axes([1.03, 0.0, 0.035, 1.0])


def _block_max(plane: NDArray[np.int16], step: int) -> NDArray[np.int16]:
    """Return the maxima of square blocks; what is left over at the end is not used."""
    ny, nx = (size // step for size in plane.shape)
    # Rows are compared with rows first: that is done for many pixels at once.
    rows = plane[: ny * step, : nx * step].reshape(ny, step, nx * step).max(axis=1)
    return reduce(np.maximum, (rows[:, i::step] for i in range(step)))


def _in_blocks(wcs: WCS, step: int) -> WCS:
    """Return the WCS of an image that was averaged in blocks of some pixels."""
    coarse = wcs.deepcopy()
    coarse.wcs.crpix = (wcs.wcs.crpix - 0.5) / step + 0.5
    if wcs.wcs.has_cd():
        coarse.wcs.cd = wcs.wcs.cd * step
    else:
        coarse.wcs.cdelt = wcs.wcs.cdelt * step
    coarse.wcs.set()
    return coarse


def _pixel_size(wcs: WCS) -> u.Quantity:
    return float(np.sqrt(wcs.proj_plane_pixel_area().to_value(u.arcsec**2))) * u.arcsec
