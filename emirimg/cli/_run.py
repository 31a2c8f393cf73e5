"""What the commands have in common: simulate, reduce, score."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from .._memory import return_freed_arrays
from .._version import version
from ..calibration import Calibrations
from ..dither import DitherReducer, DitherResult
from ..exceptions import InputError
from ..io import (
    ExposureGroup,
    find_control,
    find_exposures,
    group_exposures,
    read_calibrations,
    read_control,
    read_mosaic,
    read_reference_catalogue,
    require_one_group,
    write_json,
)
from ..report import plot_mosaic, score_table, summary_tables, summary_text
from ..simulation import Scene, Truth, TutorialPaths, score, write_tutorial
from ._output import output_directory
from ._reporter import Reporter

__all__ = ["CalibrationFiles", "reduce_exposures", "score_file", "simulate"]

_IMAGE, _PICTURE, _SUMMARY, _LOG = "mosaic.fits", "mosaic.png", "summary.json", "processing.log"
PRODUCTS = (_IMAGE, _PICTURE, _SUMMARY, _LOG)


@dataclass(frozen=True)
class CalibrationFiles:
    """The calibrations that were named, or the control file that names them."""

    control: Path | None = None
    bad_pixels: Path | None = None
    dark: Path | None = None
    flat: Path | None = None

    def read(self, group: ExposureGroup, reporter: Reporter) -> Calibrations:
        """Read the calibrations for a group of exposures."""
        files = {"bad_pixels": self.bad_pixels, "dark": self.dark, "flat": self.flat}
        if not any(files.values()):
            control = self.control or find_control(group.paths)
            if control is not None:
                files = _choose(control, group)
                reporter.step(f"control file {control}")
        missing = [name.replace("_", " ") for name, path in files.items() if path is None]
        if missing:
            reporter.note(f"going on without {', '.join(missing)}: none was given or found")
        for name, path in files.items():
            reporter.step(f"{name.replace('_', ' ')}: {path or 'none'}")
        return read_calibrations(**files)


def reduce_exposures(
    paths: Sequence[Path],
    directory: Path,
    reporter: Reporter,
    *,
    calibrations: CalibrationFiles,
    strategies: Mapping[str, Any],
    overwrite: bool,
    catalogue: Path | None = None,
) -> DitherResult:
    """Reduce raw exposures and write the products to a directory.

    Parameters
    ----------
    paths : sequence of `~pathlib.Path`
        Exposures, or directories that hold them.
    directory : `~pathlib.Path`
        Where `PRODUCTS` shall be.
    reporter : Reporter
        Is told what happens.
    calibrations : CalibrationFiles
        Where the calibrations are.
    strategies : mapping
        Arguments for `~emirimg.dither.DitherReducer`.
    overwrite : bool
        Whether earlier products may be replaced.
    catalogue : `~pathlib.Path`, optional
        Stars to tie the mosaic to.
    """
    return_freed_arrays()
    with output_directory(directory, PRODUCTS, overwrite=overwrite) as workplace:
        reporter.step(f"emirimg {version}: {shlex.join(sys.argv)}")
        group = require_one_group(group_exposures(find_exposures(paths)))
        reporter.step(f"{len(group.paths)} exposures of {group.object_name}, {group.filter_name}")
        if catalogue is not None:
            stars = read_reference_catalogue(catalogue, group.filter_name)
            reporter.step(f"catalogue {catalogue}: {len(stars)} stars")
            strategies = {**strategies, "catalogue": stars}
        reducer = DitherReducer(
            calibrations=calibrations.read(group, reporter),
            progress=reporter.progress,
            **strategies,
        )
        result = reducer.reduce(group.paths)
        for text in result.warnings:
            reporter.note(text)
        result.write(workplace / _IMAGE)
        plot_mosaic(result.mosaic, result.objects).savefig(workplace / _PICTURE)
        summary = result.summary()
        write_json(workplace / _SUMMARY, summary)
        log = [*reporter.log, "", summary_text(summary)]
        (workplace / _LOG).write_text("\n".join(log))
    for table in summary_tables(summary):
        reporter.say(table)
    reporter.say(
        f"The mosaic:   {directory / _IMAGE}\n"
        f"Its picture:  {directory / _PICTURE}\n"
        f"The details:  {directory / _SUMMARY}, {_LOG}"
    )
    return result


def simulate(
    directory: Path,
    reporter: Reporter,
    *,
    seed: int,
    exposures: int,
    detector: str,
    repeats: int,
    overwrite: bool,
) -> TutorialPaths:
    """Write a tree of simulated exposures."""
    try:
        scene = Scene(seed=seed, n_exposures=exposures, detector=detector, repeats=repeats)
    except ValidationError as error:
        msg = "; ".join(item["msg"] for item in error.errors())
        raise InputError(msg) from None
    return write_tutorial(directory, scene, overwrite=overwrite, progress=reporter.progress)


def score_file(mosaic: Path, directory: Path, reporter: Reporter) -> None:
    """Measure a mosaic against the truth of a simulated tree, and print the figures."""
    reporter.say(score_table(score(read_mosaic(mosaic), Truth.read(directory))))


def _choose(control: Path, group: ExposureGroup) -> dict[str, Path | None]:
    choices = read_control(control)
    tags = {"filter": group.filter_name, "grism": group.metadata[0].grism}
    types = {
        "bad_pixels": "MasterBadPixelMask",
        "dark": "MasterDark",
        "flat": "MasterIntensityFlat",
    }
    return {name: choices.choose(kind, group.detector, tags) for name, kind in types.items()}
