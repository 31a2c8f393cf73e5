"""The skies of a stack, worked out one at a time."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from .model import SkyModel

__all__ = ["SkySolution"]


@dataclass(frozen=True, eq=False)
class SkySolution(Sequence[SkyModel]):
    """One sky for each frame, worked out when it is asked for.

    Parameters
    ----------
    levels : `~numpy.ndarray`
        Sky level of each frame, in the unit of the frames.
    model : callable
        ``model(index)`` returns the `SkyModel` of a frame.
    findings : mapping, optional
        What was decided about the sky: FITS keyword to (value, comment).
    history : tuple of str, optional
        The same in words, one line each.
    fills_field : bool, optional
        Whether the target covers its field, so that nothing in its frames
        tells what the sky left behind. Default: no.

    Examples
    --------
    >>> import numpy as np
    >>> from emirimg.sky import SkyModel, SkySolution
    >>> def model(index):
    ...     level = 3000.0 + 20 * index
    ...     return SkyModel(level, np.full((4, 4), level, dtype=np.float32), 0.0, 1)
    >>> skies = SkySolution(np.array([3000.0, 3020.0]), model)
    >>> len(skies), skies[1].level
    (2, 3020.0)
    >>> skies.planes(0) is None  # nothing but whole arrays
    True
    """

    levels: NDArray[np.float64]
    model: Callable[[int], SkyModel]
    findings: Mapping[str, tuple[Any, str]] = field(default_factory=dict, kw_only=True)
    history: tuple[str, ...] = field(default=(), kw_only=True)
    fills_field: bool = field(default=False, kw_only=True)

    def planes(self, index: int) -> SkyModel | None:  # noqa: ARG002 - for those that can
        """Return the sky of a frame with planes of which nothing is worked out yet.

        Returns
        -------
        SkyModel or None
            `None`: the sky is worked out from the pixels of the frames, which
            must not change as long as skies are wanted, and as a whole.
        """
        return None

    @overload
    def __getitem__(self, index: int) -> SkyModel: ...
    @overload
    def __getitem__(self, index: slice) -> list[SkyModel]: ...
    def __getitem__(self, index: int | slice) -> SkyModel | list[SkyModel]:
        if isinstance(index, slice):
            return [self.model(number) for number in range(len(self))[index]]
        return self.model(range(len(self))[index])

    def __len__(self) -> int:
        return len(self.levels)


def levels_of(skies: Sequence[SkyModel]) -> NDArray[np.float64]:
    """Return the level of each sky, without working skies out where that is known."""
    if isinstance(skies, SkySolution):
        return skies.levels
    return np.array([sky.level for sky in skies])


def fills_field(skies: Sequence[SkyModel] | None) -> bool:
    """Tell whether the target covers its field; a plain sequence of skies does not say so."""
    return isinstance(skies, SkySolution) and skies.fills_field
