"""A comparison of two mosaics as a table and as a picture."""

from __future__ import annotations

from collections.abc import Sequence

import astropy.units as u
import numpy as np
from astropy.stats import mad_std
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray
from rich import box
from rich.table import Table

from .comparison import Comparison

__all__ = ["comparison_table", "plot_comparison"]

_SIZE = 900
_MARK = "#d2491a"

Row = tuple[str, str, str, str, str]


def comparison_table(comparison: Comparison, names: Sequence[str]) -> Table:
    """Return what both images measure, and what lies between them.

    Parameters
    ----------
    comparison : Comparison
        As from `compare_images`.
    names : sequence of str
        Names of the two images.

    Returns
    -------
    `rich.table.Table`

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from emirimg import DitherReducer
    >>> from emirimg.io import read_image_planes
    >>> from emirimg.report import compare_images
    >>> from emirimg.simulation import Scene
    >>> scene = Scene(n_exposures=3, shape=(256, 256), n_stars=60, n_galaxies=5, dither_scale=0.2)
    >>> exposures = [scene.exposure(index) for index in range(3)]
    >>> result = DitherReducer(passes=1).reduce(exposures)  # doctest: +IGNORE_WARNINGS
    >>> with TemporaryDirectory() as directory:
    ...     image = read_image_planes(result.write(f"{directory}/mosaic.fits"))
    >>> comparison = compare_images(image, image)  # doctest: +IGNORE_WARNINGS
    >>> from emirimg.report import comparison_table
    >>> comparison_table(comparison, ["mine", "yours"]).row_count > 5
    True
    """
    table = Table(box=box.SIMPLE, padding=0)
    table.add_column("", no_wrap=True)
    for heading in (*names, "2nd - 1st"):
        table.add_column(heading, justify="right", overflow="fold", max_width=20)
    table.add_column("unit", no_wrap=True)
    of_each, between = comparison_rows(comparison)
    for row in of_each:
        table.add_row(*row)
    table.add_section()
    for row in between:
        table.add_row(*row)
    table.caption = comparison_note(names)
    table.caption_justify = "left"
    return table


def comparison_note(names: Sequence[str]) -> str:
    """Explain the units of `comparison_rows`."""
    return f"* in the unit and the pixels of {names[0]}; 1 unit is 25 mag"


def comparison_rows(comparison: Comparison) -> tuple[list[Row], list[Row]]:
    """Return what both images measure, and what lies between them, as texts.

    Returns
    -------
    of_each, between : list of tuple of str
        What it is, the first image, the second, the difference, the unit.
    """
    one, two = comparison.quality
    of_each = []
    for label, values, form, unit in (
        ("seeing", [q.seeing.to_value(u.arcsec) for q in (one, two)], ".3f", "arcsec"),
        ("ellipticity", [q.ellipticity for q in (one, two)], ".3f", ""),
        ("depth, 5 sigma", [q.depth for q in (one, two)], ".2f", "mag*"),
        ("correlated noise", [q.correlated_noise for q in (one, two)], ".2f", ""),
        ("background, rms", [q.background_rms for q in (one, two)], ".3g", "unit*"),
        ("background, level", comparison.background, ".3g", "unit*"),
        ("over-subtraction", [one.oversubtraction, two.oversubtraction], ".3g", "own unit"),
    ):  # fmt: skip
        first, second = values
        texts = (_number(value, form) for value in (first, second, second - first))
        of_each.append((label, *texts, unit))
    east, north = comparison.shift.to_value(u.arcsec)
    errors = comparison.shift_error.to_value(u.arcsec)
    between = []
    for label, value, error, unit in (
        ("shift, east", 1000 * east, 1000 * errors[0], "mas"),
        ("shift, north", 1000 * north, 1000 * errors[1], "mas"),
        ("flux ratio", comparison.flux_ratio, comparison.flux_ratio_error, ""),
    ):
        digits = ".1f" if unit else ".4f"
        between.append((label, "", "", f"{value:z{digits}} +- {error:{digits}}", unit))
    for label, value, unit in (
        ("flux, scatter", 100 * comparison.flux_scatter, "%"),
        ("flux, tilt along x", 100 * comparison.tilt[0], "%"),
        ("flux, tilt along y", 100 * comparison.tilt[1], "%"),
        ("difference, rms", comparison.difference_rms, "unit*"),
    ):
        between.append((label, "", "", _number(value, ".3g"), unit))
    between.append(("stars in common", "", "", str(len(comparison.stars)), ""))
    return of_each, between


def plot_comparison(
    comparison: Comparison, image: NDArray[np.floating], names: Sequence[str]
) -> Figure:
    """Draw two images against each other.

    Parameters
    ----------
    comparison : Comparison
        As from `compare_images`.
    image : `~numpy.ndarray`
        The first image.
    names : sequence of str
        Names of the two images.

    Returns
    -------
    `~matplotlib.figure.Figure`
        1800 x 1125 pixels: the first image, the second on its pixels and scale,
        their difference; the flux ratio against the magnitude and over the field,
        and the places of the stars.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from emirimg import DitherReducer
    >>> from emirimg.io import read_image_planes
    >>> from emirimg.report import compare_images
    >>> from emirimg.simulation import Scene
    >>> scene = Scene(n_exposures=3, shape=(256, 256), n_stars=60, n_galaxies=5, dither_scale=0.2)
    >>> exposures = [scene.exposure(index) for index in range(3)]
    >>> result = DitherReducer(passes=1).reduce(exposures)  # doctest: +IGNORE_WARNINGS
    >>> with TemporaryDirectory() as directory:
    ...     image = read_image_planes(result.write(f"{directory}/mosaic.fits"))
    >>> comparison = compare_images(image, image)  # doctest: +IGNORE_WARNINGS
    >>> from emirimg.report import plot_comparison
    >>> figure = plot_comparison(comparison, image.data, ["mine", "yours"])
    >>> len(figure.axes) > 5
    True
    """
    figure = Figure(figsize=(12, 7.5), dpi=150, layout="constrained")
    axes = figure.subplots(2, 3)
    one, two, difference, level, noise = aligned_images(comparison, image)
    limits = {"vmin": level - 3 * noise, "vmax": level + 12 * noise}
    extent = (-0.5, image.shape[1] - 0.5, -0.5, image.shape[0] - 0.5)
    for panel, data, title, options in (
        (axes[0, 0], one, names[0], {"cmap": "gray_r", **limits}),
        (axes[0, 1], two, f"{names[1]}, aligned", {"cmap": "gray_r", **limits}),
        (axes[0, 2], difference, "difference (2nd - 1st)",
         {"cmap": "RdBu_r", "vmin": -4 * noise, "vmax": 4 * noise}),
    ):  # fmt: skip
        drawn = panel.imshow(
            data, origin="lower", extent=extent, interpolation="nearest", **options
        )
        panel.set_title(title, fontsize="medium")
        panel.tick_params(labelsize="small")
        figure.colorbar(drawn, ax=panel, shrink=0.8)
    draw_ratios(axes[1, 0], comparison)
    draw_field(axes[1, 1], comparison, extent)
    draw_places(axes[1, 2], comparison)
    return figure


def aligned_images(
    comparison: Comparison, image: NDArray[np.floating]
) -> tuple[NDArray[np.floating], NDArray[np.floating], NDArray[np.floating], float, float]:
    """Return what can be laid on top of each other.

    Returns
    -------
    first, second, difference : `~numpy.ndarray`
        On the pixels of the first image, of large ones only every n-th;
        NaN where one of them shows nothing.
    level, noise : float
        Of the first.
    """
    step = max(1, -(-max(image.shape) // _SIZE))
    known = np.isfinite(comparison.difference)
    one = np.where(known, image, np.nan)[::step, ::step]
    difference = comparison.difference[::step, ::step]
    noise = float(mad_std(one, ignore_nan=True)) or 1.0
    return one, one + difference, difference, float(np.nanmedian(one)), noise


def draw_ratios(axes: Axes, comparison: Comparison) -> None:
    stars, bins = comparison.stars, comparison.by_magnitude
    axes.errorbar(
        stars["magnitude"], stars["ratio"], stars["error"], fmt=".", color="0.6", markersize=3,
        linewidth=0.5,
    )  # fmt: skip
    axes.errorbar(
        bins["magnitude"], bins["ratio"], np.nan_to_num(bins["error"]), fmt="o", color=_MARK,
        markersize=4, label="median",
    )  # fmt: skip
    ratio = comparison.flux_ratio
    axes.axhline(ratio, color="k", linewidth=0.8, linestyle="--")
    reach = max(4 * comparison.flux_scatter * ratio, 0.02 * ratio)
    axes.set(
        ylim=(ratio - reach, ratio + reach), xlabel="magnitude (1 unit is 25 mag)",
        ylabel="flux ratio (2nd / 1st)",
    )  # fmt: skip
    axes.set_title(f"ratio {ratio:.4f} +- {comparison.flux_ratio_error:.4f}", fontsize="medium")
    axes.legend(framealpha=0.9, fontsize="small")


def draw_field(
    axes: Axes, comparison: Comparison, extent: tuple[float, float, float, float]
) -> None:
    stars = comparison.stars
    relative = 100 * (np.array(stars["ratio"]) / comparison.flux_ratio - 1)
    reach = max(2 * 100 * comparison.flux_scatter, 0.5)
    drawn = axes.scatter(
        stars["x"], stars["y"], c=relative, cmap="RdBu_r", vmin=-reach, vmax=reach, s=14,
        edgecolors="0.4", linewidths=0.2,
    )  # fmt: skip
    axes.set(xlim=extent[:2], ylim=extent[2:], xlabel="x (pixels)", ylabel="y (pixels)",
             aspect="equal")  # fmt: skip
    axes.set_title("flux ratio over the field", fontsize="medium")
    axes.figure.colorbar(drawn, ax=axes, shrink=0.8, label="%")


def draw_places(axes: Axes, comparison: Comparison) -> None:
    east, north = (1000 * np.array(comparison.stars[name]) for name in ("east", "north"))
    axes.plot(east, north, ".", color="0.4", markersize=4)
    reach = 6 * max(mad_std(east), mad_std(north), 1.0)
    axes.axhline(0, color=_MARK, linewidth=0.6)
    axes.axvline(0, color=_MARK, linewidth=0.6)
    axes.set(xlim=(reach, -reach), ylim=(-reach, reach), xlabel="east (mas)", ylabel="north (mas)",
             aspect="equal")  # fmt: skip
    shift = 1000 * comparison.shift.to_value(u.arcsec)
    axes.set_title(f"places after a shift of {shift[0]:+z.0f}, {shift[1]:+z.0f} mas",
                   fontsize="medium")  # fmt: skip


def _number(value: float, form: str) -> str:
    return format(value, f"z{form}") if np.isfinite(value) else "-"
