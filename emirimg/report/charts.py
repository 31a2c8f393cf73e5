"""Charts of a reduction, each on axes that may be given."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import astropy.units as u
import numpy as np
from astropy.table import Table
from matplotlib.axes import Axes
from matplotlib.ticker import LogLocator, MaxNLocator, StrMethodFormatter
from numpy.typing import NDArray

from ..dither import DitherResult, FrameRecord
from ..objects.quality import MosaicQuality
from .numbers import offsets_on_sky
from .panels import new_axes

__all__ = [
    "HISTORIES",
    "draw_counts",
    "draw_history",
    "draw_noise",
    "draw_offsets",
    "draw_residuals",
]

_COLOUR = "#2a7fc4"
_MARK = "#d2591a"
_GREY = "#888888"
_SAME_PLACE = 3.0
"""Exposures closer together than this, in arcsec, are marked once."""

HISTORIES = {
    "sky_level": ("Sky level", "Sky (ADU)", 1.0),
    "transparency": ("Transparency", "Relative to the clearest", 1.0),
    "fwhm": ("Seeing", "FWHM (arcsec)", 1.0),
    "ellipticity": ("Ellipticity", "1 - b/a", 1.0),
    "noise": ("Noise of a sky pixel", "Noise (ADU)", 1.0),
    "rejected_fraction": ("Rejected in the combination", "Pixels (%)", 100.0),
}
"""Field of a record to title, label and factor of its history."""


def draw_history(frames: Sequence[FrameRecord], quantity: str, axes: Axes | None = None) -> Axes:
    """Draw a quantity of the exposures against time.

    Parameters
    ----------
    frames : sequence of FrameRecord
        As `~emirimg.dither.DitherResult.frames`.
    quantity : str
        One of `HISTORIES`.
    axes : `~matplotlib.axes.Axes`, optional
        Where to draw. Default: new axes.

    Returns
    -------
    `~matplotlib.axes.Axes`

    Notes
    -----
    Exposures that are left out of the mosaic are crosses.

    Examples
    --------
    >>> from emirimg import DitherReducer
    >>> from emirimg.simulation import Scene
    >>> scene = Scene(n_exposures=3, shape=(256, 256), n_stars=60, n_galaxies=5, dither_scale=0.2)
    >>> exposures = [scene.exposure(index) for index in range(3)]
    >>> result = DitherReducer(passes=1).reduce(exposures)  # doctest: +IGNORE_WARNINGS
    >>> from emirimg.report import draw_history
    >>> axes = draw_history(result.frames, "fwhm")
    >>> axes.get_ylabel()
    'FWHM (arcsec)'
    """
    axes = new_axes() if axes is None else axes
    title, label, factor = HISTORIES[quantity]
    start = min(frame.start for frame in frames)
    minutes = np.array([(frame.start - start).to_value(u.min) for frame in frames])
    values = factor * np.array([float(_number(getattr(frame, quantity))) for frame in frames])
    used = np.array([frame.weight > 0 for frame in frames])
    axes.plot(minutes, values, "-", color=_COLOUR, lw=0.8, alpha=0.5)
    axes.plot(minutes[used], values[used], "o", color=_COLOUR, ms=4)
    axes.plot(minutes[~used], values[~used], "x", color=_MARK, ms=6)
    axes.set(title=title, xlabel="Time (min)", ylabel=label)
    if not np.isfinite(values).any():
        _say_nothing(axes, "unknown")
    elif np.nanmin(values) >= 0 and np.nanmin(values) < 0.3 * np.nanmax(values):
        axes.set_ylim(bottom=0)
    _plain_numbers(axes)
    return axes


def draw_offsets(result: DitherResult, axes: Axes | None = None) -> Axes:
    """Draw where the exposures point on the sky, relative to their mean.

    Parameters
    ----------
    result : DitherResult
        The outcome of a reduction.
    axes : `~matplotlib.axes.Axes`, optional
        Where to draw. Default: new axes.

    Returns
    -------
    `~matplotlib.axes.Axes`

    Examples
    --------
    >>> from emirimg import DitherReducer
    >>> from emirimg.simulation import Scene
    >>> scene = Scene(n_exposures=3, shape=(256, 256), n_stars=60, n_galaxies=5, dither_scale=0.2)
    >>> exposures = [scene.exposure(index) for index in range(3)]
    >>> result = DitherReducer(passes=1).reduce(exposures)  # doctest: +IGNORE_WARNINGS
    >>> from emirimg.report import draw_offsets
    >>> axes = draw_offsets(result)
    >>> axes.get_xlabel()
    'East (arcsec)'
    """
    axes = new_axes() if axes is None else axes
    east, north = offsets_on_sky(result).to_value(u.arcsec).T
    axes.plot(east, north, "-", color=_GREY, lw=0.6)
    axes.plot(east, north, "o", color=_COLOUR, ms=4)
    for place, text in _places(east, north):
        axes.annotate(text, place, xytext=(4, 3), textcoords="offset points", fontsize="small")
    reach = 1.25 * max(1.0, float(np.abs([east, north]).max()))
    axes.set(
        title="Offsets of the exposures", xlabel="East (arcsec)", ylabel="North (arcsec)",
        xlim=(reach, -reach), ylim=(-reach, reach), aspect="equal",
    )  # fmt: skip
    return axes


def draw_residuals(frames: Sequence[FrameRecord], axes: Axes | None = None) -> Axes:
    """Draw how well the exposures are placed: the rms of their stars about the solution.

    Parameters
    ----------
    frames : sequence of FrameRecord
        As `~emirimg.dither.DitherResult.frames`.
    axes : `~matplotlib.axes.Axes`, optional
        Where to draw. Default: new axes.

    Returns
    -------
    `~matplotlib.axes.Axes`

    Examples
    --------
    >>> from emirimg import DitherReducer
    >>> from emirimg.simulation import Scene
    >>> scene = Scene(n_exposures=3, shape=(256, 256), n_stars=60, n_galaxies=5, dither_scale=0.2)
    >>> exposures = [scene.exposure(index) for index in range(3)]
    >>> result = DitherReducer(passes=1).reduce(exposures)  # doctest: +IGNORE_WARNINGS
    >>> from emirimg.report import draw_residuals
    >>> axes = draw_residuals(result.frames)
    >>> axes.get_ylabel()
    'rms of the stars (mas)'
    """
    axes = new_axes() if axes is None else axes
    numbers = np.arange(1, len(frames) + 1)
    residuals = np.array([frame.residual.to_value(u.mas) for frame in frames])
    axes.bar(numbers, np.nan_to_num(residuals), color=_COLOUR)
    axes.set(
        title="Residuals of the alignment", xlabel="Exposure", ylabel="rms of the stars (mas)"
    )
    if not np.isfinite(residuals).any():
        _say_nothing(axes, "no exposure was aligned by stars")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    return axes


def draw_noise(quality: MosaicQuality, axes: Axes | None = None) -> Axes:
    """Draw the noise in apertures against their diameter, measured and predicted.

    Parameters
    ----------
    quality : MosaicQuality
        As measured on a mosaic.
    axes : `~matplotlib.axes.Axes`, optional
        Where to draw. Default: new axes.

    Returns
    -------
    `~matplotlib.axes.Axes`

    Examples
    --------
    >>> from emirimg import DitherReducer
    >>> from emirimg.simulation import Scene
    >>> scene = Scene(n_exposures=3, shape=(256, 256), n_stars=60, n_galaxies=5, dither_scale=0.2)
    >>> exposures = [scene.exposure(index) for index in range(3)]
    >>> result = DitherReducer(passes=1).reduce(exposures)  # doctest: +IGNORE_WARNINGS
    >>> from matplotlib.figure import Figure
    >>> from emirimg.report import draw_noise
    >>> axes = draw_noise(result.quality, Figure().add_subplot())
    >>> axes.get_xscale()
    'log'
    """
    axes = new_axes() if axes is None else axes
    known = np.isfinite(quality.measured_noise)
    diameter = 2 * quality.radii.to_value(u.arcsec)[known]
    if known.any():
        axes.plot(diameter, quality.measured_noise[known], "o-", color=_MARK, label="measured")
        axes.plot(
            diameter, quality.predicted_noise[known], "--", color=_GREY,
            label="predicted from the variance",
        )  # fmt: skip
        axes.set(xscale="log", yscale="log")
        axes.set_xticks(ticks := [0.5, 1, 2, 5, 10], [f"{tick:g}" for tick in ticks])
        axes.set_xlim(0.9 * diameter.min(), 1.1 * diameter.max())
        _plain_decades(axes)
        axes.legend(frameon=False)
    else:
        _say_nothing(axes, "no star, or too little empty sky")
    axes.set(
        title="Noise in empty apertures",
        xlabel="Diameter (arcsec)",
        ylabel="Noise of the sum (ADU)",
    )
    return axes


def draw_counts(counts: Table, depth: float = np.nan, axes: Axes | None = None) -> Axes:
    """Draw the number of sources against magnitude.

    Parameters
    ----------
    counts : `~astropy.table.Table`
        As from `number_counts`.
    depth : float, optional
        Magnitude to be marked. Default: none.
    axes : `~matplotlib.axes.Axes`, optional
        Where to draw. Default: new axes.

    Returns
    -------
    `~matplotlib.axes.Axes`

    Examples
    --------
    >>> from emirimg import DitherReducer
    >>> from emirimg.simulation import Scene
    >>> scene = Scene(n_exposures=3, shape=(256, 256), n_stars=60, n_galaxies=5, dither_scale=0.2)
    >>> exposures = [scene.exposure(index) for index in range(3)]
    >>> result = DitherReducer(passes=1).reduce(exposures)  # doctest: +IGNORE_WARNINGS
    >>> from emirimg.report import draw_counts, number_counts
    >>> axes = draw_counts(number_counts(result), result.quality.depth)
    >>> axes.get_xlabel()
    'Magnitude'
    """
    axes = new_axes() if axes is None else axes
    number = np.asarray(counts["n"])
    some = number > 0
    if some.any():
        density = np.asarray(counts["density"])[some]
        axes.errorbar(
            np.asarray(counts["magnitude"])[some], density, density / np.sqrt(number[some]),
            fmt="o", color=_COLOUR, ms=4, lw=1,
        )  # fmt: skip
        axes.set(yscale="log")
        _plain_decades(axes)
    else:
        _say_nothing(axes, "no source was found")
    if np.isfinite(depth) and some.any():
        axes.axvline(depth, color=_MARK, lw=1, ls="--", label="depth, 5 sigma")
        axes.legend(frameon=False, loc="upper left")
    axes.set(title="Number counts", xlabel="Magnitude", ylabel="Sources (1 / mag / arcmin2)")
    return axes


def _places(
    east: NDArray[np.float64], north: NDArray[np.float64]
) -> list[tuple[tuple[float, float], str]]:
    """Return the places of the exposures with their numbers, one for all that coincide."""
    near = np.hypot(east - east[:, None], north - north[:, None]) < _SAME_PLACE
    first = near.argmax(axis=1)
    return [
        ((east[i], north[i]), ", ".join(str(j + 1) for j in np.flatnonzero(first == i)))
        for i in np.unique(first)
    ]


def _number(value: Any) -> float:
    return value.to_value(u.arcsec) if isinstance(value, u.Quantity) else value


def _plain_numbers(axes: Axes) -> None:
    axes.ticklabel_format(useOffset=False)


def _plain_decades(axes: Axes) -> None:
    """Write 20 where a logarithmic axis would write 2 x 10^1."""
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axes.minorticks_off()


def _say_nothing(axes: Axes, text: str) -> None:
    axes.text(0.5, 0.5, text, ha="center", va="center", transform=axes.transAxes)
