"""``emirimg demo``: from simulated exposures to a mosaic and its score."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Literal

import click

from ._options import overwrite_option, reporting_options, scene_options

__all__ = ["demo_command"]


@click.command("demo", short_help="Simulate exposures, reduce them, score the mosaic.")
@click.argument(
    "directory", default=Path("emirimg-demo"), type=click.Path(file_okay=False, path_type=Path)
)
@scene_options
@overwrite_option
@reporting_options
def demo_command(
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
    """Show all of emirimg at work, on exposures that it simulates itself.

    Writes full-size raw exposures and their truth to DIRECTORY (default:
    emirimg-demo), reduces them to DIRECTORY/results, measures the mosaic
    against the truth and tells where everything is.

    \b
    Examples:
      emirimg demo
      emirimg demo /tmp/demo --seed 5 --overwrite
      emirimg demo h2rg-demo --detector H2RG --exposures 7
    """  # noqa: D301 (the \b is a mark for click)
    from ._reporter import Reporter  # noqa: PLC0415 (heavy)
    from ._run import CalibrationFiles, reduce_exposures  # noqa: PLC0415 (heavy)
    from ._scenes import score_files, simulate  # noqa: PLC0415 (heavy)

    with Reporter(quiet=quiet, verbose=verbose) as reporter:
        reporter.say(f"1. Simulating raw exposures in {directory}")
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
        results = directory / "results"
        words = ("reduce", str(directory / "data"), "-o", str(results))
        reporter.say(f"\n2. Reducing them:  {shlex.join(['emirimg', *words])}\n")
        reduce_exposures(
            tree.exposures,
            results,
            reporter,
            calibrations=CalibrationFiles(control=tree.control),
            strategies={},
            overwrite=overwrite,
            command=words,
        )
        mosaic = results / "mosaic.fits"
        again = shlex.join(["emirimg", "score", str(mosaic), str(directory)])
        reporter.say(f"\n3. Against the truth:  {again}\n")
        score_files([mosaic], directory, reporter)
        reporter.say(f"\nLook at {results / 'mosaic.png'} and {results / 'report.html'}")
