"""``emirimg generate-yaml``: observation blocks of a dithered sequence."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from .._wording import counted
from ._options import debug_option

__all__ = ["generate_yaml_command"]


@click.command("generate-yaml", short_help="Write the observation blocks of a sequence.")
@click.argument(
    "list_file",
    required=False,
    metavar="[LIST.txt]",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
)
@click.option(
    "--from-headers",
    "directory",
    metavar="DIR",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Take the exposures in DIR (or DIR/data) by their headers; no list is needed.",
)
@click.option(
    "--step",
    required=True,
    type=click.IntRange(0, 1),
    metavar="{0,1}",
    help="0: reduce the exposures; 1: combine them.",
)
@click.option(
    "--outfile",
    required=True,
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="YAML file to write; it must not exist.",
)
@click.option(
    "--reprojection",
    default="interp",
    show_default=True,
    type=click.Choice(["interp", "adaptive", "exact", "none"]),
    help="How exposures are resampled.",
)
@click.option(
    "--repeat",
    type=click.IntRange(min=1),
    default=None,
    metavar="N",
    help="Exposures at each position (NEXP).  [default: 1]",
)
@click.option(
    "--obsid_combined",
    "--obsid-combined",
    default="combined",
    show_default=True,
    metavar="ID",
    help="Identifier of the block that combines.",
)
@click.option("--echo", is_flag=True, help="Display the command line.")
@debug_option
def generate_yaml_command(
    list_file: Path | None,
    *,
    directory: Path | None,
    step: int,
    outfile: Path,
    reprojection: str,
    repeat: int | None,
    obsid_combined: str,
    echo: bool,
) -> None:  # fmt: skip
    """Write the observation blocks of a dithered sequence, for "emirimg run".

    LIST.txt has the name of one exposure in each line, in order of time; lines
    that start with # or @ are skipped. Instead of a list, --from-headers sorts
    the exposures of a directory by object, filter, position and repeat.

    \b
    Examples:
      emirimg generate-yaml data/list.txt --step 0 --outfile ini.yaml
      emirimg generate-yaml data/list.txt --step 1 --repeat 3 \\
        --obsid_combined combined_v0 --outfile v0.yaml
      emirimg generate-yaml --from-headers data --step 0 --outfile ini.yaml
    """  # noqa: D301 (the \b is a mark for click)
    if (list_file is None) == (directory is None):
        msg = "give either LIST.txt or --from-headers DIR"
        raise click.UsageError(msg)
    if directory is not None and repeat is not None:
        msg = "--repeat belongs to LIST.txt; with --from-headers the headers say it"
        raise click.UsageError(msg)

    import shlex  # noqa: PLC0415
    import sys  # noqa: PLC0415

    from ..exceptions import InputError  # noqa: PLC0415 (heavy)
    from ..io import generate_blocks, generate_from_headers, write_blocks  # noqa: PLC0415 (heavy)
    from ._reporter import Reporter  # noqa: PLC0415 (heavy)

    if echo:
        click.echo(f"Executing: {shlex.join(sys.argv)}")
    if outfile.exists():  # as PyEmir: before anything is read
        msg = f"{outfile} exists already, and is not replaced"
        raise InputError(msg)
    how: dict[str, Any] = {
        "step": step, "reprojection": reprojection, "obsid_combined": obsid_combined,
    }  # fmt: skip
    with Reporter() as reporter:
        if directory is not None:
            blocks = generate_from_headers(directory, **how)
        elif list_file is not None:
            try:
                lines = list_file.read_text(encoding="utf-8").splitlines()
            except UnicodeDecodeError as error:
                msg = f"{list_file} is not a text file ({error.reason} at byte {error.start})"
                raise InputError(msg) from None
            blocks = generate_blocks(lines, repeat=repeat or 1, **how)
        write_blocks(outfile, blocks)
        reporter.say(f"{outfile}: {counted(len(blocks), 'block')}")
