"""``emirimg run``: reduce observation blocks."""

from __future__ import annotations

from pathlib import Path

import click

from .._memory import loading
from ._options import FILE, dry_run_option, machine_options, reporting_options, require_one_place

__all__ = ["run_command"]

_DIRECTORY = click.Path(file_okay=False, path_type=Path)
_PARAMETER = "--parameter-"


class _Command(click.Command):
    """A command that takes ``--parameter-NAME=VALUE`` for any NAME."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        rest: list[str] = []
        changes: dict[str, str] = {}
        words = iter(args)
        for word in words:
            if word == "--":
                rest += [word, *words]
            elif word.startswith(_PARAMETER):
                name, equals, value = word.removeprefix(_PARAMETER).partition("=")
                value = value if equals else next(words, "")
                if not name or not value:
                    msg = f"{word}: {_PARAMETER}NAME=VALUE was expected"
                    raise click.UsageError(msg, ctx)
                changes[name] = value
            else:
                rest.append(word)
        ctx.meta[_PARAMETER] = changes
        return super().parse_args(ctx, rest)


@click.command("run", cls=_Command, short_help="Reduce observation blocks (as numina does).")
@click.argument("blocks", nargs=-1, required=True, type=FILE, metavar="OBS.yaml...")
@click.option(
    "-r",
    "--requirements",
    "-c",
    "--task-control",
    "control",
    type=FILE,
    metavar="FILE",
    help="Control file: calibrations and defaults.  [default: control.yaml, if it is there]",
)
@click.option(
    "--basedir",
    type=_DIRECTORY,
    default=Path(),
    metavar="DIR",
    help="Where the work and results directories are.  [default: .]",
)
@click.option(
    "--datadir",
    type=_DIRECTORY,
    default=Path("data"),
    show_default=True,
    metavar="DIR",
    help="Where the exposures are, below the base directory.",
)
@click.option(
    "--calibsdir",
    "--rootdir",
    type=_DIRECTORY,
    metavar="DIR",
    help="Where the calibrations are.  [default: as the control file says]",
)
@click.option(
    "--workdir", type=_DIRECTORY, metavar="DIR", help="Work directory of the only enabled block."
)
@click.option(
    "--resultsdir",
    type=_DIRECTORY,
    metavar="DIR",
    help="Results directory of the only enabled block.",
)
@click.option(
    "--copy-files/--link-files",
    "copy_files",
    default=True,
    help="Copy inputs to the work directories, or link them.  [default: copy]",
)
@click.option("--not-copy-files", is_flag=True, help="The same as --link-files.")
@click.option("--cleanup", is_flag=True, help="Remove work directories afterwards.")
@click.option(
    "-e",
    "--enable",
    multiple=True,
    metavar="BLOCKID",
    help="Run this block, too, even if it is not enabled; repeatable.",
)
@click.option("-p", "--pipeline", metavar="NAME", help="Set of recipes of all blocks.")
@click.option(
    "-i",
    "--insconf",
    "--profile",
    metavar="UUID",
    help="Detector of the exposures.  [default: by their headers]",
)
@click.option("--session", is_flag=True, help="The first document of each file lists what is run.")
@click.option(
    "--strict-reqs/--loose-reqs",
    "strict",
    default=True,
    help="Refuse unknown requirements, or leave them out with a note.  [default: refuse]",
)
@click.option("--validate", is_flag=True, help="Read every result back.")
@click.option(
    "--dump-control", is_flag=True, help="Write control_dump.yaml: everything that was asked for."
)
@click.option("--report", is_flag=True, help="Write report.html of mosaics of the recipes, too.")
@machine_options
@dry_run_option
@reporting_options
@click.pass_context
def run_command(
    ctx: click.Context,
    *,
    blocks: tuple[Path, ...],
    control: Path | None,
    calibsdir: Path | None,
    basedir: Path,
    datadir: Path,
    workdir: Path | None,
    resultsdir: Path | None,
    copy_files: bool,
    not_copy_files: bool,
    cleanup: bool,
    enable: tuple[str, ...],
    pipeline: str | None,
    insconf: str | None,
    session: bool,
    strict: bool,
    validate: bool,
    dump_control: bool,
    report: bool,
    processes: int | None,
    scheduler: str | None,
    dry_run: bool,
    quiet: bool,
    verbose: bool,
) -> None:  # fmt: skip
    """Reduce the enabled observation blocks of OBS.yaml...

    The files, options, directories and results are those of "numina run": block
    _X gets obsid_X_work and obsid_X_results with reduced_image.fits,
    result.json, task.json and processing.log. Everything is checked before any
    work; nothing is written if something is missing. If a block fails, the
    others are reduced all the same, but for those that need its image.

    With --processes or --scheduler, whole blocks are reduced by each worker.

    --parameter-NAME=VALUE replaces a requirement of all blocks that know it.

    \b
    Examples:
      emirimg run dithered_ini.yaml --link-files -r control.yaml
      emirimg run dithered_v5.yaml --link-files -r control.yaml
      emirimg run dithered_v5.yaml --parameter-sky_images=8 -r control.yaml
      emirimg run night1.yaml night2.yaml -e _0001877553
      emirimg run night*.yaml --link-files --processes 8
    """  # noqa: D301 (the \b is a mark for click)
    require_one_place(processes, scheduler)

    with loading():
        from ._blocks import run_files  # noqa: PLC0415 (heavy)
        from ._machine import Machine  # noqa: PLC0415 (heavy)
        from ._reporter import Reporter  # noqa: PLC0415 (heavy)

    with Reporter(quiet=quiet, verbose=verbose) as reporter:
        run_files(
            blocks,
            reporter,
            control=control,
            changes=ctx.meta[_PARAMETER],
            insconf=insconf,
            dump_control=dump_control,
            machine=Machine(scheduler=scheduler, processes=processes),
            dry_run=dry_run,
            base=basedir,
            data=datadir,
            calibrations=calibsdir,
            work=workdir,
            results=resultsdir,
            enable=enable,
            pipeline=pipeline,
            session=session,
            loose=not strict,
            link=not_copy_files or not copy_files,
            validate=validate,
            cleanup=cleanup,
            report=report,
        )
