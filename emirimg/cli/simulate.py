"""``emirimg simulate``: raw exposures with known truth."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import click

from ._options import overwrite_option, reporting_options, scene_options

__all__ = ["simulate_command"]


@click.command("simulate", short_help="Write raw exposures with known truth.")
@click.argument("directory", type=click.Path(file_okay=False, path_type=Path))
@scene_options
@overwrite_option
@reporting_options
def simulate_command(
    directory: Path,
    *,
    scene: str,
    seed: int,
    exposures: int | None,
    detector: Literal["HAWAII-2", "H2RG"] | None,
    repeats: int | None,
    overwrite: bool,
    quiet: bool,
    verbose: bool,
) -> None:
    """Write a tree of simulated raw exposures to DIRECTORY.

    The tree holds full-size exposures with true headers, the master bad-pixel
    mask, dark and flat, a control file and parameter files, and the truth to
    score a mosaic against.

    \b
    Examples:
      emirimg simulate tutorial
      emirimg simulate tutorial --seed 7 --exposures 28
      emirimg simulate cloudy --scene clouds
      emirimg simulate h2rg --detector H2RG
      emirimg simulate nexp3 --exposures 21 --repeats 3
    """  # noqa: D301 (the \b is a mark for click)
    from ._reporter import Reporter  # noqa: PLC0415 (heavy)
    from ._scenes import simulate  # noqa: PLC0415 (heavy)

    with Reporter(quiet=quiet, verbose=verbose) as reporter:
        tree = simulate(
            directory,
            reporter,
            scene=scene,
            seed=seed,
            exposures=exposures,
            detector=detector,
            repeats=repeats,
            overwrite=overwrite,
        )
        reporter.say(
            f"{len(tree.exposures)} simulated exposures are in {directory}.\n"
            f"To reduce them:  emirimg reduce {directory / 'data'} -o results"
        )
