"""The glow that bright stars leave on the detector for the exposures that follow."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from astropy.nddata import CCDData
from numpy.typing import NDArray
from pydantic import Field
from scipy.ndimage import binary_dilation, find_objects, label

from .._strategy import Strategy
from ..exceptions import FrameError
from ..stack import DitherStack
from ._frames import variance_of

__all__ = ["Afterglow", "Footprint", "PersistenceDetector", "decay_time"]

_SMALLEST = 4
"""Connected bright pixels that make a star: a cosmic ray has fewer."""
_FEWEST_SEEN = 5
_FAINT = 2.0
_CUT = 5.0
_TIMES = np.geomspace(3, 30000, 200)


@dataclass(frozen=True, eq=False)
class Footprint:
    """The pixels of the detector on which a bright star lay.

    Parameters
    ----------
    frame : int
        Number of the exposure that shows the star.
    y, x : `~numpy.ndarray` of int
        Its pixels, those around included.
    core : `~numpy.ndarray` of bool
        Which of them are bright themselves.

    Examples
    --------
    >>> from emirimg.calibration import PersistenceDetector
    >>> from emirimg.simulation import Scene
    >>> from emirimg.stack import DitherStack
    >>> scene = Scene(shape=(64, 64), n_stars=0, n_galaxies=0, n_exposures=1, bad_pixels=0)
    >>> raw = scene.exposure(0)
    >>> raw.data[30:34, 40:44] = 50000  # the core of a bright star
    >>> [footprint] = PersistenceDetector().footprints(DitherStack.from_frames([raw]))
    >>> footprint.frame, int(footprint.core.sum()), footprint.y.size
    (0, 16, 36)
    """

    frame: int
    y: NDArray[np.int_]
    x: NDArray[np.int_]
    core: NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Afterglow:
    """What a later exposure shows on the footprint of a bright star.

    Parameters
    ----------
    footprint : Footprint
        Where the star was.
    excess, error : float
        Mean excess over the reference in its bright pixels and its standard error,
        in ADU.
    significant : bool
        Whether it is taken for persistence.

    Examples
    --------
    >>> import numpy as np
    >>> from emirimg.calibration import Afterglow, Footprint
    >>> star = Footprint(0, np.array([30, 31]), np.array([40, 40]), np.array([True, True]))
    >>> glow = Afterglow(star, excess=120.0, error=9.0, significant=True)
    >>> round(glow.excess / glow.error, 1)
    13.3
    """

    footprint: Footprint
    excess: float
    error: float
    significant: bool


class PersistenceDetector(Strategy):
    """Find the persistence of bright stars in the exposures that follow.

    Parameters
    ----------
    level : float
        Stars that reach this part of the saturation level are watched.
        Default: 0.5.
    sigma : float
        Significance of the mean excess over the pixels of a star from which
        it is persistence. Default: 5.

    Notes
    -----
    The footprints are known from the exposures themselves: at least four
    connected pixels above the level, which are not bad in all of the exposures,
    and the ring of pixels around them. On the bright ones, and in each later
    exposure, the mean difference from the reference is compared with its
    standard error. Differences are cut at 5 standard deviations, so that a
    cosmic ray is no evidence; pixels on which the reference shows an object
    are left out, and fewer than five usable ones are no evidence either.

    So persistence is found that no single pixel shows. All pixels of a
    footprint that glows are masked in that exposure.

    Examples
    --------
    >>> from emirimg.calibration import PersistenceDetector
    >>> from emirimg.simulation import Scene
    >>> from emirimg.stack import DitherStack
    >>> scene = Scene(shape=(64, 64), n_stars=0, n_galaxies=0, bad_pixels=0, n_exposures=2)
    >>> frames = [scene.exposure(index) for index in range(2)]
    >>> frames[0].data[30:34, 40:44] = 50000  # the core of a bright star, in the first only
    >>> found = PersistenceDetector().footprints(DitherStack.from_frames(frames))
    >>> [(one.frame, int(one.core.sum())) for one in found]
    [(0, 16)]
    """

    name: Literal["persistence"] = "persistence"
    level: float = Field(default=0.5, gt=0, le=1)
    sigma: float = Field(default=5.0, gt=0)

    def footprints(self, stack: DitherStack) -> list[Footprint]:
        """Find the pixels of the bright stars of all exposures.

        Parameters
        ----------
        stack : DitherStack
            Calibrated exposures, their saturated pixels masked but not changed.
        """
        always = np.ones(stack.shape, dtype=bool)
        for frame in stack:
            always &= False if frame.mask is None else frame.mask
        found: list[Footprint] = []
        for index, (frame, metadata) in enumerate(zip(stack, stack.metadata, strict=True)):
            bright = (frame.data > self.level * metadata.detector.saturation) & ~always
            if bright.any():
                found += _footprints(bright, index)
        return found

    def __call__(
        self,
        frame: CCDData,
        footprints: Iterable[Footprint],
        reference: NDArray[np.floating],
        reference_mask: NDArray[np.bool_] | None = None,
        /,
        *,
        scale: float = 1.0,
    ) -> list[Afterglow]:
        """Measure a sky-subtracted frame on the footprints of earlier stars.

        Parameters
        ----------
        frame : `~astropy.nddata.CCDData`
            Sky-subtracted frame with a variance, shape (ny, nx).
        footprints : iterable of Footprint
            Those of the exposures before.
        reference : `~numpy.ndarray`
            Image of the same field in the plane of the frame.
        reference_mask : `~numpy.ndarray` of bool, optional
            True where there is no reference.
        scale : float, optional
            Flux of the stars in the frame divided by that in the reference.

        Returns
        -------
        list of Afterglow
            One for each footprint that could be measured.

        Raises
        ------
        FrameError
            If the frame has no uncertainty.
        """
        variance = variance_of(frame)
        if variance is None:
            msg = "the frame has no uncertainty; a variance was expected"
            raise FrameError(msg)
        measured = []
        for footprint in footprints:
            place = footprint.y[footprint.core], footprint.x[footprint.core]
            noise = np.sqrt(variance[place])
            expected = scale * reference[place]
            usable = (noise > 0) & (np.abs(expected) < _FAINT * noise)
            for plane in (frame.mask, reference_mask):
                if plane is not None:
                    usable &= ~plane[place]
            if usable.sum() < _FEWEST_SEEN:
                continue
            noise = noise[usable]
            difference = np.clip(
                frame.data[place][usable] - expected[usable], -_CUT * noise, _CUT * noise
            )
            excess = float(difference.mean())
            error = float(np.sqrt(np.sum(noise**2)) / len(noise))
            measured.append(Afterglow(footprint, excess, error, excess > self.sigma * error))
        return measured


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
    >>> star = Footprint(0, np.array([30]), np.array([40]), np.array([True]))
    >>> delays = [40.0, 80.0, 120.0]
    >>> glows = [Afterglow(star, 500 * np.exp(-delay / 60), 2.0, True) for delay in delays]
    >>> round(decay_time(glows, delays), 1)
    60.8
    """
    stars: dict[int, list[tuple[float, float, float]]] = {}
    seen = {id(glow.footprint) for glow in glows if glow.significant}
    for glow, delay in zip(glows, delays, strict=True):
        if id(glow.footprint) in seen:
            row = (delay, glow.excess, glow.error)
            stars.setdefault(id(glow.footprint), []).append(row)
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


def _footprints(bright: NDArray[np.bool_], index: int) -> list[Footprint]:
    labels, _ = label(bright)
    found = []
    for number, box in enumerate(find_objects(labels), start=1):
        star = np.pad(labels[box] == number, 1)
        if np.count_nonzero(star) < _SMALLEST:
            continue
        y, x = np.nonzero(binary_dilation(star, structure=np.ones((3, 3))))
        core = star[y, x]
        y, x = y + box[0].start - 1, x + box[1].start - 1
        ny, nx = bright.shape
        inside = (y >= 0) & (y < ny) & (x >= 0) & (x < nx)
        found.append(Footprint(index, y[inside], x[inside], core[inside]))
    return found
