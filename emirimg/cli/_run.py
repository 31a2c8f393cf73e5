"""What the commands have in common: simulate, reduce, score."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

from pydantic import ValidationError

from .._memory import return_freed_arrays
from .._version import version
from ..calibration import Calibrations
from ..dither import DitherReducer, DitherResult, find_calibrations
from ..dither.roles import divide_groups
from ..exceptions import InputError, MixedExposuresError
from ..io import (
    ExposureGroup,
    find_exposures,
    group_exposures,
    read_calibrations,
    read_frame,
    read_outlines,
    read_reference_catalogue,
    require_one_group,
    write_json,
)
from ..objects import MaskWithRegions, SegmentationMasker
from ..report import (
    REPORT_FILES,
    plot_mosaic,
    score_table,
    summary_tables,
    summary_text,
    write_report,
)
from ..simulation import SCENES, ScoredImage, Truth, TutorialPaths, score, write_tutorial
from ._machine import Machine
from ._output import output_directory, refuse_products, typed_command
from ._plans import say_reduction
from ._reporter import Reporter

__all__ = [
    "CalibrationFiles",
    "headings",
    "reduce_exposures",
    "score_files",
    "simulate",
]

_IMAGE, _PICTURE, _LOG = "mosaic.fits", "mosaic.png", "processing.log"
_PAGE, _SUMMARY, _TABLE = REPORT_FILES
PRODUCTS = (_IMAGE, _PICTURE, _LOG, *REPORT_FILES)


@dataclass(frozen=True)
class CalibrationFiles:
    """The calibrations that were named, or the control file that names them."""

    control: Path | None = None
    bad_pixels: Path | None = None
    dark: Path | None = None
    flat: Path | None = None

    @property
    def named(self) -> dict[str, Path | None]:
        """The files that were named, by kind."""
        return {"bad_pixels": self.bad_pixels, "dark": self.dark, "flat": self.flat}

    def absolute(self) -> CalibrationFiles:
        """Return the same files, named so that they are found from any directory."""
        return CalibrationFiles(
            *(
                path and path.absolute()
                for path in (self.control, self.bad_pixels, self.dark, self.flat)
            )
        )

    def read(self, group: ExposureGroup, reporter: Reporter) -> Calibrations:
        """Read the calibrations for a group of exposures."""
        uses = find_calibrations(group, control=self.control, files=self.named)
        files = {use.kind: use.path for use in uses}
        missing = [name.replace("_", " ") for name, path in files.items() if path is None]
        if missing:
            reporter.note(f"going on without {', '.join(missing)}: none was given or found")
        for use in uses:
            reporter.step(f"{use.kind.replace('_', ' ')}: {use.path or 'none'} ({use.reason})")
        return read_calibrations(**files)


def reduce_exposures(
    paths: Sequence[Path],
    directory: Path,
    reporter: Reporter,
    *,
    calibrations: CalibrationFiles,
    strategies: Mapping[str, Any],
    overwrite: bool,
    sky_paths: Sequence[Path] = (),
    mask_regions: Path | None = None,
    catalogue: Path | None = None,
    machine: Machine = Machine(),
    dry_run: bool = False,
) -> DitherResult | None:
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
    sky_paths : sequence of `~pathlib.Path`, optional
        Exposures of the sky beside the target, or directories that hold them.
        Default: those whose OBJECT says so, or that lie beside the others.
    mask_regions : `~pathlib.Path`, optional
        Region file of what is to be masked besides the objects that are found.
    catalogue : `~pathlib.Path`, optional
        Stars to tie the mosaic to.
    machine : Machine, optional
        What the machine may give.
    dry_run : bool, optional
        Whether nothing is done, but said what would be; `None` is returned.
    """
    if dry_run:
        refuse_products(directory, PRODUCTS, overwrite=overwrite)
        group, sky_exposures = _target_and_sky(paths, sky_paths)
        uses = find_calibrations(group, control=calibrations.control, files=calibrations.named)
        products = [directory / name for name in PRODUCTS]
        say_reduction(reporter, group, sky_exposures, uses, strategies, products)
        return None
    return_freed_arrays()
    with output_directory(directory, PRODUCTS, overwrite=overwrite) as workplace:
        reporter.step(f"emirimg {version}: {shlex.join(sys.argv)}")
        group, sky_exposures = _target_and_sky(paths, sky_paths)
        reporter.step(f"{len(group.paths)} exposures of {group.object_name}, {group.filter_name}")
        if mask_regions is not None:
            # A fault of the file shall show now, not after the first mosaic.
            read_outlines(mask_regions, read_frame(group.paths[0]).wcs)
            objects = MaskWithRegions(SegmentationMasker(), partial(read_outlines, mask_regions))
            strategies = {**strategies, "objects": objects}
        if catalogue is not None:
            stars = read_reference_catalogue(catalogue, group.filter_name)
            reporter.step(f"catalogue {catalogue}: {len(stars)} stars")
            strategies = {**strategies, "catalogue": stars}
        with machine.arguments() as arguments:
            reducer = DitherReducer(
                calibrations=calibrations.read(group, reporter),
                progress=reporter.progress,
                **arguments,
                **strategies,
            )
            result = reducer.reduce(group.paths, sky_exposures=sky_exposures)
        for text in result.warnings:
            reporter.note(text)
        result.write(workplace / _IMAGE)
        plot_mosaic(result.mosaic, result.objects).savefig(workplace / _PICTURE)
        write_report(result, workplace, command=typed_command())
        summary = result.summary()
        log = [*reporter.log, "", summary_text(summary)]
        (workplace / _LOG).write_text("\n".join(log))
    for table in summary_tables(summary):
        reporter.say(table)
    reporter.say(
        f"The mosaic:   {directory / _IMAGE}\n"
        f"Its picture:  {directory / _PICTURE}\n"
        f"The report:   {directory / _PAGE}\n"
        f"The details:  {directory / _SUMMARY}, {_TABLE}, {_LOG}"
    )
    return result


def _target_and_sky(
    paths: Sequence[Path], sky_paths: Sequence[Path]
) -> tuple[ExposureGroup, list[Path]]:
    """Return the exposures of the target, and those of the sky beside it."""
    if sky_paths:
        sky = find_exposures(sky_paths)
        named = {path.resolve() for path in sky}
        others = [path for path in find_exposures(paths) if path.resolve() not in named]
        return require_one_group(group_exposures(others) if others else []), sky
    targets, skies = divide_groups(group_exposures(find_exposures(paths)))
    try:
        target = require_one_group(targets)
    except MixedExposuresError as error:
        msg = f"{error}\nor have each of them reduced, with --each"
        raise MixedExposuresError(msg) from None
    return target, [path for group in skies for path in group.paths]


def simulate(
    directory: Path,
    reporter: Reporter,
    *,
    scene: str,
    seed: int,
    exposures: int | None,
    detector: Literal["HAWAII-2", "H2RG"] | None,
    repeats: int | None,
    overwrite: bool,
) -> TutorialPaths:
    """Write a tree of simulated exposures of a scene, some of its parameters changed."""
    changes = {"n_exposures": exposures, "detector": detector, "repeats": repeats}
    given = {name: value for name, value in changes.items() if value is not None}
    try:
        observed = SCENES[scene].replace(seed=seed, **given)
    except ValidationError as error:
        msg = "; ".join(item["msg"] for item in error.errors())
        raise InputError(msg) from None
    return write_tutorial(directory, observed, overwrite=overwrite, progress=reporter.progress)


def score_files(
    mosaics: Sequence[Path],
    directory: Path,
    reporter: Reporter,
    *,
    weights: Path | None = None,
    json: Path | None = None,
    overwrite: bool = False,
) -> None:
    """Measure mosaics against the truth of a simulated tree, and print the figures.

    Parameters
    ----------
    mosaics : sequence of `~pathlib.Path`
        FITS files of any program.
    directory : `~pathlib.Path`
        The simulated tree.
    reporter : Reporter
        Prints the table.
    weights : `~pathlib.Path`, optional
        Weight map of the only mosaic.
    json : `~pathlib.Path`, optional
        Where the figures are to be written.
    overwrite : bool, optional
        Whether that file may be replaced.
    """
    truth = Truth.read(directory)
    names = ["value"] if len(mosaics) == 1 else headings(mosaics)
    scores = {
        heading: score(ScoredImage.read(path, weights=weights), truth, perfect=number == 0)
        for number, (heading, path) in enumerate(zip(names, mosaics, strict=True))
    }
    reporter.say(score_table(scores))
    if json is not None:
        results = [
            {"mosaic": str(path), **result.to_dict()}
            for path, result in zip(mosaics, scores.values(), strict=True)
        ]
        write_json(json, {"tree": str(directory), "mosaics": results}, overwrite=overwrite)


def headings(paths: Sequence[Path]) -> list[str]:
    """Name files by their stems, or by their directories where those are alike."""
    stems = [path.stem for path in paths]
    if len(set(stems)) == len(paths):
        return stems
    parents = [path.parent.name for path in paths]
    if len(set(parents)) == len(paths):
        return parents
    return [str(number) for number, _ in enumerate(paths, start=1)]
