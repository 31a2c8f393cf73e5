"""Reduce each group of exposures of a night."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import astropy.units as u

from .._jobs import Job, JobOutcome, run_jobs
from ..dither.roles import divide_groups, skies_of
from ..io import ExposureGroup, find_exposures, group_exposures
from ._machine import Machine
from ._outcomes import raise_failures, say_outcomes
from ._output import refuse_products
from ._plans import say_reduction
from ._reporter import Reporter
from ._run import PRODUCTS, CalibrationFiles, reduce_exposures

__all__ = ["directory_names", "reduce_night"]


def reduce_night(
    paths: Sequence[Path],
    directory: Path,
    reporter: Reporter,
    *,
    calibrations: CalibrationFiles,
    strategies: Mapping[str, Any],
    machine: Machine = Machine(),
    overwrite: bool = False,
    dry_run: bool = False,
    **options: Any,
) -> list[JobOutcome]:
    """Reduce each group of exposures that belong together to a directory of its own.

    If one group fails, the others are reduced all the same.

    Parameters
    ----------
    paths : sequence of `~pathlib.Path`
        Exposures, or directories that hold them.
    directory : `~pathlib.Path`
        Where the directories of the groups shall be.
    reporter : Reporter
        Is told what happens.
    calibrations : CalibrationFiles
        Where the calibrations are.
    strategies : mapping
        Arguments for `~emirimg.dither.DitherReducer`.
    machine : Machine, optional
        Whose workers each reduce whole groups. Default: one group after the other, here.
    overwrite : bool, optional
        Whether earlier products may be replaced.
    dry_run : bool, optional
        Whether nothing is done, but said what would be.
    **options
        As for `~emirimg.cli._run.reduce_exposures`.

    Returns
    -------
    list of JobOutcome
        One for each group.
    """
    targets, skies = divide_groups(group_exposures(find_exposures(paths)))
    names = directory_names(targets)
    groups = dict(zip(names, targets, strict=True))
    beside = dict(zip(names, skies_of(targets, skies), strict=True))
    for name in groups:
        refuse_products(directory / name, PRODUCTS, overwrite=overwrite)
    if dry_run:
        for name, group in groups.items():
            products = [directory / name / product for product in PRODUCTS]
            say_reduction(
                reporter, group, beside[name], calibrations.uses(group), strategies, products
            )
        return []
    # Whatever workers keep there is removed here, even if they are killed.
    with (
        TemporaryDirectory(prefix="emirimg-", dir=machine.scratch) as scratch,
        machine.workers() as workers,
    ):
        alone = replace(machine, scratch=Path(scratch), processes=None, scheduler=None)
        jobs = [
            Job(
                name,
                partial(
                    _reduce_group,
                    [path.absolute() for path in group.paths],
                    (directory / name).absolute(),
                    sky_paths=[path.absolute() for path in beside[name]],
                    calibrations=calibrations.absolute(),
                    strategies=strategies,
                    machine=alone,
                    overwrite=overwrite,
                    **options,
                ),
            )
            for name, group in groups.items()
        ]
        outcomes = run_jobs(
            jobs,
            workers,
            shares=machine.processes,
            progress=reporter.progress,
            description="Reducing groups",
        )
    about = {
        name: (group.object_name, group.filter_name, str(len(group.paths)))
        for name, group in groups.items()
    }
    for outcome in outcomes:
        for text in outcome.result or ():
            reporter.note(f"{outcome.name}: {text}")
    say_outcomes(reporter, outcomes, about, ["directory", "object", "filter", "exposures"])
    raise_failures(outcomes, "groups")
    return outcomes


def directory_names(groups: Sequence[ExposureGroup]) -> list[str]:
    """Name a directory for each group: object and filter, with the exposure time if that differs.

    Parameters
    ----------
    groups : sequence of ExposureGroup
        As from `~emirimg.io.group_exposures`.
    """
    names = [_tidy(f"{group.object_name}_{group.filter_name}") for group in groups]
    often = Counter(names)
    names = [
        name if often[name] == 1 else f"{name}_{group.exposure_time.to_value(u.s):g}s"
        for name, group in zip(names, groups, strict=True)
    ]
    often = Counter(names)
    return [
        name if often[name] == 1 else f"{name}_{number}"
        for number, name in enumerate(names, start=1)
    ]


def _tidy(name: str) -> str:
    return re.sub(r"[^\w.+-]+", "_", name).strip("._") or "group"


def _reduce_group(paths: Sequence[Path], directory: Path, **options: Any) -> tuple[str, ...]:
    """Reduce one group, perhaps in a worker, and return what it warns of."""
    with Reporter(quiet=True) as reporter:
        result = reduce_exposures(paths, directory, reporter, **options)
    assert result is not None
    return result.warnings
