"""The glow that bright stars leave on the detector for the exposures that follow."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from itertools import chain
from typing import Literal

import numpy as np
import scipy
from astropy.nddata import CCDData
from numpy.typing import NDArray
from pydantic import Field

from .._parallel import parallel_map, row_bands
from .._strategy import Strategy
from ..stack import DitherStack
from ._frames import required_variance
from .afterglow import Afterglow, Footprint

__all__ = ["PersistenceDetector"]

_SMALLEST = 4
"""Connected bright pixels that make a star: a cosmic ray has fewer."""
_FEWEST_SEEN = 5
_BAND = 256
_FAINT = 2.0
_CUT = 5.0


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
        always = np.concatenate(
            parallel_map(partial(_always_masked, stack), row_bands(stack.shape[0], _BAND))
        )

        def look(index: int) -> list[Footprint]:
            full = stack.metadata[index].detector.saturation
            bright, values = np.empty(stack.shape, dtype=bool), []
            # Few pixels are bright: no more of the frame is worked out at a time than a band.
            for rows in row_bands(stack.shape[0], _BAND):
                data = stack[index].data[rows]
                np.greater(data > self.faintest * full, always[rows], out=bright[rows])
                values.append(data[bright[rows]])
            fill = np.minimum(np.concatenate(values) / np.float32(full), np.float32(1))
            return _footprints(bright, fill, index) if fill.size else []

        return list(chain.from_iterable(parallel_map(look, range(len(stack)))))

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
        variance = required_variance(frame)
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


def _always_masked(stack: DitherStack, rows: slice) -> NDArray[np.bool_]:
    """Return what all exposures mask in some rows."""
    always = np.ones((rows.stop - rows.start, stack.shape[1]), dtype=bool)
    for frame in stack:
        always &= False if frame.mask is None else frame.mask[rows]
    return always


def _footprints(
    bright: NDArray[np.bool_], fill: NDArray[np.float32], index: int
) -> list[Footprint]:
    """Return the stars among the bright pixels of a frame; ``fill`` holds those, row by row."""
    # There are no more stars than such pixels: small numbers take less memory.
    labels, _ = scipy.ndimage.label(bright, output=np.min_scalar_type(fill.size))
    places = np.flatnonzero(bright)
    ny, nx = bright.shape
    found = []
    for number, box in enumerate(scipy.ndimage.find_objects(labels), start=1):
        star = labels[box] == number
        if np.count_nonzero(star) < _SMALLEST:
            continue
        star = np.pad(star, 1)
        y, x = np.nonzero(scipy.ndimage.binary_dilation(star, structure=np.ones((3, 3))))
        core = star[y, x]
        y, x = y + box[0].start - 1, x + box[1].start - 1
        inside = (y >= 0) & (y < ny) & (x >= 0) & (x < nx)
        y, x, core = y[inside].astype(np.int32), x[inside].astype(np.int32), core[inside]
        own = fill[np.searchsorted(places, np.ravel_multi_index((y[core], x[core]), bright.shape))]
        around = np.full(y.shape, own.min())
        around[core] = own
        found.append(Footprint(index, y, x, around, core))
    return found
