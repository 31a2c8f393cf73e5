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
            places, values = [], []
            # Few pixels are bright: no more of the frame is worked out at a time than a band.
            for rows in row_bands(stack.shape[0], _BAND):
                data = stack[index].data[rows]
                bright = np.flatnonzero((data > self.faintest * full) & ~always[rows])
                places.append(bright + rows.start * stack.shape[1])
                values.append(data.ravel()[bright])
            fill = np.minimum(np.concatenate(values) / np.float32(full), np.float32(1))
            return _footprints(np.concatenate(places), fill, stack.shape, index)

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
        core, y, x, fill = (
            np.concatenate([getattr(star, name) for star in stars])
            for name in ("core", "y", "x", "fill")
        )
        number = np.repeat(np.arange(len(stars)), [star.core.size for star in stars])
        number, y, x, fill = number[core], y[core], x[core], fill[core]
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
        enough = np.flatnonzero(seen >= _FEWEST_SEEN)
        excess, error = amount[enough] / known[enough], known[enough] ** -0.5
        return [
            Afterglow(stars[index], value, sigma, clear and self._is_bright(stars[index]))
            for index, value, sigma, clear in zip(
                enough.tolist(),
                excess.tolist(),
                error.tolist(),
                (excess > self.sigma * error).tolist(),
                strict=True,
            )
        ]

    def _is_bright(self, star: Footprint) -> bool:
        return bool(star.fill.max() >= self.level)

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
    places: NDArray[np.int_], fill: NDArray[np.float32], shape: tuple[int, int], index: int
) -> list[Footprint]:
    """Return the stars among the bright pixels of a frame, given by their numbers in it."""
    star = _connected(places, shape[1])
    large = np.bincount(star)[star] >= _SMALLEST
    order = np.flatnonzero(large)[np.argsort(star[large], kind="stable")]
    if order.size == 0:
        return []
    places, fill = places[order], fill[order]
    star = np.unique(star[order], return_inverse=True)[1]
    first = np.searchsorted(star, np.arange(star[-1] + 1))
    # Star and pixel as one number: those of a star follow each other, row by row.
    size = shape[0] * shape[1]
    reach = np.arange(-1, 2)
    rows = (places // shape[1])[:, None, None] + reach[:, None]
    columns = (places % shape[1])[:, None, None] + reach
    inside = (rows >= 0) & (rows < shape[0]) & (columns >= 0) & (columns < shape[1])
    pixels = np.unique((star[:, None, None] * size + rows * shape[1] + columns)[inside])
    own = np.searchsorted(pixels, star * size + places)
    core = np.zeros(pixels.shape, dtype=bool)
    core[own] = True
    around = np.minimum.reduceat(fill, first)[pixels // size]
    around[own] = fill
    y, x = (part.astype(np.int32) for part in np.divmod(pixels % size, shape[1]))
    edges = np.searchsorted(pixels, size * np.arange(star[-1] + 2))
    return [
        Footprint(index, y[part], x[part], around[part], core[part])
        for part in map(slice, edges[:-1], edges[1:])
    ]


def _connected(places: NDArray[np.int_], nx: int) -> NDArray[np.int_]:
    """Return for each pixel, in increasing order, the number of the group it belongs to."""
    beside = np.flatnonzero((np.diff(places) == 1) & (places[1:] % nx > 0))
    below = np.searchsorted(places, places + nx)
    joined = np.flatnonzero(places[np.minimum(below, places.size - 1)] == places + nx)
    first, second = np.concatenate([beside, joined]), np.concatenate([beside + 1, below[joined]])
    pairs = scipy.sparse.coo_array((np.ones(first.size, bool), (first, second)), 2 * places.shape)
    return scipy.sparse.csgraph.connected_components(pairs, directed=False)[1]
