"""What is measured of the persistence of stars, and what follows from it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

__all__ = ["Afterglow", "Footprint", "decay_time", "visible_pixels"]

_VISIBLE = 0.25
"""Excess, in units of the noise of a pixel, of which a dozen pixels begin to make a source."""
_TIMES = np.geomspace(3, 30000, 200)


@dataclass(frozen=True, eq=False)
class Footprint:
    """The pixels of the detector on which a star lay.

    Parameters
    ----------
    frame : int
        Number of the exposure that shows the star.
    y, x : `~numpy.ndarray` of int
        Its pixels, those around included.
    fill : `~numpy.ndarray` of float32
        How far they are filled, in parts of the saturation level, at most 1. Those
        around count as filled to the level from which pixels belong to a star.
    core : `~numpy.ndarray` of bool
        Which of them belong to the star itself.

    Examples
    --------
    >>> from emirimg.calibration import PersistenceDetector
    >>> from emirimg.simulation import Scene
    >>> from emirimg.stack import DitherStack
    >>> scene = Scene(shape=(64, 64), n_stars=0, n_galaxies=0, n_exposures=1, bad_pixels=0)
    >>> frame = scene.exposure(0)
    >>> frame.data[:] = 0  # the sky is subtracted
    >>> frame.data[30:34, 40:44] = 50000  # the core of a bright star
    >>> [footprint] = PersistenceDetector().footprints(DitherStack.from_frames([frame]))
    >>> footprint.frame, int(footprint.core.sum()), footprint.y.size
    (0, 16, 36)
    """

    frame: int
    y: NDArray[np.int_]
    x: NDArray[np.int_]
    fill: NDArray[np.float32]
    core: NDArray[np.bool_]

    @cached_property
    def key(self) -> tuple[int, int, int]:
        """Its exposure and first pixel, which no other footprint has."""
        return self.frame, int(self.y[0]), int(self.x[0])


@dataclass(frozen=True, eq=False)
class Afterglow:
    """What a later exposure shows on the footprint of a star.

    Parameters
    ----------
    footprint : Footprint
        Where the star was.
    excess, error : float
        Excess over the reference of a pixel that was filled to saturation, as far as it
        is proportional to that, and its standard error, in ADU.
    significant : bool
        Whether it is taken for persistence.

    Examples
    --------
    >>> import numpy as np
    >>> from emirimg.calibration import Afterglow, Footprint
    >>> star = Footprint(
    ...     0, np.array([30, 31]), np.array([40, 40]), np.float32([1, 0.5]), np.array([True, True])
    ... )
    >>> glow = Afterglow(star, excess=120.0, error=9.0, significant=True)
    >>> round(glow.excess / glow.error, 1)
    13.3
    """

    footprint: Footprint
    excess: float
    error: float
    significant: bool


def visible_pixels(
    footprint: Footprint, excess: float, noise: float
) -> tuple[NDArray[np.int_], NDArray[np.int_]]:
    """Return the pixels (y, x) of a footprint on which persistence would matter.

    Parameters
    ----------
    footprint : Footprint
        Where the star was.
    excess : float
        What is left in a pixel that was filled to saturation, in ADU.
    noise : float
        Standard deviation of a pixel, in ADU. A quarter of it matters, since a dozen
        pixels with that make a source.

    Examples
    --------
    >>> import numpy as np
    >>> from emirimg.calibration import Footprint, visible_pixels
    >>> fill = np.float32([1, 0.02])
    >>> star = Footprint(0, np.array([30, 31]), np.array([40, 40]), fill, fill > 0)
    >>> y, x = visible_pixels(star, excess=100.0, noise=10.0)
    >>> y.tolist(), x.tolist()
    ([30], [40])
    """
    matters = footprint.fill * excess > _VISIBLE * noise
    return footprint.y[matters], footprint.x[matters]


def decay_time(glows: Sequence[Afterglow], delays: Sequence[float]) -> float:
    r"""Return the time in which persistence sinks to 1/e, in seconds.

    Parameters
    ----------
    glows : sequence of Afterglow
        All that was measured; stars none of whose glows is significant do not
        count.
    delays : sequence of float
        For each of them, the time since the star was there, in seconds.

    Returns
    -------
    float
        NaN where no star was measured at two times.

    Notes
    -----
    Each star has its own amplitude, and all share one exponential
    :math:`A \, e^{-t / \tau}`; the time is the best, by chi square, of a
    logarithmic grid.

    Examples
    --------
    >>> import numpy as np
    >>> from emirimg.calibration import Afterglow, Footprint, decay_time
    >>> star = Footprint(
    ...     0, np.array([30]), np.array([40]), np.float32([1]), np.array([True])
    ... )
    >>> delays = [40.0, 80.0, 120.0]
    >>> glows = [Afterglow(star, 500 * np.exp(-delay / 60), 2.0, True) for delay in delays]
    >>> round(decay_time(glows, delays), 1)
    60.8
    """
    stars: dict[tuple[int, int, int], list[tuple[float, float, float]]] = {}
    seen = {glow.footprint.key for glow in glows if glow.significant}
    for glow, delay in zip(glows, delays, strict=True):
        if glow.footprint.key in seen:
            row = (delay, glow.excess, glow.error)
            stars.setdefault(glow.footprint.key, []).append(row)
    stars = {key: rows for key, rows in stars.items() if len({row[0] for row in rows}) > 1}
    if not stars:
        return np.nan
    chi_square = np.zeros(len(_TIMES))
    for rows in stars.values():
        t, excess, error = np.transpose(rows)
        shape = np.exp(-t / _TIMES[:, None]) / error
        excess = excess / error
        amplitude = (shape @ excess) / np.maximum((shape**2).sum(1), 1e-300)
        chi_square += ((excess - amplitude[:, None] * shape) ** 2).sum(1)
    return float(_TIMES[chi_square.argmin()])
