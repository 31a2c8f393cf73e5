"""What the commands have in common that know the truth: simulate and score."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from pydantic import ValidationError

from ..exceptions import InputError
from ..io import require_place, write_json
from ..report import score_table
from ..simulation import SCENES, ScoredImage, Truth, TutorialPaths, score, write_tutorial
from ._output import headings
from ._reporter import Reporter

__all__ = ["score_files", "simulate"]


def simulate(
    directory: Path,
    reporter: Reporter,
    *,
    scene: str,
    seed: int,
    exposures: int | None,
    detector: Literal["HAWAII-2", "H2RG"] | None,
    repeats: int | None,
    overwrite: bool,
) -> TutorialPaths:
    """Write a tree of simulated exposures of a scene, some of its parameters changed."""
    changes = {"n_exposures": exposures, "detector": detector, "repeats": repeats}
    given = {name: value for name, value in changes.items() if value is not None}
    try:
        observed = SCENES[scene].replace(seed=seed, **given)
    except ValidationError as error:
        msg = "; ".join(item["msg"] for item in error.errors())
        raise InputError(msg) from None
    return write_tutorial(directory, observed, overwrite=overwrite, progress=reporter.progress)


def score_files(
    mosaics: Sequence[Path],
    directory: Path,
    reporter: Reporter,
    *,
    weights: Path | None = None,
    json: Path | None = None,
    overwrite: bool = False,
) -> None:
    """Measure mosaics against the truth of a simulated tree, and print the figures.

    Parameters
    ----------
    mosaics : sequence of `~pathlib.Path`
        FITS files of any program.
    directory : `~pathlib.Path`
        The simulated tree.
    reporter : Reporter
        Prints the table.
    weights : `~pathlib.Path`, optional
        Weight map of the only mosaic.
    json : `~pathlib.Path`, optional
        Where the figures are to be written.
    overwrite : bool, optional
        Whether that file may be replaced.
    """
    if json is not None:
        require_place(json, overwrite=overwrite)
    truth = Truth.read(directory)
    names = ["value"] if len(mosaics) == 1 else headings(mosaics)
    scores = {
        heading: score(ScoredImage.read(path, weights=weights), truth, perfect=number == 0)
        for number, (heading, path) in enumerate(zip(names, mosaics, strict=True))
    }
    reporter.say(score_table(scores))
    if json is not None:
        results = [
            {"mosaic": str(path), **result.to_dict()}
            for path, result in zip(mosaics, scores.values(), strict=True)
        ]
        write_json(json, {"tree": str(directory), "mosaics": results}, overwrite=overwrite)
