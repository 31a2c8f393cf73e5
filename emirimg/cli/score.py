"""``emirimg score``: a mosaic against the truth."""

from __future__ import annotations

from pathlib import Path

import click

from ._options import debug_option

__all__ = ["score_command"]


@click.command("score", short_help="Measure a mosaic against the simulated truth.")
@click.argument("mosaic", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("directory", type=click.Path(exists=True, file_okay=False, path_type=Path))
@debug_option
def score_command(mosaic: Path, directory: Path) -> None:
    """Measure MOSAIC against the truth of the simulated tree DIRECTORY.

    \b
    Examples:
      emirimg simulate tutorial
      emirimg reduce tutorial/data -o results
      emirimg score results/mosaic.fits tutorial
    """  # noqa: D301 (the \b is a mark for click)
    from ._reporter import Reporter  # noqa: PLC0415 (heavy)
    from ._run import score_file  # noqa: PLC0415 (heavy)

    with Reporter() as reporter:
        score_file(mosaic, directory, reporter)
