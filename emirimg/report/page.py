"""The report of a reduction: one page that needs nothing else."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from astropy.table import Table
from markupsafe import Markup
from matplotlib.axes import Axes

from .._wording import counted
from ..dither import DitherResult
from ..io.atomic import replacing
from ..io.json_file import write_json
from ..io.results import write_table
from .charts import HISTORIES, draw_counts, draw_history, draw_noise, draw_offsets, draw_residuals
from .files import REPORT_FILES
from .maps import draw_coverage_map, draw_object_map, draw_residual_levels
from .numbers import report_numbers
from .panels import new_axes
from .pictures import coverage_overlay, object_outlines, scale_image, small_exposures
from .plots import plot_mosaic
from .summary import short_names
from .svg import inline_svg, page_style
from .templating import fill_template

__all__ = ["report_page", "write_report"]

_EASY = 3
"""Half as much work as the usual packing of a picture, and not even a larger file."""

_BLACK, _WHITE = -3.0, 60.0
"""The stretch that is shown first, in units of the noise above the sky."""


def write_report(
    result: DitherResult,
    directory: str | Path,
    *,
    command: str = "",
    picture: str | Path | None = None,
    numbers: Callable[[], dict[str, Any]] | None = None,
    overwrite: bool = False,
) -> Path:
    """Write the report of a reduction, and its numbers as JSON and ECSV.

    Parameters
    ----------
    result : DitherResult
        The outcome of a reduction.
    directory : path
        Where ``report.html``, ``summary.json`` and ``frames.ecsv`` shall be.
    command : str, optional
        The command that repeats the reduction. Default: none is shown.
    picture : path, optional
        PNG file for what `plot_mosaic` draws. Default: none is written.
    numbers : callable, optional
        Returns what `report_numbers` does, where that is being worked out already. Default:
        it is worked out.
    overwrite : bool, optional
        Whether files of these names may be replaced. Default: no.

    Returns
    -------
    `~pathlib.Path`
        The page.

    Raises
    ------
    InputError
        If one of the files exists and must not be replaced.

    Examples
    --------
    >>> from emirimg import DitherReducer
    >>> from emirimg.report import write_report
    >>> result = DitherReducer().reduce(paths)  # doctest: +SKIP
    >>> write_report(result, "results")  # doctest: +SKIP
    """
    page, summary, frames = (Path(directory) / name for name in REPORT_FILES)

    def draw() -> None:
        if picture is not None:
            with replacing(Path(picture), overwrite=overwrite) as temporary:
                plot_mosaic(result.mosaic, result.objects).savefig(
                    temporary, format="png", pil_kwargs={"compress_level": _EASY}
                )

    content, text = _numbers_and_page(result, command, numbers, draw)
    write_json(summary, content, overwrite=overwrite)
    write_table(frames, result.frame_table(), overwrite=overwrite)
    with replacing(page, overwrite=overwrite) as temporary:
        temporary.write_text(text, encoding="utf-8")
    return page


def report_page(
    result: DitherResult, *, numbers: dict[str, Any] | None = None, command: str = ""
) -> str:
    """Return the report of a reduction as HTML.

    Parameters
    ----------
    result : DitherResult
        The outcome of a reduction.
    numbers : dict, optional
        As from `report_numbers`, if they are there already.
    command : str, optional
        The command that repeats the reduction. Default: none is shown.

    Returns
    -------
    str
        A page that opens in any browser, also without a network: pictures, style
        and script are within it, and it forbids itself to ask for anything else.
        Names and texts from headers are escaped.

    Examples
    --------
    >>> from emirimg import DitherReducer
    >>> from emirimg.simulation import Scene
    >>> scene = Scene(n_exposures=3, shape=(256, 256), n_stars=60, n_galaxies=5, dither_scale=0.2)
    >>> exposures = [scene.exposure(index) for index in range(3)]
    >>> result = DitherReducer(passes=1).reduce(exposures)  # doctest: +IGNORE_WARNINGS
    >>> from emirimg.report import report_page
    >>> page = report_page(result, command="emirimg reduce data/ -o results")
    >>> page[:15], "http://" in page.split("<body")[0]
    ('<!DOCTYPE html>', False)
    """
    return _numbers_and_page(result, command, None if numbers is None else lambda: numbers)[1]


def _numbers_and_page(
    result: DitherResult,
    command: str,
    count: Callable[[], dict[str, Any]] | None = None,
    draw: Callable[[], None] = lambda: None,
) -> tuple[dict[str, Any], str]:
    """Return what `report_numbers` and `report_page` do; draw also what else is wanted."""
    with ThreadPoolExecutor(max_workers=1) as beside:
        # One thread counts sources and packs pictures while the other draws.
        packing = beside.submit(_pictures, result)
        counting = beside.submit(count or partial(report_numbers, result))
        draw()
        figures = {} if result.mosaic.mask.all() else _figures(result, counting)
        numbers, pictures = counting.result(), packing.result()
    text = fill_template(
        "report.html",
        numbers=numbers,
        quality=numbers["quality"],
        header=result.mosaic.header,
        history=[str(line) for line in result.mosaic.header.get("HISTORY", [])],
        names=short_names([frame.name for frame in result.frames]),
        histories=list(HISTORIES),
        figures=figures,
        left_out=[frame.name for frame in result.frames if frame.weight == 0],
        command=command,
        **pictures,
    )
    return numbers, text


def _pictures(result: DitherResult) -> dict[str, Any]:
    """Make the pictures that are no charts."""
    image = scale_image(result.mosaic)
    return {
        "image": image,
        "black": round(1000 * image.shade(_BLACK)),
        "white": round(1000 * image.shade(_WHITE)),
        "coverage": coverage_overlay(result.mosaic),
        "outlines": None
        if result.objects is None
        else object_outlines(result.objects, image.step),
        "small": small_exposures(result.frames),
    }


def _figures(result: DitherResult, counting: Future[dict[str, Any]]) -> dict[str, Markup]:
    """Draw all charts and maps as SVG."""
    mosaic, quality = result.mosaic, result.quality
    many = counted(len(result.frames), "exposure")

    def svg(name: str, drawn: Axes, text: str) -> Markup:
        return Markup(inline_svg(drawn.figure, name, text))  # noqa: S704 (made here, escaped)

    with page_style():
        axes: dict[str, tuple[Axes, str]] = {
            "coverage": (draw_coverage_map(mosaic), "Map of the number of exposures on the sky"),
            "objects": (draw_object_map(mosaic, result.objects), "Map of the objects on the sky"),
            "offsets": (draw_offsets(result), f"Places of {many} on the sky"),
            "residuals": (draw_residuals(result.frames), f"Residuals of the stars of {many}"),
            "apertures": (draw_noise(quality), "Noise in apertures against their diameter"),
        }
        for name, (title, _, _) in HISTORIES.items():
            if all(frame.to_dict()[name] is None for frame in result.frames):
                continue
            drawn = draw_history(result.frames, name, new_axes(height=2.3))
            axes[name] = drawn, f"{title} of {many} against time"
        figures = {name: svg(name, *drawn) for name, drawn in axes.items()}
        # All that can be drawn without the numbers is.
        numbers = counting.result()
        level = np.array(numbers["sky_residual"]["level"], dtype=float)
        residual = draw_residual_levels(mosaic, level)
        counts = draw_counts(Table(numbers["number_counts"]), quality.depth)
        about = "Map of the medians of the mosaic in blocks of 64 pixels without objects"
        return figures | {
            "residual": svg("residual", residual, about),
            "counts": svg("counts", counts, "Number of sources against magnitude"),
        }
