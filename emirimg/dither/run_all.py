"""Reduce observation blocks, here or by workers."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import replace
from functools import partial

from .._jobs import Job, JobOutcome, run_jobs
from .._parallel import Progress, default_executor, no_progress
from ..io.numina.records import IMAGE
from .planned import PlannedBlock, RunOptions
from .run import BlockRunner, Report

__all__ = ["run_blocks"]


def run_blocks(
    plans: Iterable[PlannedBlock],
    options: RunOptions = RunOptions(),
    *,
    executor: Executor | None = None,
    workers: Executor | None = None,
    shares: int | None = None,
    progress: Progress = no_progress,
    say: Callable[[str], object] = str,
    report: Report | None = None,
) -> list[JobOutcome]:
    """Reduce planned blocks; if one of them fails, the others are reduced all the same.

    Parameters
    ----------
    plans : iterable of PlannedBlock
        As from `plan_run`.
    options : RunOptions, optional
        The same as for the plan.
    executor : `concurrent.futures.Executor`, optional
        Where the frames of a block are worked on. Default: threads, one for each
        processor.
    workers : `concurrent.futures.Executor`, optional
        Whose workers, processes or machines that see the files by the same names, each
        reduce a whole block. Default: the blocks are reduced here, one after the other.
    shares : int, optional
        How many workers share a machine. Default: one for each processor.
    progress : callable, optional
        See `~emirimg.dither.DitherReducer`.
    say : callable, optional
        Is told, in one line each, what happens. Default: nobody is told.
    report : callable, optional
        ``report(result, directory)`` writes the report of a mosaic beside it,
        such as `emirimg.report.write_report`. Default: none is written.

    Returns
    -------
    list of JobOutcome
        One for each block, with its ``name``, its ``state`` (done, failed, not begun), the
        image (``result``), or why there is none (``error``, ``blocked_by``). A
        block that failed has no results, but its log is in its work directory. A
        block whose children have failed is not begun.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> from emirimg.dither import RunOptions, plan_run, run_blocks
    >>> from emirimg.io import read_control
    >>> from emirimg.simulation import Scene, write_tutorial
    >>> scene = Scene(shape=(64, 64), n_exposures=1, n_stars=5, n_galaxies=0)
    >>> with TemporaryDirectory() as directory:
    ...     tree = write_tutorial(directory, scene)
    ...     options = RunOptions(base=Path(directory))
    ...     plans = plan_run([tree.observations["ini"]], read_control(tree.control), options)
    ...     [outcome] = run_blocks(plans, options)  # doctest: +IGNORE_WARNINGS
    >>> outcome.state, outcome.result.name
    ('done', 'reduced_image.fits')
    """
    plans = list(plans)
    names = {plan.workspace.results: plan.block.id for plan in plans}
    after = {
        plan.block.id: [names[child.results] for child in plan.children if child.results in names]
        for plan in plans
        if not plan.exposures
    }
    with default_executor(executor) as pool, ThreadPoolExecutor(max_workers=1) as beside:
        runner = BlockRunner(options, pool, beside, progress, say, report)
        jobs = [
            Job(
                plan.block.id,
                partial(runner.run, plan)
                if workers is None
                else partial(_run_alone, plan.absolute(), options.absolute(), report),
                tuple(after.get(plan.block.id, ())),
            )
            for plan in plans
        ]
        outcomes = run_jobs(
            jobs, workers, shares=shares, progress=progress, description="Reducing blocks"
        )
    images = [plan.workspace.results / IMAGE for plan in plans]
    return [
        replace(outcome, result=image if outcome.state == "done" else None)
        for outcome, image in zip(outcomes, images, strict=True)
    ]


def _run_alone(plan: PlannedBlock, options: RunOptions, report: Report | None) -> None:
    """Reduce one block in a worker."""
    with default_executor(None) as pool, ThreadPoolExecutor(max_workers=1) as beside:
        BlockRunner(options, pool, beside, no_progress, str, report).run(plan)
