"""A comparison of two mosaics as one page that needs nothing else."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from markupsafe import Markup
from matplotlib.figure import Figure
from numpy.typing import NDArray

from .._html import png_uri
from .._version import version
from .comparison import Comparison
from .comparison_views import (
    aligned_images,
    comparison_note,
    comparison_rows,
    draw_field,
    draw_places,
    draw_ratios,
)
from .svg import inline_svg, page_style
from .templating import fill_template

__all__ = ["comparison_page"]


def comparison_page(
    comparison: Comparison, image: NDArray[np.floating], names: Sequence[str]
) -> str:
    """Return a comparison as HTML.

    Parameters
    ----------
    comparison : Comparison
        As from `compare_images`.
    image : `~numpy.ndarray`
        The first image, shape (ny, nx).
    names : sequence of str
        Names of the two images.

    Returns
    -------
    str
        A page that opens in any browser, also without a network. The two images and
        their difference lie on top of each other, so that one can blink.

    Examples
    --------
    >>> from emirimg.io import read_image_planes
    >>> from emirimg.report import compare_images, comparison_page
    >>> first, second = map(read_image_planes, ("a.fits", "b.fits"))  # doctest: +SKIP
    >>> page = comparison_page(
    ...     compare_images(first, second), first.data, ["a", "b"]
    ... )  # doctest: +SKIP
    """
    one, two, difference, level, noise = aligned_images(comparison, image)
    of_each, between = comparison_rows(comparison)
    extent = (-0.5, image.shape[1] - 0.5, -0.5, image.shape[0] - 0.5)
    with page_style():
        axes = [Figure(figsize=(4.4, 3.6), layout="constrained").add_subplot() for _ in range(3)]
        draw_ratios(axes[0], comparison)
        draw_field(axes[1], comparison, extent)
        draw_places(axes[2], comparison)
        charts = [
            Markup(inline_svg(panel.figure, name, text))  # noqa: S704 (made here, escaped)
            for panel, name, text in zip(
                axes,
                ("ratios", "field", "places"),
                ("Flux ratio against magnitude", "Flux ratio over the field",
                 "Differences of the places of stars"),
                strict=True,
            )
        ]  # fmt: skip
    return fill_template(
        "comparison.html",
        version=version,
        names=names,
        headings=[*names, "2nd \N{MINUS SIGN} 1st", "unit"],
        of_each=of_each,
        between=between,
        note=comparison_note(names),
        bins=[
            dict(zip(row.colnames, row.values(), strict=True)) for row in comparison.by_magnitude
        ],
        layers=[
            (names[0], _shades(one, level - 3 * noise, level + 12 * noise)),
            (f"{names[1]}, aligned", _shades(two, level - 3 * noise, level + 12 * noise)),
            ("difference", _shades(difference, -6 * noise, 6 * noise)),
        ],
        charts=charts,
    )


def _shades(image: NDArray[np.floating], black: float, white: float) -> str:
    """Return an image as a data URI, dark where it is bright; transparent where it is NaN."""
    dark = np.clip((white - image) / (white - black), 0, 1)
    return png_uri(np.where(np.isfinite(dark), 1 + 254 * dark, 0).astype(np.uint8), absent=True)
