"""``emirimg check``: whether exposures are fit to be reduced."""

from __future__ import annotations

from pathlib import Path

import click

from ._options import calibration_options, debug_option, json_option, require_one_source

__all__ = ["check_command"]


@click.command("check", short_help="Tell whether exposures are fit to be reduced.")
@click.argument("paths", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@calibration_options
@json_option
@debug_option
@click.pass_context
def check_command(
    ctx: click.Context,
    paths: tuple[Path, ...],
    *,
    control: Path | None,
    bpm: Path | None,
    dark: Path | None,
    flat: Path | None,
    as_json: bool,
) -> None:
    """Look at the raw exposures in PATHS before they are reduced.

    Sorts them by what may be combined, and says what is missing, mixed or
    wrong: incomplete dither patterns, filters and exposure times, WCS and
    pointings, saturation, sky, dead parts of the detector, seeing,
    calibrations, damaged and repeated files. Nothing is written.

    The exit status is 0 if "emirimg reduce PATHS" would work, else 1.
    Warnings tell what makes the result worse, and change nothing.

    \b
    Examples:
      emirimg check data/
      emirimg check data/00018775*.fits -r control.yaml
      emirimg check data/ --json | jq .works
      emirimg check data/ && emirimg reduce data/ -o results
    """  # noqa: D301 (the \b is a mark for click)
    require_one_source(control, bpm, dark, flat)

    import json  # noqa: PLC0415

    from ..dither import check_exposures  # noqa: PLC0415 (heavy)
    from ..report import preflight_text  # noqa: PLC0415 (heavy)
    from ._reporter import Reporter  # noqa: PLC0415 (heavy)

    with Reporter() as reporter:
        found = check_exposures(
            paths,
            control=control,
            calibrations={"bad_pixels": bpm, "dark": dark, "flat": flat},
            progress=reporter.progress,
        )
        if as_json:
            click.echo(json.dumps(found.to_dict(), indent=2, allow_nan=False))
        else:
            reporter.say(preflight_text(found))
    ctx.exit(0 if found.works else 1)
