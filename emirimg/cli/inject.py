"""``emirimg inject``: artificial stars in raw exposures."""

from __future__ import annotations

from pathlib import Path

import click

from ._options import control_option, overwrite_option, reporting_options
from ._strategies import make_strategies, strategy_options

__all__ = ["inject_command"]


@click.command("inject", short_help="Test a reduction with artificial stars.")
@click.argument("paths", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@click.option(
    "-o", "--output", required=True, metavar="OUTDIR", type=click.Path(path_type=Path),
    help="Directory for the products.",
)  # fmt: skip
@control_option
@click.option(
    "--stars",
    type=click.IntRange(min=1),
    default=400,
    show_default=True,
    help="Number of artificial stars.",
)
@click.option(
    "--magnitudes",
    type=(float, float),
    metavar="BRIGHT FAINT",
    help="Their range.  [default: around the depth of the mosaic]",
)
@click.option(
    "--zero-point", type=float, default=25.0, show_default=True, help="Magnitude of 1 ADU."
)
@click.option(
    "--seed",
    type=click.IntRange(min=0),
    default=1,
    show_default=True,
    help="Number that determines everything that is random.",
)
@strategy_options
@overwrite_option
@reporting_options
def inject_command(
    paths: tuple[Path, ...],
    *,
    output: Path,
    control: Path | None,
    stars: int,
    magnitudes: tuple[float, float] | None,
    zero_point: float,
    seed: int,
    overwrite: bool,
    quiet: bool,
    verbose: bool,
    **strategies: str | None,
) -> None:
    """Put artificial stars into the raw exposures in PATHS, and find them again.

    The exposures are reduced, stars of known flux are added to the raw pixels
    (with the profile, the WCS and the transparency of each exposure), and they are
    reduced again. Tells which part of the stars is found, and how wrong their
    fluxes are, against magnitude. The exposures themselves are not changed.

    OUTDIR will hold injection.ecsv (a line for each half magnitude), stars.ecsv
    (a line for each star), injection.json and injection.png.

    \b
    Examples:
      emirimg inject data/ -o test
      emirimg inject data/ -r control.yaml -o test --stars 1000 --magnitudes 14 22
    """  # noqa: D301 (the \b is a mark for click)
    from ._inject import inject  # noqa: PLC0415 (heavy)
    from ._reporter import Reporter  # noqa: PLC0415 (heavy)

    with Reporter(quiet=quiet, verbose=verbose) as reporter:
        inject(
            paths,
            output,
            reporter,
            control=control,
            overwrite=overwrite,
            n_stars=stars,
            magnitudes=magnitudes,
            zero_point=zero_point,
            seed=seed,
            **make_strategies(strategies),
        )
