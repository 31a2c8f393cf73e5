"""What a command would do, said without doing it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .._words import counted
from ._reporter import Reporter

if TYPE_CHECKING:
    from ..dither import CalibrationUse, PlannedBlock
    from ..io import ExposureGroup

__all__ = ["say_plans", "say_reduction"]

_MOST_NAMES = 4


def say_reduction(
    reporter: Reporter,
    group: ExposureGroup,
    sky_exposures: Sequence[Path],
    calibrations: Iterable[CalibrationUse],
    strategies: Mapping[str, Any],
    products: Iterable[Path],
) -> None:
    """Say what ``emirimg reduce`` would do."""
    from ..dither import DitherReducer  # noqa: PLC0415 (heavy)

    reporter.say(
        f"{counted(len(group.paths), 'exposure')} of {group.object_name}, {group.filter_name}"
        f" ({group.detector.name}) would be reduced: {_names(group.paths)}"
    )
    if sky_exposures:
        reporter.say(
            f"{counted(len(sky_exposures), 'exposure')} of the sky: {_names(sky_exposures)}"
        )
    for use in calibrations:
        kind = use.kind.replace("_", " ") + ":"
        reporter.say(f"  {kind:<18}{use.path or 'none'} ({use.reason})")
    for name, text in DitherReducer(**strategies).strategies.items():
        reporter.say(f"  {name + ':':<18}{text}")
    reporter.say("Written would be " + ", ".join(map(str, products)))


def say_plans(reporter: Reporter, plans: Iterable[PlannedBlock]) -> None:
    """Say what ``emirimg run`` would do."""
    for plan in plans:
        what = (
            counted(len(plan.children), "image")
            if plan.children and not plan.exposures
            else f"{counted(len(plan.exposures), 'exposure')}: {_names(plan.exposures)}"
        )
        reporter.say(f"{plan.block.id}: {plan.block.mode} of {what}")
        for kind, path in plan.calibrations.items():
            reporter.say(f"  {kind.replace('_', ' ') + ':':<18}{path}")
        reporter.say(f"  {'results:':<18}{plan.workspace.results}")


def _names(paths: Sequence[Path]) -> str:
    names = [path.name for path in paths]
    if len(names) > _MOST_NAMES:
        return f"{names[0]} ... {names[-1]}"
    return ", ".join(names)
