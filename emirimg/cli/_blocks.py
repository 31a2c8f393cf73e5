"""Run observation blocks for the command line."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from .._memory import return_freed_arrays
from .._version import version
from ..dither import RunOptions, plan_run, run_blocks
from ..exceptions import InputError
from ..instrument import detector_by_uuid
from ..io import read_control, write_control_dump
from ._machine import Machine
from ._outcomes import raise_failures, say_outcomes
from ._output import typed_command
from ._plans import say_plans
from ._reporter import Reporter

if TYPE_CHECKING:
    from ..dither import DitherResult

__all__ = ["run_files"]

_CONTROL, _DUMP = "control.yaml", "control_dump.yaml"


def run_files(
    paths: Sequence[Path],
    reporter: Reporter,
    *,
    control: Path | None,
    changes: Mapping[str, str],
    insconf: str | None,
    dump_control: bool,
    dry_run: bool = False,
    machine: Machine = Machine(),
    **options: Any,
) -> list[Path]:
    """Run the enabled blocks of some files and tell where the images are.

    If a block fails, the others are reduced all the same.

    Parameters
    ----------
    paths : sequence of `~pathlib.Path`
        Files with observation blocks.
    reporter : Reporter
        Is told what happens.
    control : `~pathlib.Path` or None
        Control file. Default: ``control.yaml`` in the base directory.
    changes : mapping
        Requirements that replace those of the blocks, as they were typed.
    insconf : str or None
        Identifier (uuid) of the detector.
    dump_control : bool
        Whether to write down everything that was asked for.
    dry_run : bool, optional
        Whether nothing is done, but said what would be.
    machine : Machine, optional
        Whose workers each reduce whole blocks. Default: one block after the other, here.
    **options
        As for `~emirimg.dither.RunOptions`.
    """
    reporter.step(f"emirimg {version}: {shlex.join(sys.argv)}")
    wanted = RunOptions(
        changes={name: _value(name, text) for name, text in changes.items()},
        detector=None if insconf is None else detector_by_uuid(insconf),
        **options,
    )
    if control is None and (wanted.base / _CONTROL).is_file():
        control = wanted.base / _CONTROL
    if control is not None:
        reporter.step(f"control file {control}")
    choices = None if control is None else read_control(control)
    plans = plan_run(paths, choices, wanted)
    if dry_run:
        say_plans(reporter, plans)
        return []
    if dump_control:
        write_control_dump(wanted.base / _DUMP, [plan.block for plan in plans], choices)
    if not plans:
        reporter.note("no block is enabled: nothing was done")
        return []
    return_freed_arrays()
    with machine.workers() as workers:
        outcomes = run_blocks(
            plans,
            wanted,
            workers=workers,
            shares=machine.processes,
            progress=reporter.progress,
            say=reporter.step,
            report=partial(_write_report, command=typed_command()),
        )
    done = [outcome for outcome in outcomes if outcome.state == "done"]
    for outcome in done:
        reporter.say(f"{outcome.name}: {outcome.result}")
    if len(done) < len(outcomes) > 1:
        about = {plan.block.id: [plan.block.mode] for plan in plans}
        say_outcomes(reporter, outcomes, about, ["block", "mode"])
    raise_failures(outcomes, "blocks")
    return [outcome.result for outcome in done]


def _write_report(result: DitherResult, directory: Path, command: str) -> None:
    from ..report import write_report  # noqa: PLC0415 (heavy, and few runs need it)

    write_report(result, directory, command=command)


def _value(name: str, text: str) -> Any:
    """Read a value as YAML would."""
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError:
        msg = f"--parameter-{name}: {text!r} is not a value; quote it as in YAML"
        raise InputError(msg) from None
