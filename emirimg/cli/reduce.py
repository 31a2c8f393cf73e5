"""``emirimg reduce``: raw exposures to a mosaic."""

from __future__ import annotations

from pathlib import Path

import click

from .._memory import loading
from ._options import (
    calibration_options,
    dry_run_option,
    machine_options,
    overwrite_option,
    reporting_options,
    require_one_place,
    require_one_source,
)
from ._strategies import make_strategies, strategy_options

__all__ = ["reduce_command"]

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command("reduce", short_help="Turn raw exposures into a mosaic.")
@click.argument("paths", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@click.option(
    "-o", "--output", required=True, metavar="OUTDIR", type=click.Path(path_type=Path),
    help="Directory for the products.",
)  # fmt: skip
@calibration_options
@click.option(
    "--sky-exposures", "sky_paths", multiple=True, metavar="PATH",
    type=click.Path(exists=True, path_type=Path),
    help="Exposures of the sky beside an extended target: a file or a directory;"
    " may be given several times.",
)  # fmt: skip
@click.option(
    "--mask-regions", metavar="REG", type=_FILE,
    help="Region file of DS9: what else to mask as objects (sky or mosaic pixels).",
)  # fmt: skip
@click.option(
    "--catalogue", metavar="FILE", type=_FILE,
    help="Stars to tie places and magnitudes to (FITS, ECSV, CSV: ra, dec, mag).",
)  # fmt: skip
@click.option(
    "--min-transparency", type=click.FloatRange(0, 1),
    help="Leave out exposures less transparent than this part of the clearest.  [default: 0.2]",
)  # fmt: skip
@click.option(
    "--max-memory", metavar="GB", type=click.FloatRange(min=0),
    help="Memory to use, roughly; frames that do not fit into a third go to scratch files."
    "  [default: 1.5, or half of what is available]",
)  # fmt: skip
@click.option(
    "--scratch", metavar="DIR", type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Where scratch files are kept.  [default: that of the system]",
)  # fmt: skip
@machine_options
@click.option(
    "--each", is_flag=True,
    help="Make a mosaic of each group of exposures that belong together.",
)  # fmt: skip
@strategy_options
@click.option(
    "--watch", is_flag=True,
    help="Follow the directory PATHS while the sequence is observed: a quick mosaic, seeing and"
    " depth after each exposure; in the end reduce it in full.",
)  # fmt: skip
@click.option(
    "--expect", type=click.IntRange(min=1), metavar="N",
    help="With --watch: the sequence is over after N exposures of the target.",
)  # fmt: skip
@click.option(
    "--patience", type=click.FloatRange(min=0, min_open=True), metavar="MINUTES",
    help="With --watch: the sequence is over so long after its last exposure.  [default: 10]",
)  # fmt: skip
@overwrite_option
@dry_run_option
@reporting_options
def reduce_command(
    paths: tuple[Path, ...],
    *,
    output: Path,
    control: Path | None,
    bpm: Path | None,
    dark: Path | None,
    flat: Path | None,
    sky_paths: tuple[Path, ...],
    mask_regions: Path | None,
    catalogue: Path | None,
    min_transparency: float | None,
    max_memory: float | None,
    scratch: Path | None,
    processes: int | None,
    scheduler: str | None,
    watch: bool,
    expect: int | None,
    patience: float | None,
    each: bool,
    overwrite: bool,
    dry_run: bool,
    quiet: bool,
    verbose: bool,
    **strategies: str | None,
) -> None:
    """Turn the raw exposures in PATHS (files or directories) into a mosaic.

    The exposures must be of one object through one filter; otherwise nothing
    is done but a list of what was found. With --each, every group of exposures
    that belong together is reduced, to a directory of its own in OUTDIR; with
    --processes or --scheduler, each by a worker. If one fails, the others are
    reduced all the same. Calibrations are those that are named
    here, or those of CONTROL, or those of a control.yaml beside or above the
    exposures.

    Exposures of the sky beside an extended target are those of
    --sky-exposures, or those whose OBJECT says SKY or OFF, or those whose
    pointings do not overlap with the others. They do not enter the mosaic.

    OUTDIR will hold mosaic.fits (image, variance, mask, coverage, exposure
    time), mosaic.png (a picture of it), report.html (a page to look at in a
    browser; its numbers are in summary.json and frames.ecsv) and
    processing.log. It appears when all is done; a failure leaves nothing
    behind.

    \b
    Examples:
      emirimg reduce data/ -o results
      emirimg reduce data/00018775*.fits -r control.yaml -o results
      emirimg reduce data/ --bpm bpm.fits --flat flat.fits -o results
      emirimg reduce data/ -o results --dry-run
      emirimg reduce data/ -o constant --sky constant
      emirimg reduce m33/ --sky-exposures m33_sky/ -o results
      emirimg reduce data/ -o masked --mask-regions nebula.reg
      emirimg reduce data/ -o results --watch --expect 14
      emirimg reduce night/ -o results --each --processes 4
    """  # noqa: D301 (the \b is a mark for click)
    require_one_source(control, bpm, dark, flat)
    require_one_place(processes, scheduler)
    _require_sense(watch, each, dry_run, sky_paths, expect, patience)

    with loading():
        from ._machine import Machine  # noqa: PLC0415 (heavy)
        from ._night import reduce_night  # noqa: PLC0415 (heavy)
        from ._reporter import Reporter  # noqa: PLC0415 (heavy)
        from ._run import CalibrationFiles, reduce_exposures  # noqa: PLC0415 (heavy)

    limits = {} if min_transparency is None else {"min_transparency": min_transparency}
    calibrations = CalibrationFiles(control, bpm, dark, flat)
    chosen = make_strategies(strategies) | limits
    given = {
        "calibrations": calibrations,
        "strategies": chosen,
        "mask_regions": mask_regions,
        "catalogue": catalogue,
        "machine": Machine(
            None if max_memory is None else round(max_memory * 1e9), scratch, scheduler, processes
        ),
        "overwrite": overwrite,
        "dry_run": dry_run,
    }
    with Reporter(quiet=quiet, verbose=verbose) as reporter:
        if each:
            reduce_night(paths, output, reporter, **given)
            return
        if watch:
            from ._watch import Waiting, watch_directory  # noqa: PLC0415 (heavy)

            paths, sky_paths = watch_directory(
                paths, output, reporter, calibrations=calibrations, strategies=chosen,
                waiting=Waiting(expect, 10.0 if patience is None else patience),
                overwrite=overwrite,
            )  # fmt: skip
        reduce_exposures(paths, output, reporter, sky_paths=sky_paths, **given)


def _require_sense(
    watch: bool,  # noqa: FBT001 (flags of the command)
    each: bool,  # noqa: FBT001
    dry_run: bool,  # noqa: FBT001
    sky_paths: tuple[Path, ...],
    expect: int | None,
    patience: float | None,
) -> None:
    """Refuse options that mean nothing together."""
    if each and sky_paths:
        msg = "--each finds the exposures of the sky itself, by their OBJECT: no --sky-exposures"
        raise click.UsageError(msg)
    if not watch and (expect is not None or patience is not None):
        msg = "--expect and --patience mean nothing without --watch"
        raise click.UsageError(msg)
    if watch and (dry_run or each or sky_paths):
        msg = "--watch cannot be combined with --dry-run, --each or --sky-exposures"
        raise click.UsageError(msg)
