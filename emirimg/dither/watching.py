"""Follow a sequence of exposures while it is being observed."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..exceptions import EmirimgError
from ..instrument import ExposureMetadata
from ..io import Arrivals, ExposureGroup, group_exposures, group_repeats
from .result import DitherResult
from .roles import divide_groups, skies_of

__all__ = ["QuickLook", "foreseen_exposures", "watch"]


@dataclass(frozen=True)
class QuickLook:
    """What a sequence is worth so far.

    Parameters
    ----------
    group : ExposureGroup
        The exposures of the target so far.
    sky_exposures : tuple of `~pathlib.Path`
        Those of the sky beside it.
    foreseen : int
        How many exposures of the target there will be.
    result : DitherResult or None
        The quick reduction; `None` where it failed.
    problem : str
        Why it failed; empty where it did not.

    Examples
    --------
    >>> from emirimg.dither import QuickLook
    >>> look = QuickLook(group, (), foreseen=14, result=result)  # doctest: +SKIP
    >>> look.depth, look.depth_foreseen  # doctest: +SKIP
    (17.22, 18.65)
    """

    group: ExposureGroup
    sky_exposures: tuple[Path, ...]
    foreseen: int
    result: DitherResult | None
    problem: str = ""

    @property
    def depth(self) -> float:
        """The 5-sigma depth so far, in magnitudes; NaN if unknown."""
        return math.nan if self.result is None else self.result.quality.depth

    @property
    def depth_foreseen(self) -> float:
        """The depth when the foreseen exposures are there: it grows by 1.25 log10 of their number.

        That holds where the noise of the sky limits it, and the sky and the
        seeing stay as they are.
        """
        return self.depth + 1.25 * math.log10(self.foreseen / len(self.group.paths))


def foreseen_exposures(metadata: Sequence[ExposureMetadata]) -> int:
    """Return how many exposures there are when the last dither pattern is complete.

    Parameters
    ----------
    metadata : sequence of ExposureMetadata
        Headers of the exposures so far, in order of time.

    Returns
    -------
    int
        By NIMGOBBL and NEXP; the number of exposures so far where headers are
        silent about them.

    Examples
    --------
    >>> from emirimg.dither import foreseen_exposures
    >>> from emirimg.instrument import read_metadata
    >>> header = {"EXPTIME": 6.0, "DATE-OBS": "2018-06-11T23:45:20"}
    >>> pattern = {"OBSBLOCK": 1, "NIMGOBBL": 7, "NEXP": 2, "EXP": 1}
    >>> foreseen_exposures([read_metadata({**header, **pattern, "IMGOBBL": 1})])
    14
    """
    last = metadata[-1]
    if last.position is None or last.n_positions is None:
        return len(metadata)
    repeats = last.n_repeats or 1
    here = len(group_repeats(metadata)[-1])
    left = max(0, last.n_positions - last.position) * repeats + max(0, repeats - here)
    return len(metadata) + left


def watch(
    directory: str | Path,
    reduce: Callable[[ExposureGroup, Sequence[Path]], DitherResult],
    *,
    expected: int | None = None,
    patience: float = 600.0,
    pause: float = 1.0,
) -> Iterator[QuickLook]:
    """Reduce the sequence that is being observed each time an exposure has arrived.

    What is watched is the sequence of the latest exposure that is there (of
    one object, filter, exposure time and read mode), with exposures of the sky
    beside it.

    Parameters
    ----------
    directory : path
        Where exposures arrive.
    reduce : callable
        ``reduce(group, sky_exposures)`` makes a quick mosaic of them. While it
        works, exposures gather; the next mosaic holds all of them.
    expected : int, optional
        Number of exposures of the target after which the sequence is complete.
        Default: unknown.
    patience : float, optional
        After so many seconds without a new exposure the sequence is over.
        Default: 10 minutes.
    pause : float, optional
        Seconds between two looks at the directory. Default: 1.

    Yields
    ------
    QuickLook
        For each mosaic. The last one has all exposures of the sequence, which
        is over when they are complete, when patience is, or when exposures of
        something else arrive.

    Raises
    ------
    InputError
        If there is no such directory.

    Examples
    --------
    >>> from emirimg import DitherReducer
    >>> from emirimg.dither import watch
    >>> def quick(group, sky_exposures):
    ...     return DitherReducer(passes=1).reduce(group.paths, sky_exposures=sky_exposures)
    >>> for look in watch("night", quick, expected=14):  # doctest: +SKIP
    ...     print(len(look.group.paths), look.depth, look.depth_foreseen)
    """
    arrivals = Arrivals(directory)
    seen: list[Path] = []
    first: Path | None = None
    since = time.monotonic()
    while time.monotonic() - since < patience:
        time.sleep(pause if seen else 0)
        paths = arrivals.look()
        if paths == seen:
            continue
        seen = paths
        targets, skies = divide_groups(group_exposures(paths))
        latest = max(targets, key=_last_start)
        group = next((item for item in targets if item.paths[0] == first), latest)
        first = group.paths[0]
        beside = tuple(skies_of(targets, skies)[targets.index(group)])
        foreseen = max(expected or foreseen_exposures(group.metadata), len(group.paths))
        try:
            look = QuickLook(group, beside, foreseen, reduce(group, beside))
        except EmirimgError as error:
            look = QuickLook(group, beside, foreseen, None, str(error))
        yield look
        if latest is not group or len(group.paths) >= (expected or math.inf):
            return
        since = time.monotonic()


def _last_start(group: ExposureGroup) -> float:
    return max(item.start.mjd for item in group.metadata)
