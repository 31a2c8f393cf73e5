"""The picture of an image, in pixels, as an observer wants to look at it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
from astropy.visualization import ZScaleInterval
from matplotlib.figure import Figure
from numpy.typing import NDArray

from .._strategy import explain_unknown
from ..exceptions import InputError
from ..io.ds9 import Region

__all__ = ["draw_image", "find_cuts", "header_title"]

_MOST_SAMPLED = 10_000
_KEYS = re.compile(r"([\w\s,-]+)\.(.*)", re.DOTALL)


def draw_image(
    data: NDArray[Any],
    *,
    title: str = "",
    cuts: str = "zscale",
    box: tuple[int, int, int, int] | None = None,
    cmap: str = "hot",
    regions: Iterable[Region] = (),
    figure: Figure | None = None,
) -> Figure:
    """Draw an image with its pixel coordinates.

    Parameters
    ----------
    data : `~numpy.ndarray`
        Image, shape (ny, nx).
    title : str, optional
        What to write above it.
    cuts : str, optional
        As for `find_cuts`.
    box : tuple of int, optional
        Part to be drawn: first and last column, first and last row, from 1.
        Default: all of it.
    cmap : str, optional
        Name of a color map of matplotlib.
    regions : iterable of Region, optional
        Shapes to be drawn on it.
    figure : `~matplotlib.figure.Figure`, optional
        Where to draw. Default: a new figure, 1024 x 768 pixels.

    Returns
    -------
    `~matplotlib.figure.Figure`

    Raises
    ------
    InputError
        If the box does not lie on the image, or the color map is unknown.

    Examples
    --------
    >>> import numpy as np
    >>> from emirimg.report import draw_image
    >>> figure = draw_image(np.eye(50), title="e1.fits", cuts="[0,1]", box=(1, 20, 1, 20))
    >>> figure.axes[0].get_title()
    'e1.fits'
    """
    ny, nx = data.shape
    x1, x2, y1, y2 = box or (1, nx, 1, ny)
    if not (1 <= x1 <= x2 <= nx and 1 <= y1 <= y2 <= ny):
        msg = f"the box {x1},{x2},{y1},{y2} does not lie on the image: 1,{nx},1,{ny}"
        raise InputError(msg)
    if cmap not in mpl.colormaps:
        msg = f"unknown color map {cmap!r}: {explain_unknown(cmap, mpl.colormaps)}"
        raise InputError(msg)
    part = data[y1 - 1 : y2, x1 - 1 : x2]
    low, high = find_cuts(part, cuts)
    figure = figure or Figure(figsize=(10.24, 7.68), dpi=100, layout="compressed")
    axes = figure.add_subplot()
    drawn = axes.imshow(
        part, cmap=cmap, vmin=low, vmax=high, origin="lower", interpolation="nearest",
        extent=(x1 - 0.5, x2 + 0.5, y1 - 0.5, y2 + 0.5),
    )  # fmt: skip
    axes.set(title=title, xlabel="image pixel in the X direction",
             ylabel="image pixel in the Y direction", autoscale_on=False)  # fmt: skip
    figure.colorbar(drawn, label="Number of counts", fraction=0.046, pad=0.02)
    for region in regions:
        _draw_region(axes, region)
    return figure


def find_cuts(data: NDArray[Any], cuts: str = "zscale") -> tuple[float, float]:
    """Find the values that are drawn in the first and the last color.

    Parameters
    ----------
    data : `~numpy.ndarray`
        Image; values that are not finite are not counted.
    cuts : str, optional
        ``zscale``, ``minmax``, or the two values, as in ``[-10,100]``.

    Returns
    -------
    low, high : float

    Raises
    ------
    InputError
        If the text is none of these.

    Examples
    --------
    >>> import numpy as np
    >>> from emirimg.report import find_cuts
    >>> find_cuts(np.array([[1.0, 5.0], [9.0, np.nan]]), "minmax")
    (1.0, 9.0)
    >>> find_cuts(np.eye(3), "[-10,100]")
    (-10.0, 100.0)
    """
    word = cuts.strip().lower()
    if word not in {"zscale", "none", "minmax"}:
        numbers = word.strip("[]()").replace(",", " ").split()
        try:
            low, high = map(float, numbers)
        except ValueError:
            low = high = np.nan
        if not (np.isfinite([low, high]).all() and low < high):
            msg = f"cuts {cuts!r}: zscale, minmax or two numbers z1,z2 with z1 < z2 were expected"
            raise InputError(msg)
        return low, high
    values = data[np.isfinite(data)]
    if values.size == 0:
        return 0.0, 1.0
    if word == "minmax":
        return float(values.min()), float(values.max())
    low, high = ZScaleInterval(n_samples=_MOST_SAMPLED).get_limits(values)
    return float(low), float(high)


def header_title(header: Mapping[str, Any], keys: str) -> str:
    """Make a title of some keywords.

    Parameters
    ----------
    header : mapping
        Header of the image.
    keys : str
        Keywords and a format, as in ``object,exptime.'%s, %.1f s'``. Without
        a format the values are separated by blanks.

    Returns
    -------
    str

    Raises
    ------
    InputError
        If the header has no such keyword, or the format does not suit the
        values.

    Examples
    --------
    >>> from emirimg.report import header_title
    >>> header_title({"OBJECT": "M33", "EXPTIME": 30.0}, "OBJECT,EXPTIME.'%s, %.1f s'")
    'M33, 30.0 s'
    """
    match = _KEYS.fullmatch(keys)
    names, form = match.groups() if match else (keys, "")
    names = [name.strip() for name in names.split(",")]
    missing = [name for name in names if name not in header]
    if missing:
        msg = f"the header has no keyword {', '.join(missing)}"
        raise InputError(msg)
    values: Sequence[Any] = tuple(header[name] for name in names)
    if not form:
        return " ".join(map(str, values))
    form = form.strip("'\"")
    try:
        return form % values
    except (TypeError, ValueError) as error:
        msg = f"the format {form!r} does not suit the values {values}: {error}"
        raise InputError(msg) from None


def _draw_region(axes: Any, region: Region) -> None:
    color = region.color if mpl.colors.is_color_like(region.color) else "green"
    x, y = region.outline.T
    if region.shape == "polygon":
        x, y = np.append(x, x[0]), np.append(y, y[0])
    if region.shape == "point":
        axes.plot(x, y, marker="+", color=color)
    elif region.shape != "text":
        axes.plot(x, y, color=color, linewidth=1)
    if region.text:
        above = 0 if region.shape == "text" else 4
        axes.annotate(
            region.text, (np.mean(x), np.max(y)), xytext=(0, above), color=color,
            textcoords="offset points", ha="center", annotation_clip=True,
        )  # fmt: skip
