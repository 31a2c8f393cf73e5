"""``emirimg info``: what the headers of exposures say."""

from __future__ import annotations

from pathlib import Path

import click

from ._options import debug_option, json_option

__all__ = ["info_command"]


@click.command("info", short_help="Show the headers of exposures as a table.")
@click.argument("files", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@json_option
@debug_option
def info_command(files: tuple[Path, ...], *, as_json: bool) -> None:
    """Show the header keywords of FILES that observers look at.

    One line for each exposure: observing block, place in the dither pattern,
    repeats, object, exposure time, read mode, filter, time and pointing.
    FILES may be directories. The lines are long: pipe them into "less -S".
    In JSON, keywords that a header does not have are null.

    \b
    Examples:
      emirimg info data/
      emirimg info data/*.fits | less -S
      emirimg info data/ > headers.txt
      emirimg info data/ --json | jq '.[].FILTER'
    """  # noqa: D301 (the \b is a mark for click)
    import json  # noqa: PLC0415

    from ..io.groups import header_table  # noqa: PLC0415 (heavy)
    from ._reporter import Reporter  # noqa: PLC0415 (heavy)

    with Reporter():
        table = header_table(files)
    if as_json:
        rows = zip(*(table[name].tolist() for name in table.colnames), strict=True)
        content = [dict(zip(table.colnames, row, strict=True)) for row in rows]
        click.echo(json.dumps(content, indent=2))
        return
    click.echo("\n".join(table.pformat(max_lines=-1, max_width=-1)))
