"""Tell what came of several reductions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from .._jobs import JobOutcome
from ..exceptions import PartialFailureError
from ._reporter import Reporter

__all__ = ["raise_failures", "say_outcomes"]


def say_outcomes(
    reporter: Reporter, outcomes: Sequence[JobOutcome], about: Mapping[str, Sequence[str]],
    columns: Sequence[str],
) -> None:  # fmt: skip
    """Print a table with a line for each reduction.

    Parameters
    ----------
    reporter : Reporter
        Prints it.
    outcomes : sequence of JobOutcome
        What came of them.
    about : mapping
        Name of each to what stands in the other columns.
    columns : sequence of str
        Heading of the names, and of the other columns.
    """
    from rich.table import Table  # noqa: PLC0415 (seldom wanted)

    table = Table(*columns, "state", "seconds")
    for outcome in outcomes:
        seconds = f"{outcome.seconds:.1f}" if outcome.seconds else ""
        table.add_row(outcome.name, *about[outcome.name], outcome.state, seconds)
    reporter.say(table)


def raise_failures(outcomes: Sequence[JobOutcome], kind: str) -> None:
    """Raise what failed: the error itself, if there was only one thing to do.

    Raises
    ------
    PartialFailureError
        If some of several failed; all reasons are in the message.
    """
    errors = [outcome.error for outcome in outcomes if outcome.error is not None]
    if not errors:
        return
    if len(outcomes) == 1:
        raise errors[0]
    lines = [
        f"{outcome.name}: {_reason(outcome)}" for outcome in outcomes if outcome.state != "done"
    ]
    msg = f"{len(lines)} of {len(outcomes)} {kind} could not be reduced, the others are done:"
    raise PartialFailureError("\n  ".join([msg, *lines])) from errors[0]


def _reason(outcome: JobOutcome) -> str:
    if outcome.blocked_by:
        return f"not begun, since it needs {outcome.blocked_by}"
    error = outcome.error
    return str(error) or type(error).__name__
