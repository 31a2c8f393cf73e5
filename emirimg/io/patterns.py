"""Where in its dither pattern an exposure was taken."""

from __future__ import annotations

from collections.abc import Sequence

from .._words import counted
from ..instrument import ExposureMetadata

__all__ = ["find_gaps", "group_repeats"]


def group_repeats(metadata: Sequence[ExposureMetadata]) -> list[list[int]]:
    """Put the repeats (NEXP) at one position together.

    Parameters
    ----------
    metadata : sequence of ExposureMetadata
        Headers of the exposures, in order of time.

    Returns
    -------
    list of list of int
        Indices of the exposures at one position after the other.

    Examples
    --------
    >>> from emirimg.instrument import read_metadata
    >>> from emirimg.io import group_repeats
    >>> from emirimg.simulation import Scene
    >>> scene = Scene(shape=(32, 32), n_exposures=4, repeats=2, n_stars=0, n_galaxies=0)
    >>> group_repeats([read_metadata(scene.exposure(index).header) for index in range(4)])
    [[0, 1], [2, 3]]
    """
    positions: list[list[int]] = []
    for index, item in enumerate(metadata):
        if positions and _is_repeat(item, metadata[positions[-1][-1]]):
            positions[-1].append(index)
        else:
            positions.append([index])
    return positions


def find_gaps(metadata: Sequence[ExposureMetadata], names: Sequence[str]) -> list[str]:
    """Tell where exposures are missing, by what their headers announce.

    Parameters
    ----------
    metadata : sequence of ExposureMetadata
        Headers of the exposures, in order of time.
    names : sequence of str
        Their names.

    Returns
    -------
    list of str
        One sentence for each position that has not as many exposures as NEXP
        says, and for each pattern that has not as many positions as NIMGOBBL
        says. A pattern begins where OBSBLOCK changes or IMGOBBL falls.

    Examples
    --------
    >>> from emirimg.instrument import read_metadata
    >>> from emirimg.io import find_gaps
    >>> from emirimg.simulation import Scene
    >>> scene = Scene(shape=(32, 32), n_exposures=7, n_stars=0, n_galaxies=0)
    >>> headers = [read_metadata(scene.exposure(index).header) for index in (0, 1, 2, 4, 5, 6)]
    >>> find_gaps(headers, ["e1", "e2", "e3", "e5", "e6", "e7"])
    ['6 of the 7 positions (NIMGOBBL) of OBSBLOCK 1 were found; IMGOBBL 4 missing']
    """
    gaps = []
    patterns: list[list[ExposureMetadata]] = []
    for position in group_repeats(metadata):
        first = metadata[position[0]]
        if first.n_repeats is not None and first.n_repeats != len(position):
            gaps.append(
                f"{names[position[0]]}: NEXP is {first.n_repeats}, but"
                f" {counted(len(position), 'exposure')} {'was' if len(position) == 1 else 'were'}"
                " found"
            )
        if first.position is None or first.n_positions is None:
            continue
        if patterns and _goes_on(first, patterns[-1][-1]):
            patterns[-1].append(first)
        else:
            patterns.append([first])
    for pattern in patterns:
        expected = pattern[0].n_positions or 0
        missing = sorted(set(range(1, expected + 1)) - {item.position for item in pattern})
        if missing:
            gaps.append(
                f"{len(pattern)} of the {expected} positions (NIMGOBBL) of OBSBLOCK"
                f" {pattern[0].block} were found; IMGOBBL {', '.join(map(str, missing))} missing"
            )
    return gaps


def _goes_on(item: ExposureMetadata, previous: ExposureMetadata) -> bool:
    return item.block == previous.block and (item.position or 0) > (previous.position or 0)


def _is_repeat(item: ExposureMetadata, previous: ExposureMetadata) -> bool:
    same = (item.block, item.position) == (previous.block, previous.position)
    if not same or item.repeat is None or previous.repeat is None:
        return False
    return item.position is not None and item.repeat > previous.repeat
