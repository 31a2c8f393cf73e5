"""How the pictures of the user guide draw images."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from astropy.stats import mad_std
from astropy.visualization import AsinhStretch, ImageNormalize
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from numpy.typing import NDArray
from PIL import Image

__all__ = ["BLUE", "RED", "colored", "deviation", "outline", "panels", "save", "sky_image"]

LARGEST = 150_000
"""Size of a picture, in bytes."""

RED, BLUE, ABSENT = "#d2491a", "#1f6fb4", "#d8dde3"


def panels(number: int, *, rows: int = 1, size: float = 3.1, height: float = 3.4) -> tuple:
    """Return a figure and its axes, in a flat array."""
    columns = -(-number // rows)
    figure = Figure(figsize=(size * columns, height * rows), dpi=110, layout="constrained")
    return figure, np.ravel(figure.subplots(rows, columns))


def sky_image(
    axes: Axes, data: NDArray[Any], title: str = "", *, sigma: float = 0.0, high: float = 100.0,
    level: float | None = None, extent: Sequence[float] | None = None,
) -> Any:  # fmt: skip
    """Draw stars in black on white, from -3 to some times the noise, by an arcsinh."""
    values = data[np.isfinite(data)]
    sigma = sigma or mad_std(values)
    level = np.median(values) if level is None else level
    norm = ImageNormalize(
        vmin=level - 3 * sigma, vmax=level + high * sigma, stretch=AsinhStretch(0.05), clip=False
    )
    return _draw(axes, data, title, norm=norm, cmap="gray_r", extent=extent)


def deviation(
    axes: Axes, data: NDArray[Any], title: str = "", *, limit: float,
    extent: Sequence[float] | None = None,
) -> Any:  # fmt: skip
    """Draw what should be zero: blue is too faint, red too bright."""
    return _draw(axes, data, title, vmin=-limit, vmax=limit, cmap="RdBu_r", extent=extent)


def outline(
    axes: Axes, mask: NDArray[Any], color: str = RED, width: float = 0.8, **more: Any
) -> None:
    """Outline the pixels of a mask."""
    if mask.any():
        axes.contour(mask.astype(float), levels=[0.5], colors=[color], linewidths=width, **more)


def colored(axes: Axes, mask: NDArray[Any], color: str = RED) -> None:
    """Fill the pixels of a mask."""
    axes.imshow(
        np.where(mask, 1.0, np.nan), origin="lower", interpolation="nearest",
        cmap=ListedColormap([color]),
    )  # fmt: skip


def save(figure: Figure, path: Path) -> None:
    """Write a PNG with a palette, and as many colors and pixels as a small file can have."""
    figure.savefig(path)
    with Image.open(path) as image:
        full = image.convert("RGB")
    for colors, scale in ((128, 1.0), (64, 1.0), (64, 0.75), (48, 0.65), (32, 0.6)):
        small = full.resize([round(scale * side) for side in full.size], Image.Resampling.LANCZOS)
        small.quantize(colors=colors, kmeans=2, dither=0).save(path, optimize=True)
        if path.stat().st_size < LARGEST:
            return


def _draw(axes: Axes, data: NDArray[Any], title: str, **options: Any) -> Any:
    drawn = axes.imshow(data, origin="lower", interpolation="nearest", **options)
    axes.set_facecolor(ABSENT)
    axes.set_title(title, fontsize="medium")
    axes.set(xticks=[], yticks=[])
    return drawn
