"""Make the observation blocks of a dithered sequence."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Literal

from pydantic import ValidationError

from ..._wording import counted
from ...blocks import DitherRequirements, ObservationBlock, StareRequirements
from ...exceptions import InputError, MetadataWarning
from ..groups import ExposureGroup, group_exposures
from ..patterns import find_gaps, group_repeats

__all__ = ["generate_blocks", "generate_from_headers"]

Reprojection = Literal["interp", "adaptive", "exact", "none"]

_ID_LENGTH = 10
"""Length of the running number with which the names of exposures begin."""


def generate_blocks(
    list_lines: Iterable[str],
    *,
    step: Literal[0, 1],
    repeat: int = 1,
    reprojection: Reprojection = "interp",
    obsid_combined: str = "combined",
) -> list[ObservationBlock]:
    """Make observation blocks from a list of file names.

    Parameters
    ----------
    list_lines : iterable of str
        Lines of the list. The first word of a line is the name of a file;
        empty lines and lines that start with ``#`` or ``@`` are skipped.
    step : {0, 1}
        0: blocks that calibrate the exposures. 1: the same blocks, not
        enabled, and one that combines their results.
    repeat : int, optional
        Number of exposures at each position. Default: 1.
    reprojection : {"interp", "adaptive", "exact", "none"}, optional
        How exposures are resampled.
    obsid_combined : str, optional
        Identifier, without the underscore, of the block that combines.

    Returns
    -------
    list of ObservationBlock

    Raises
    ------
    InputError
        If the list is empty, holds names of files in other directories, or
        its length is not a multiple of ``repeat``.

    Examples
    --------
    >>> from emirimg.io import generate_blocks
    >>> blocks = generate_blocks(["e1.fits", "e2.fits"], step=1, obsid_combined="J")
    >>> [(block.id, block.mode, block.enabled) for block in blocks]
    [('_e1.fits', 'STARE_IMAGE', False), ('_e2.fits', 'STARE_IMAGE', False), ('_J', ...
    """
    names = [
        words[0]
        for line in list_lines
        if (words := line.split()) and not line.startswith(("#", "@"))
    ]
    if repeat < 1:
        msg = f"repeat must be 1 or more, got {repeat}"
        raise InputError(msg)
    if not names or len(names) % repeat:
        many = counted(len(names), "file")
        msg = f"the list has {many}; a multiple of repeat ({repeat}) was expected"
        raise InputError(msg)
    groups = [names[start : start + repeat] for start in range(0, len(names), repeat)]
    return _sequence(groups, step, reprojection, f"_{obsid_combined}")


def generate_from_headers(
    directory: str | Path,
    *,
    step: Literal[0, 1] = 0,
    reprojection: Reprojection = "interp",
    obsid_combined: str = "combined",
) -> list[ObservationBlock]:
    """Make observation blocks from the headers of the exposures in a directory.

    Parameters
    ----------
    directory : str or `~pathlib.Path`
        Directory with raw exposures, or one that has them in ``data``.
    step, reprojection, obsid_combined
        As for `generate_blocks`. Where the exposures do not all belong
        together, object and filter are added to the identifier.

    Returns
    -------
    list of ObservationBlock
        Exposures of one object, filter, exposure time and read mode make one
        sequence. In it, consecutive exposures with the same OBSBLOCK and
        IMGOBBL are the repeats (NEXP) at one position and make one block.

    Raises
    ------
    InputError
        If there are no exposures.

    Warns
    -----
    MetadataWarning
        If a position has not as many exposures, or a pattern not as many
        positions, as its headers announce.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from emirimg.io import generate_from_headers
    >>> from emirimg.simulation import Scene, write_tutorial
    >>> scene = Scene(shape=(32, 32), n_exposures=7, n_stars=1, n_galaxies=0)
    >>> with TemporaryDirectory() as directory:
    ...     _ = write_tutorial(directory, scene)
    ...     blocks = generate_from_headers(directory, step=1)
    >>> len(blocks), blocks[-1].mode, len(blocks[-1].children)
    (8, 'FULL_DITHERED_IMAGE', 7)
    """
    groups = group_exposures(directory)
    blocks: list[ObservationBlock] = []
    used: set[str] = set()
    for group in groups:
        name = f"_{obsid_combined}"
        if len(groups) > 1:
            words = (name, group.object_name, group.filter_name)
            name = re.sub(r"[^\w.+-]", "", "_".join(filter(None, words)))
        unique, number = name, 1
        while unique in used:
            number += 1
            unique = f"{name}_{number}"
        used.add(unique)
        blocks += _sequence(_positions(group), step, reprojection, unique)
    if step == 0:
        return blocks
    # The results of all positions are known before the first combination.
    return sorted(blocks, key=lambda block: block.enabled)


def _sequence(
    groups: Sequence[Sequence[str]], step: int, reprojection: Reprojection, combined: str
) -> list[ObservationBlock]:
    ids = [f"_{group[0][:_ID_LENGTH]}" for group in groups]
    elsewhere = next((name for group in groups for name in group if "/" in name), None)
    if elsewhere is not None:
        msg = (
            f"{elsewhere!r} leads out of its directory; the names of the exposures in the data"
            " directory, without '/', were expected"
        )
        raise InputError(msg)
    repeated = sorted({name for name in ids if ids.count(name) > 1})
    if repeated:
        msg = (
            f"several positions would get the id {repeated[0]!r}, because the names of their files"
            f" begin with the same {_ID_LENGTH} characters"
        )
        raise InputError(msg)
    try:
        blocks = [
            ObservationBlock(
                id=name,
                instrument="EMIR",
                mode="STARE_IMAGE",
                frames=tuple(group),
                requirements=StareRequirements(reprojection_method=reprojection),
                enabled=step == 0,
            )
            for name, group in zip(ids, groups, strict=True)
        ]
        if step == 1:
            combination = ObservationBlock(
                id=combined,
                instrument="EMIR",
                mode="FULL_DITHERED_IMAGE",
                children=tuple(ids),
                requirements=DitherRequirements(iterations=0, sky_images=0, refine_offsets=False),
            )
            blocks.append(combination)
    except ValidationError as error:
        raise InputError("; ".join(item["msg"] for item in error.errors())) from None
    return blocks


def _positions(group: ExposureGroup) -> list[list[str]]:
    """Put the repeats at one position together."""
    names = [path.name for path in group.paths]
    for gap in find_gaps(group.metadata, names):
        msg = f"{group.object_name}, {group.filter_name}: {gap}"
        warnings.warn(msg, MetadataWarning, stacklevel=3)
    return [[names[index] for index in position] for position in group_repeats(group.metadata)]
