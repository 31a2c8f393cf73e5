"""Where in its dither pattern an exposure was taken."""

from __future__ import annotations

from collections.abc import Sequence

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
    """
    gaps = []
    patterns: list[list[ExposureMetadata]] = []
    for position in group_repeats(metadata):
        first = metadata[position[0]]
        if first.n_repeats is not None and first.n_repeats != len(position):
            gaps.append(
                f"{names[position[0]]}: NEXP is {first.n_repeats}, but {len(position)} exposures"
                " were found"
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
