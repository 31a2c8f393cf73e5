"""``emirimg score``: a mosaic against the truth."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from ._options import FILE, debug_option, overwrite_option

__all__ = ["score_command"]


@click.command("score", short_help="Measure mosaics against the simulated truth.")
@click.argument(
    "paths", nargs=-1, required=True, metavar="MOSAICS... TREE",
    type=click.Path(exists=True, path_type=Path),
)  # fmt: skip
@click.option(
    "--weight",
    metavar="FITS",
    type=FILE,
    help="Weight map of the only mosaic, if not beside it (NAME.weight.fits).",
)
@click.option(
    "--json",
    "json_file",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Write the figures to that file too.",
)
@overwrite_option
@debug_option
def score_command(
    paths: tuple[Path, ...],
    *,
    weight: Path | None,
    json_file: Path | None,
    overwrite: bool,
) -> None:
    """Measure MOSAICS, side by side, against the truth of the simulated TREE.

    The mosaics may come from any program (emirimg, PyEmir, SWarp) and have any
    unit, scale and WCS. The variance is that of an extension or of a weight map.

    \b
    Examples:
      emirimg simulate tutorial
      emirimg reduce tutorial/data -o results
      emirimg score results/mosaic.fits tutorial
      emirimg score ours.fits theirs.fits tutorial --json scores.json
    """  # noqa: D301 (the \b is a mark for click)
    *mosaics, tree = paths
    _require_sense(mosaics, tree)
    if weight is not None and len(mosaics) > 1:
        msg = "--weight is for one mosaic; several find theirs beside them (NAME.weight.fits)"
        raise click.UsageError(msg)

    from ._reporter import Reporter  # noqa: PLC0415 (heavy)
    from ._scenes import score_files  # noqa: PLC0415 (heavy)

    with Reporter() as reporter:
        score_files(mosaics, tree, reporter, weights=weight, json=json_file, overwrite=overwrite)


def _require_sense(mosaics: Sequence[Path], tree: Path) -> None:
    """Refuse what is not files followed by a directory, and say which of them is missing."""
    if not tree.is_dir():
        msg = (
            "TREE is missing: the directory of the simulated exposures and their truth must come"
            f" last, but {tree} is a file"
        )
        raise click.UsageError(msg)
    if not mosaics:
        msg = f"MOSAICS are missing: name at least one mosaic (FITS) before the directory {tree}"
        raise click.UsageError(msg)
    for path in mosaics:
        if path.is_dir():
            msg = f"{path} is a directory; a mosaic (FITS) was expected, and one TREE, at the end"
            raise click.UsageError(msg)
