"""``emirimg reduce``: raw exposures to a mosaic."""

from __future__ import annotations

from pathlib import Path

import click

from .._memory import loading
from ._options import (
    calibration_options,
    dry_run_option,
    overwrite_option,
    reporting_options,
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
@click.option(
    "--scheduler", metavar="ADDRESS",
    help="Work on the cluster of this scheduler of dask (tcp://...), which must see DIR.",
)  # fmt: skip
@strategy_options
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
    scheduler: str | None,
    overwrite: bool,
    dry_run: bool,
    quiet: bool,
    verbose: bool,
    **strategies: str | None,
) -> None:
    """Turn the raw exposures in PATHS (files or directories) into a mosaic.

    The exposures must be of one object through one filter; otherwise nothing
    is done but a list of what was found. Calibrations are those that are named
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
    """  # noqa: D301 (the \b is a mark for click)
    require_one_source(control, bpm, dark, flat)

    with loading():
        from ._reporter import Reporter  # noqa: PLC0415 (heavy)
        from ._run import CalibrationFiles, Machine, reduce_exposures  # noqa: PLC0415 (heavy)

    limits = {} if min_transparency is None else {"min_transparency": min_transparency}
    max_bytes = None if max_memory is None else round(max_memory * 1e9)
    with Reporter(quiet=quiet, verbose=verbose) as reporter:
        reduce_exposures(
            paths,
            output,
            reporter,
            calibrations=CalibrationFiles(control, bpm, dark, flat),
            strategies=make_strategies(strategies) | limits,
            sky_paths=sky_paths,
            mask_regions=mask_regions,
            catalogue=catalogue,
            machine=Machine(max_bytes, scratch, scheduler),
            overwrite=overwrite,
            dry_run=dry_run,
        )
