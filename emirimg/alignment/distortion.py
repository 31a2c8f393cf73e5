"""Whether the stars contradict the distortion of the headers, and what they ask for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from astropy.wcs import WCS
from numpy.typing import NDArray

from ..instrument import pixel_scale
from ._free_of_stars import FrameEquations
from .plane import common_plane
from .registration import Registration, register
from .star_list import StarList

__all__ = ["Distortion", "corrected_distortion", "find_distortion"]

_MODELS = {"radial-3": 1, "radial-5": 2, "radial-5 + centre": 4}
"""Names of the models, each with the number of the parameters that it leaves free."""

_ROUNDS = 4
_FOLDS = 5
_LEAST_STARS = 20
_LEAST_SIGHTINGS = 60
_WORST = 25.0
"""Squared deviation, in units of the error, at which a sighting counts no more."""
_GAIN_SIGMAS = 5.0
_FURTHER_SIGMAS = 3.0
_LEAST_GAIN = 0.02
"""Part of the squared left-out residuals that a correction must take away."""
_LARGEST = 20.0
"""Pixels at the rim; a larger correction is not believed."""


@dataclass(frozen=True)
class Distortion:
    """A correction of the distortion, common to all frames.

    Attributes
    ----------
    model : str
        ``"radial-3"``: cubic radial term; ``"radial-5"``: that and the fifth
        order; ``"radial-5 + centre"``: the place of the centre as well.
    parameters : `~numpy.ndarray`
        Shape (4,): displacement at the rim by the cubic and by the fifth-order
        term, and of the centre along x and y, all in pixels.
    before, after : float
        Weighted rms of the positions of stars that were left out of the fit, per
        axis, in arcsec, without and with the correction.
    significance : float
        Gain in the left-out squared residuals over its standard error.

    Notes
    -----
    Linear least squares for the correction and one shift for each frame, the
    places of the stars eliminated. Five-fold cross-validation over the stars: a
    model with more parameters must be better than the one before by three
    standard errors of the difference, and any by five than no correction. A
    change of scale common to all frames shifts each star by the same amount in
    all of them and cannot be seen: the scale at the centre stays that of the
    header.

    Examples
    --------
    >>> import numpy as np
    >>> from emirimg.alignment import Distortion
    >>> found = Distortion("radial-3", np.array([1.2, 0, 0, 0]), 0.080, 0.004, 25.0)
    >>> round(float(found.largest), 2)
    1.2
    """

    model: str
    parameters: NDArray[np.float64]
    before: float
    after: float
    significance: float

    @property
    def largest(self) -> float:
        """Largest radial displacement within the rim, in pixels."""
        r = np.linspace(0, 1, 101)
        return float(np.abs(self.parameters[0] * r**3 + self.parameters[1] * r**5).max())


def corrected_distortion(wcs: WCS, parameters: NDArray[np.float64], shape: tuple[int, int]) -> WCS:
    """Return a WCS with another distortion.

    Parameters
    ----------
    wcs : `~astropy.wcs.WCS`
        Zenithal polynomial (ZPN) WCS of a frame.
    parameters : `~numpy.ndarray`
        See `Distortion`.
    shape : tuple of int
        Shape (ny, nx) of the frame; half of its diagonal is the rim.

    Returns
    -------
    `~astropy.wcs.WCS`
        A copy with other coefficients PV2_3 and PV2_5 and, where the centre
        moves, other CRPIX and CRVAL, so that the field stays in its place.

    Examples
    --------
    >>> import numpy as np
    >>> from emirimg.alignment import corrected_distortion
    >>> from emirimg.simulation import Scene
    >>> wcs = Scene().truth.wcs(0)
    >>> corrected = corrected_distortion(wcs, np.array([2.0, 0, 0, 0]), (2048, 2048))
    >>> place = corrected.world_to_pixel(wcs.pixel_to_world([1023.5, 0], [1023.5, 0]))
    >>> np.hypot(place[0] - [1023.5, 0], place[1] - [1023.5, 0]).round(1)  # centre, corner
    array([0. , 1.8])
    """
    scale = pixel_scale(wcs).to_value("rad")
    rim = scale * float(np.hypot(*shape)) / 2
    new = wcs.deepcopy()
    terms = {(i, m): value for i, m, value in wcs.wcs.get_pv()}
    for order, value in zip((3, 5), parameters[:2], strict=True):
        terms[2, order] = terms.get((2, order), 0.0) + value * scale / rim**order
    new.wcs.set_pv([(i, m, value) for (i, m), value in terms.items()])
    if parameters[2:].any():
        new.wcs.crpix = wcs.wcs.crpix + parameters[2:]
        new.wcs.crval = wcs.wcs_pix2world([new.wcs.crpix], 1)[0]
    new.wcs.set()
    return new


def find_distortion(
    lists: Sequence[StarList],
    wcss: Sequence[WCS],
    shape: tuple[int, int],
    *,
    max_shift: float,
    min_stars: int,
    found: Registration | None = None,
) -> Distortion | None:
    """Find out whether the stars ask for another distortion than that of the headers.

    Parameters
    ----------
    lists : sequence of StarList
        The stars to use, of each frame.
    wcss : sequence of `~astropy.wcs.WCS`
        WCSs of the frames, as their headers say.
    shape : tuple of int
        Shape (ny, nx) of the frames.
    max_shift, min_stars : float, int
        See `~emirimg.alignment.registration.register`.
    found : Registration, optional
        What that says of these lists and WCSs, shifts and all, if it is known.

    Returns
    -------
    Distortion or None
        `None` where a correction is not significantly better than the headers, and
        where the projection is not a zenithal polynomial (ZPN).

    Notes
    -----
    Stars that the wrong distortion has moved too far to be matched come in again
    when a first correction is made, so registration and solution alternate.

    Examples
    --------
    >>> import numpy as np
    >>> from emirimg.alignment import find_distortion, find_stars
    >>> from emirimg.simulation import Scene
    >>> scene = Scene(n_exposures=3, shape=(128, 128), n_stars=20, n_galaxies=0).without_faults()
    >>> frames = [scene.exposure(index) for index in range(3)]
    >>> lists = [find_stars(frame.data - np.median(frame.data)) for frame in frames]
    >>> wcss = [frame.wcs for frame in frames]
    >>> find_distortion(lists, wcss, (128, 128), max_shift=15, min_stars=2) is None  # it is right
    True
    """
    if any(not wcs.wcs.ctype[0].endswith("ZPN") for wcs in wcss):
        return None
    plane = common_plane(wcss)
    total, first, last = np.zeros(4), None, None
    for _ in range(_ROUNDS):
        # A rotation takes up what a wrong distortion does, so it must be left out here.
        if total.any() or found is None or found.turned:
            headers = [corrected_distortion(wcs, total, shape) for wcs in wcss]
            found = register(
                lists, headers, shape, max_shift=max_shift, min_stars=min_stars, shifts_only=True
            )
        new = _best(found, _pixels(lists, found), plane, shape)
        if new is None:
            break
        total = total + new.parameters
        first, last = first or new, new
    if first is None or last is None:
        return None
    whole = replace(last, parameters=total, before=first.before, significance=first.significance)
    return whole if whole.largest < _LARGEST else None


def _pixels(lists: Sequence[StarList], found: Registration) -> NDArray[np.float64]:
    """Return where on the detector the stars of a registration are."""
    pixels = np.full((*found.numbers.shape, 2), np.nan)
    for index, stars in enumerate(lists):
        used = found.numbers[index] >= 0
        number = found.numbers[index, used]
        pixels[index, used] = np.column_stack([stars.x[number], stars.y[number]])
    return pixels


def _best(
    found: Registration, pixels: NDArray[np.float64], plane: WCS, shape: tuple[int, int]
) -> Distortion | None:
    """Choose the correction that predicts the positions of left-out stars best."""
    weights, residuals = found.weights, found.residuals
    frame, star = np.nonzero(weights > 0)
    if len(np.unique(star)) < _LEAST_STARS or len(frame) < _LEAST_SIGHTINGS:
        return None
    order = np.argsort(star, kind="stable")
    frame, star = frame[order], np.unique(star[order], return_inverse=True)[1]
    where = (frame, np.nonzero(weights > 0)[1][order])
    slopes = _slopes(pixels[where], frame, found.wcss, plane, shape)
    equations = FrameEquations(
        slopes, -residuals[where], weights[where], frame, star, len(found.wcss)
    )
    return _choice(equations)


def _left_out(equations: FrameEquations, n_free: int) -> NDArray[np.float64]:
    """Return the squared deviations of each star from fits without it."""
    star = equations.star
    squares = np.empty(len(star))
    for fold in range(_FOLDS):
        mine = star % _FOLDS == fold
        squares[mine] = equations.deviations(equations.solve(n_free, ~mine))[mine]
    limited = np.minimum(squares, _WORST * np.median(squares))
    return np.bincount(star, limited) / np.bincount(star)


def _choice(equations: FrameEquations) -> Distortion | None:
    none = best = _left_out(equations, 0)
    model = None
    for name, n_free in _MODELS.items():
        rival = _left_out(equations, n_free)
        if _sigmas(best, rival) > _FURTHER_SIGMAS:
            best, model = rival, name
    significance = _sigmas(none, best)
    if model is None or significance < _GAIN_SIGMAS:
        return None
    if best.mean() > (1 - _LEAST_GAIN) * none.mean():
        return None
    everything = np.ones(len(equations.star), dtype=bool)
    found = equations.solve(_MODELS[model], everything)[0, :4]
    unit = np.mean(equations.weights) * 2
    return Distortion(
        model,
        found,
        float(np.sqrt(none.mean() / unit)),
        float(np.sqrt(best.mean() / unit)),
        significance,
    )


def _sigmas(old: NDArray[np.float64], new: NDArray[np.float64]) -> float:
    gain = old - new
    return float(gain.mean() / max(gain.std() / np.sqrt(len(gain)), np.finfo(float).tiny))


def _slopes(
    pixels: NDArray[np.float64],
    frame: NDArray[np.int_],
    wcss: Sequence[WCS],
    plane: WCS,
    shape: tuple[int, int],
) -> NDArray[np.float64]:
    """Return how places in the plane move with the parameters, shape (n, 2 axes, 4).

    A larger coefficient puts the same sky farther out, so that the same pixel looks
    farther in. Another centre turns the field about it, where the distortion differs.
    """
    slopes = np.empty((len(frame), 2, 4))
    for number, wcs in enumerate(wcss):
        mine = frame == number
        if not mine.any():
            continue
        scale = pixel_scale(wcs).to_value("arcsec")
        rim = float(np.hypot(*shape)) / 2
        centre = wcs.wcs.crpix[None, :] - 1
        offset = pixels[mine] - centre
        places, origin = _in_plane(wcs, plane, pixels[mine]), _in_plane(wcs, plane, centre)
        distance = np.hypot(*(places - origin).T) / (scale * rim)
        outwards = offset / np.maximum(np.hypot(*offset.T), 1e-6)[:, None]
        jacobian = _jacobian(wcs, plane, pixels[mine])
        radial = -np.einsum("nab,nb->na", jacobian, outwards)
        slopes[mine, :, 0] = radial * distance[:, None] ** 3
        slopes[mine, :, 1] = radial * distance[:, None] ** 5
        slopes[mine, :, 2:] = _jacobian(wcs, plane, centre) - jacobian
    return slopes


def _in_plane(wcs: WCS, plane: WCS, pixels: NDArray[np.float64]) -> NDArray[np.float64]:
    return plane.wcs_world2pix(wcs.wcs_pix2world(pixels, 0), 0)


def _jacobian(wcs: WCS, plane: WCS, pixels: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the slopes of places in the plane with x and y, shape (n, 2 axes, 2)."""
    steps = 0.5 * np.eye(2)
    return np.stack(
        [
            _in_plane(wcs, plane, pixels + step) - _in_plane(wcs, plane, pixels - step)
            for step in steps
        ],
        axis=2,
    )
