"""What the commands have in common that reduce exposures."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

from .._memory import loading, return_freed_arrays
from .._version import version
from .._wording import counted
from ..calibration import Calibrations
from ..combine.kernels import load_kernels
from ..dither import CalibrationUse, DitherReducer, DitherResult, find_calibrations
from ..dither.roles import divide_groups
from ..exceptions import MixedExposuresError
from ..io import (
    ExposureGroup,
    find_exposures,
    group_exposures,
    read_calibrations,
    read_frame,
    read_outlines,
    read_reference_catalogue,
    require_one_group,
)
from ..objects import MaskWithRegions, SegmentationMasker
from ..report.files import REPORT_FILES
from ..report.numbers import report_numbers
from ._machine import Machine
from ._output import output_directory, refuse_products, typed_command
from ._plans import say_reduction
from ._reporter import Reporter

__all__ = ["CalibrationFiles", "reduce_exposures"]

_IMAGE, _PICTURE, _LOG = "mosaic.fits", "mosaic.png", "processing.log"
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

    def uses(self, group: ExposureGroup) -> tuple[CalibrationUse, ...]:
        """Find the calibrations for a group of exposures."""
        return find_calibrations(group, control=self.control, files=self.named)

    def read(self, group: ExposureGroup, reporter: Reporter) -> Calibrations:
        """Read the calibrations for a group of exposures."""
        uses = self.uses(group)
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
    command: Sequence[str] = (),
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
    command : sequence of str, optional
        What to type after ``emirimg`` to repeat this. Default: what was typed.
    """
    if dry_run:
        refuse_products(directory, PRODUCTS, overwrite=overwrite)
        group, sky_exposures = _target_and_sky(paths, sky_paths)
        products = [directory / name for name in PRODUCTS]
        say_reduction(
            reporter, group, sky_exposures, calibrations.uses(group), strategies, products
        )
        return None
    return_freed_arrays()
    with (
        output_directory(directory, PRODUCTS, overwrite=overwrite) as workplace,
        ThreadPoolExecutor(max_workers=2) as beside,
    ):
        # What numba needs takes long to load: that is done while exposures are looked for.
        compiled = beside.submit(load_kernels)
        reporter.step(f"emirimg {version}: {shlex.join(sys.argv)}")
        group, sky_exposures = _target_and_sky(paths, sky_paths)
        many = counted(len(group.paths), "exposure")
        reporter.step(f"{many} of {group.object_name}, {group.filter_name}")
        strategies = {**strategies, **_from_files(group, mask_regions, catalogue, reporter)}
        with machine.arguments() as arguments:
            reducer = DitherReducer(
                calibrations=calibrations.read(group, reporter),
                progress=reporter.progress,
                **arguments,
                **strategies,
            )
            drawing: list[Future[ModuleType]] = []
            result = reducer.reduce(
                group.paths,
                sky_exposures=sky_exposures,
                meanwhile=lambda: drawing.append(beside.submit(_load_report)),
            )
        compiled.result()
        counting = beside.submit(report_numbers, result)
        writing = beside.submit(result.write, workplace / _IMAGE)
        for text in result.warnings:
            reporter.note(text)
        report = drawing[0].result()
        report.write_report(
            result,
            workplace,
            command=typed_command(*command),
            picture=workplace / _PICTURE,
            numbers=counting.result,
        )
        writing.result()
        summary = result.summary()
        log = [*reporter.log, "", report.summary_text(summary)]
        (workplace / _LOG).write_text("\n".join(log))
    for table in report.summary_tables(summary):
        reporter.say(table)
    page, numbers, frames = REPORT_FILES
    reporter.say(
        f"The mosaic:   {directory / _IMAGE}\n"
        f"Its picture:  {directory / _PICTURE}\n"
        f"The report:   {directory / page}\n"
        f"The details:  {directory / numbers}, {frames}, {_LOG}"
    )
    return result


def _from_files(
    group: ExposureGroup, mask_regions: Path | None, catalogue: Path | None, reporter: Reporter
) -> dict[str, Any]:
    """Return what the reducer is told by files: further objects, and stars of a catalogue."""
    told: dict[str, Any] = {}
    if mask_regions is not None:
        # A fault of the file shall show now, not after the first mosaic.
        read_outlines(mask_regions, read_frame(group.paths[0]).wcs)
        told["objects"] = MaskWithRegions(
            SegmentationMasker(), partial(read_outlines, mask_regions)
        )
    if catalogue is not None:
        stars = read_reference_catalogue(catalogue, group.filter_name)
        reporter.step(f"catalogue {catalogue}: {counted(len(stars), 'star')}")
        told["catalogue"] = stars
    return told


def _load_report() -> ModuleType:
    """Load what draws a mosaic and its page."""
    with loading():
        import_module("emirimg.report.page")
    return import_module("emirimg.report")


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
