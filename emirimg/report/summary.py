"""The summary of a reduction as tables that fit a terminal."""

from __future__ import annotations

import io
import math
from collections.abc import Mapping, Sequence
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from rich import box
from rich.console import Console
from rich.table import Table

from .._words import counted

if TYPE_CHECKING:
    from ..simulation import Figure, Recovery, Score

__all__ = [
    "frame_table",
    "mosaic_table",
    "recovery_table",
    "score_table",
    "short_names",
    "summary_tables",
    "summary_text",
]


def summary_tables(summary: Mapping[str, Any]) -> list[Table]:
    """Return the tables of the frames and of the mosaic.

    Parameters
    ----------
    summary : mapping
        As from `emirimg.dither.DitherResult.summary`.

    Examples
    --------
    >>> from emirimg import DitherReducer
    >>> from emirimg.simulation import Scene
    >>> scene = Scene(n_exposures=3, shape=(256, 256), n_stars=60, n_galaxies=5, dither_scale=0.2)
    >>> exposures = [scene.exposure(index) for index in range(3)]
    >>> result = DitherReducer(passes=1).reduce(exposures)  # doctest: +IGNORE_WARNINGS
    >>> from emirimg.report import summary_tables
    >>> [table.row_count > 0 for table in summary_tables(result.summary())]
    [True, True]
    """
    return [frame_table(summary["frames"]), mosaic_table(summary)]


def summary_text(summary: Mapping[str, Any]) -> str:
    """Return the tables as plain text, 80 columns wide.

    Parameters
    ----------
    summary : mapping
        As from `emirimg.dither.DitherResult.summary`.

    Examples
    --------
    >>> from emirimg import DitherReducer
    >>> from emirimg.simulation import Scene
    >>> scene = Scene(n_exposures=3, shape=(256, 256), n_stars=60, n_galaxies=5, dither_scale=0.2)
    >>> exposures = [scene.exposure(index) for index in range(3)]
    >>> result = DitherReducer(passes=1).reduce(exposures)  # doctest: +IGNORE_WARNINGS
    >>> from emirimg.report import summary_text
    >>> text = summary_text(result.summary())
    >>> max(len(line) for line in text.splitlines()) <= 80
    True
    """
    stream = io.StringIO()
    console = Console(file=stream, width=80, highlight=False, color_system=None)
    for table in summary_tables(summary):
        console.print(table)
    return "\n".join(line.rstrip() for line in stream.getvalue().splitlines()) + "\n"


def frame_table(frames: Sequence[Mapping[str, Any]]) -> Table:
    """Return what is known of every exposure, one line each.

    Parameters
    ----------
    frames : sequence of mapping
        As from `emirimg.dither.FrameRecord.to_dict`.

    Examples
    --------
    >>> from emirimg import DitherReducer
    >>> from emirimg.simulation import Scene
    >>> scene = Scene(n_exposures=3, shape=(256, 256), n_stars=60, n_galaxies=5, dither_scale=0.2)
    >>> exposures = [scene.exposure(index) for index in range(3)]
    >>> result = DitherReducer(passes=1).reduce(exposures)  # doctest: +IGNORE_WARNINGS
    >>> from emirimg.report import frame_table
    >>> frame_table([record.to_dict() for record in result.frames]).row_count
    3
    """
    table = Table(title="Exposures", title_justify="left", box=box.SIMPLE, padding=0)
    table.add_column("exposure", no_wrap=True, overflow="ellipsis", min_width=10)
    for heading in (
        "shift\nx, y (px)", "stars", "rms\n(mas)", "sky\n(ADU)", "seeing\n(arcsec)", "transp.",
        "bad, rej.\n(%)", "weight",
    ):  # fmt: skip
        table.add_column(heading, justify="right", no_wrap=True)
    names = short_names([frame["name"] for frame in frames])
    for name, frame in zip(names, frames, strict=True):
        x, y = frame["shift"]
        table.add_row(
            name,
            f"{_number(x, '+.1f')} {_number(y, '+.1f')}",
            str(frame["n_matched"]),
            _number(frame["residual"], ".1f", factor=1000),
            _number(frame["sky_level"], ".0f"),
            _number(frame["fwhm"], ".2f"),
            _number(frame["transparency"], ".3f"),
            f"{_number(frame['bad_fraction'], '.1f', factor=100)}"
            f" {_number(frame['rejected_fraction'], '.2f', factor=100)}",
            _number(frame["weight"], ".2f"),
        )
    return table


def mosaic_table(summary: Mapping[str, Any]) -> Table:
    """Return what is known of the mosaic, one line for each quantity.

    Parameters
    ----------
    summary : mapping
        As from `emirimg.dither.DitherResult.summary`.

    Examples
    --------
    >>> from emirimg import DitherReducer
    >>> from emirimg.simulation import Scene
    >>> scene = Scene(n_exposures=3, shape=(256, 256), n_stars=60, n_galaxies=5, dither_scale=0.2)
    >>> exposures = [scene.exposure(index) for index in range(3)]
    >>> result = DitherReducer(passes=1).reduce(exposures)  # doctest: +IGNORE_WARNINGS
    >>> from emirimg.report import mosaic_table
    >>> mosaic_table(result.summary()).row_count > 5
    True
    """
    table = Table(
        title="Mosaic",
        title_justify="left",
        box=box.SIMPLE,
        show_header=False,
        padding=(0, 1, 0, 0),
    )
    table.add_column(no_wrap=True)
    table.add_column()
    ny, nx = summary["shape"]
    effective, left_out = summary.get("effective_exposure_time"), summary.get("n_left_out", 0)
    used = {
        "left out": counted(left_out, "exposure") if left_out else None,
        "effective time": effective and f"{effective:.0f} s in the best conditions",
    }
    rows = {
        "field": f"{summary['object']}, {summary['filter']}",
        "exposures": f"{summary['n_exposures']}, {summary['total_exposure_time']:.0f} s in all",
        **{name: text for name, text in used.items() if text},
        "size": f"{nx} x {ny} pixels of {summary['pixel_scale']:.4f} arcsec",
        "covered": f"{summary['area']:.1f} arcmin2",
        **_quality_rows(summary["quality"]),
        **_flag_rows(summary["frames"]),
    }
    for name, text in rows.items():
        table.add_row(name, text)
    return table


def score_table(scores: Mapping[str, Score]) -> Table:
    """Return the figures of merit of mosaics side by side, one line each.

    Parameters
    ----------
    scores : mapping of str to Score
        Headings, and scores as from `emirimg.simulation.score`. The perfect
        values are those of the first that has them. ``!`` marks a figure
        that misses its goal.

    Examples
    --------
    >>> from emirimg import DitherReducer
    >>> from emirimg.simulation import Scene
    >>> scene = Scene(n_exposures=3, shape=(256, 256), n_stars=60, n_galaxies=5, dither_scale=0.2)
    >>> exposures = [scene.exposure(index) for index in range(3)]
    >>> result = DitherReducer(passes=1).reduce(exposures)  # doctest: +IGNORE_WARNINGS
    >>> from emirimg.report import score_table
    >>> from emirimg.simulation import score
    >>> figures = score(result.mosaic, scene.truth, perfect=False)  # doctest: +IGNORE_WARNINGS
    >>> table = score_table({"mosaic": figures})
    >>> table.row_count == len(figures.table)
    True
    """
    from ..simulation import FIGURES  # noqa: PLC0415 (heavy, and few reports need it)

    table = Table(box=box.SIMPLE, padding=0)
    table.add_column("figure of merit")
    for heading in (*scores, "perfect", "unit", "goal"):
        table.add_column(heading, justify="right", no_wrap=True)
    perfect = next((score.perfect for score in scores.values() if score.perfect), {})
    for figure in FIGURES:
        if any(figure.name in score.values for score in scores.values()):
            values = [_figure(score.values.get(figure.name), figure) for score in scores.values()]
            best = _figure(perfect.get(figure.name), None)
            table.add_row(figure.meaning, *values, best, figure.unit, figure.goal_text)
    return table


def recovery_table(recovery: Recovery) -> Table:
    """Return what became of artificial stars, one line for each half magnitude.

    Parameters
    ----------
    recovery : Recovery
        As from `emirimg.simulation.injection_test`.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> from emirimg.io import write_frame
    >>> from emirimg.simulation import Scene, injection_test
    >>> scene = Scene(n_exposures=3, shape=(256, 256), n_stars=60, n_galaxies=5, dither_scale=0.2)
    >>> with TemporaryDirectory() as directory:
    ...     exposures = [
    ...         write_frame(f"{directory}/{index}.fits", scene.exposure(index))
    ...         for index in range(3)
    ...     ]
    ...     recovery = injection_test(exposures, n_stars=15, passes=1)  # doctest: +IGNORE_WARNINGS
    >>> from emirimg.report import recovery_table
    >>> recovery_table(recovery).row_count == len(recovery.table)
    True
    """
    table = Table(box=box.SIMPLE, padding=0)
    for heading in ("mag", "stars", "found (%)", "bias (%)", "scatter (%)", "lost (%)"):
        table.add_column(heading, justify="right", no_wrap=True)
    for row in recovery.table:
        percent = {
            name: _number(_finite(row[name]), ".1f", factor=100)
            for name in (
                "completeness", "completeness_error", "bias", "bias_error", "scatter", "lost",
            )
        }  # fmt: skip
        table.add_row(
            f"{row['magnitude']:.2f}",
            str(row["n"]),
            "{completeness} +- {completeness_error}".format(**percent),
            "{bias} +- {bias_error}".format(**percent),
            percent["scatter"],
            percent["lost"],
        )
    return table


def _finite(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


def _figure(value: float | None, figure: Figure | None) -> str:
    if value is None or not math.isfinite(value):
        return "- "
    missed = figure is not None and not figure.reached(value)
    return f"{value:.3f}{'!' if missed else ' '}"


def _quality_rows(quality: Mapping[str, Any]) -> dict[str, str]:
    known = {
        "seeing": ("seeing", ".2f", " arcsec (FWHM of the stars)"),
        "ellipticity": ("ellipticity", ".3f", ""),
        "depth": ("depth", ".2f", " mag (5-sigma point source)"),
        "correlated_noise": ("correlated noise", ".2f", " x (apertures of 2 FWHM)"),
    }
    rows = {
        label: _number(quality[key], form) + unit
        for key, (label, form, unit) in known.items()
        if quality.get(key) is not None
    }
    if quality.get("oversubtraction") is not None:
        error = _number(quality.get("oversubtraction_error"), ".2f")
        rows["over-subtraction"] = (
            f"{quality['oversubtraction']:+z.2f} +- {error} ADU (sky beside the objects)"
        )
    return rows


def _flag_rows(frames: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Say which exposures show trails and persistence; nothing where none does."""
    rows = {}
    names = short_names([frame["name"] for frame in frames])
    for key, label in (("trails", "trails masked in"), ("persistent", "persistence in")):
        shown = [name for name, frame in zip(names, frames, strict=True) if frame.get(key)]
        if shown:
            rows[label] = ", ".join(shown)
    return rows


def _number(value: float | None, form: str, *, factor: float = 1.0) -> str:
    return "-" if value is None else format(value * factor, form)


def short_names(names: Sequence[str]) -> list[str]:
    """Leave out directories and the end that all names share.

    Parameters
    ----------
    names : sequence of str
        Names of files.

    Examples
    --------
    >>> short_names(["data/0001-EMIR-STARE_IMAGE.fits", "data/0002-EMIR-STARE_IMAGE.fits"])
    ['0001', '0002']
    """
    stems = [PurePath(name).stem for name in names]
    if len(stems) == 1:  # the running number of a raw exposure is enough to know it by
        return [stems[0].partition("-")[0]]
    while len({stem.rpartition("-")[2] for stem in stems}) == 1 and all("-" in s for s in stems):
        stems = [stem.rpartition("-")[0] for stem in stems]
    return stems
