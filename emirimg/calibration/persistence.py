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

__all__ = ["Afterglow", "Footprint", "PersistenceDetector", "decay_time", "visible_pixels"]

_SMALLEST = 4
"""Connected bright pixels that make a star: a cosmic ray has fewer."""
_FEWEST_SEEN = 5
_FAINT = 2.0
_CUT = 5.0
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

    @property
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


class PersistenceDetector(Strategy):
    r"""Find the persistence of bright stars in the exposures that follow.

    Parameters
    ----------
    level : float
        Stars that reach this part of the saturation level are watched one by one.
        Default: 0.5.
    faintest : float
        Pixels above this part of it are watched all together. Default: 0.02.
    sigma : float
        Significance of an excess from which it is persistence. Default: 5.

    Notes
    -----
    The footprints are known from the exposures themselves: at least four
    connected pixels above ``faintest``, which are not bad in all of the exposures,
    and the ring of pixels around them. In each later exposure, the difference d from the
    reference is compared with the fill f of these pixels and their variance V:

    .. math:: e = \frac{\sum f d / V}{\sum f^2 / V}, \qquad
        \sigma_e^2 = \frac{1}{\sum f^2 / V}.

    Differences are cut at 5 standard deviations, so that a cosmic ray is no
    evidence; pixels on which the reference shows an object are left out, and
    fewer than five usable ones are no evidence either.

    So persistence is found that no single pixel shows. `common_excess` takes all stars
    together, and knows that of stars which are too faint to show it, or lie where the
    reference shows it, too. `Footprint` and excess tell with `visible_pixels` what must
    be masked.

    Examples
    --------
    >>> from emirimg.calibration import PersistenceDetector
    >>> from emirimg.simulation import Scene
    >>> from emirimg.stack import DitherStack
    >>> scene = Scene(shape=(64, 64), n_stars=0, n_galaxies=0, bad_pixels=0, n_exposures=2)
    >>> frames = [scene.exposure(index) for index in range(2)]
    >>> for frame in frames:
    ...     frame.data[:] = 0  # the sky is subtracted
    >>> frames[0].data[30:34, 40:44] = 50000  # the core of a bright star, in the first only
    >>> found = PersistenceDetector().footprints(DitherStack.from_frames(frames))
    >>> [(one.frame, int(one.core.sum())) for one in found]
    [(0, 16)]
    """

    name: Literal["persistence"] = "persistence"
    level: float = Field(default=0.5, gt=0, le=1)
    faintest: float = Field(default=0.02, gt=0, le=1)
    sigma: float = Field(default=5.0, gt=0)

    def footprints(self, stack: DitherStack) -> list[Footprint]:
        """Find the pixels of the bright stars of all exposures.

        Parameters
        ----------
        stack : DitherStack
            Sky-subtracted exposures, their saturated pixels masked but not changed.
        """
        always = np.ones(stack.shape, dtype=bool)
        for frame in stack:
            always &= False if frame.mask is None else frame.mask
        found: list[Footprint] = []
        for index, (frame, metadata) in enumerate(zip(stack, stack.metadata, strict=True)):
            data, full = np.asarray(frame.data), metadata.detector.saturation
            bright = (data > self.faintest * full) & ~always
            if bright.any():
                found += _footprints(data, full, bright, index)
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
        stars = list(footprints)
        if not stars:
            return []
        number = np.repeat(np.arange(len(stars)), [np.count_nonzero(star.core) for star in stars])
        y, x, fill = (
            np.concatenate([getattr(star, name)[star.core] for star in stars])
            for name in ("y", "x", "fill")
        )
        noise = np.sqrt(variance[y, x])
        expected = scale * reference[y, x]
        usable = (noise > 0) & (np.abs(expected) < _FAINT * noise)
        for plane in (frame.mask, reference_mask):
            if plane is not None:
                usable &= ~plane[y, x]
        number, fill, noise = number[usable], fill[usable], noise[usable]
        difference = frame.data[y, x][usable] - expected[usable]
        seen = np.bincount(number, minlength=len(stars))
        weight = fill / noise
        known = np.bincount(number, weight**2, minlength=len(stars))
        amount = np.bincount(
            number, weight * np.clip(difference / noise, -_CUT, _CUT), minlength=len(stars)
        )
        measured = []
        for index in np.flatnonzero(seen >= _FEWEST_SEEN):
            excess = float(amount[index] / known[index])
            error = float(known[index] ** -0.5)
            star = stars[index]
            clear = excess > self.sigma * error and bool(star.fill.max() >= self.level)
            measured.append(Afterglow(star, excess, error, clear))
        return measured

    def common_excess(self, glows: Iterable[Afterglow]) -> float:
        """Return what all stars together say that is left in a pixel filled to saturation.

        Parameters
        ----------
        glows : iterable of Afterglow
            What was measured equally long after all stars.

        Returns
        -------
        float
            The weighted mean of the excess, in ADU; 0 where it is not significant also
            without the star that says most for it.

        Examples
        --------
        >>> import numpy as np
        >>> from emirimg.calibration import Afterglow, Footprint, PersistenceDetector
        >>> one = np.array([1])
        >>> star = Footprint(0, one, one, np.float32([1]), one > 0)
        >>> glows = [Afterglow(star, excess, 2.0, False) for excess in (8.0, 9.0, 7.0, 8.0)]
        >>> PersistenceDetector().common_excess(glows)
        8.0
        """
        values = np.array([(glow.excess, glow.error) for glow in glows]).reshape(-1, 2)
        weight = values[:, 1] ** -2
        amount = weight * values[:, 0]
        if len(amount) < 2:
            return 0.0
        most = int(amount.argmax())
        rest = amount.sum() - amount[most]
        if rest <= self.sigma * np.sqrt(weight.sum() - weight[most]):
            return 0.0
        return float(amount.sum() / weight.sum())


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


def _footprints(
    data: NDArray[np.float32], full: float, bright: NDArray[np.bool_], index: int
) -> list[Footprint]:
    labels, _ = label(bright)
    ny, nx = bright.shape
    found = []
    for number, box in enumerate(find_objects(labels), start=1):
        star = labels[box] == number
        if np.count_nonzero(star) < _SMALLEST:
            continue
        star = np.pad(star, 1)
        y, x = np.nonzero(binary_dilation(star, structure=np.ones((3, 3))))
        core = star[y, x]
        y, x = y + box[0].start - 1, x + box[1].start - 1
        inside = (y >= 0) & (y < ny) & (x >= 0) & (x < nx)
        y, x, core = y[inside].astype(np.int32), x[inside].astype(np.int32), core[inside]
        fill = np.minimum(data[y, x] / np.float32(full), np.float32(1))
        fill[~core] = fill[core].min()
        found.append(Footprint(index, y, x, fill, core))
    return found
