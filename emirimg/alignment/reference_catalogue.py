"""A catalogue of stars with known places and magnitudes, and the tie of a mosaic to it."""

from __future__ import annotations

from dataclasses import dataclass

import astropy.units as u
import numpy as np
import scipy
from astropy.wcs import WCS
from numpy.typing import NDArray

from .matching import vote_shift
from .plane import common_plane, moved_wcs

__all__ = ["CatalogueTie", "ReferenceCatalogue", "match_catalogue", "tie_to_catalogue"]

_TOLERANCE = 1.5
"""Arcseconds within which pairs must agree on a shift."""
_FALSE_ALARM = 1e-3
_FEWEST = 3
_FEWEST_TO_TURN = 12
_TURN_SIGMAS = 5.0
_MOST_TURN = 0.01
_ROUNDS = 10
_ERROR = 0.05
"""Arcseconds: no catalogue is trusted better than this before its scatter is known."""


@dataclass(frozen=True)
class ReferenceCatalogue:
    """Stars with known places and, maybe, magnitudes.

    Parameters
    ----------
    name : str
        What to call it.
    ra, dec : `~numpy.ndarray`
        Degrees, shape (n,).
    magnitude, magnitude_error : `~numpy.ndarray`
        Shape (n,); NaN where unknown.
    digest : str, optional
        sha256 of its file.

    Examples
    --------
    >>> import numpy as np
    >>> from emirimg import DitherReducer
    >>> from emirimg.alignment import ReferenceCatalogue
    >>> catalogue = ReferenceCatalogue(
    ...     "mine",
    ...     ra=np.array([40.001, 40.012]),
    ...     dec=np.array([-1.51, -1.49]),
    ...     magnitude=np.array([15.2, 16.8]),
    ...     magnitude_error=np.array([0.02, 0.05]),
    ... )
    >>> reducer = DitherReducer(catalogue=catalogue)
    """

    name: str
    ra: NDArray[np.float64]
    dec: NDArray[np.float64]
    magnitude: NDArray[np.float64]
    magnitude_error: NDArray[np.float64]
    digest: str = ""

    def __len__(self) -> int:
        return self.ra.size


@dataclass(frozen=True)
class CatalogueTie:
    """How a mosaic has to be moved to agree with a catalogue.

    Attributes
    ----------
    wcs : `~astropy.wcs.WCS`
        WCS of the mosaic, tied.
    shift : `~astropy.units.Quantity`
        Shape (2,): movement towards east and north at the centre.
    rotation : `~astropy.units.Quantity`
        From east to north; 0 where it is not significant.
    scale : float
        Relative change of the scale; 0 where it is not significant.
    rms : `~astropy.units.Quantity`
        Robust rms of the residuals, per axis.
    n_stars : int
        Stars in common.
    plane : `~astropy.wcs.WCS`
        Tangent plane in which the movement is defined.

    Examples
    --------
    >>> import numpy as np
    >>> from emirimg.alignment import ReferenceCatalogue, tie_to_catalogue
    >>> from emirimg.projection import MosaicGrid
    >>> from emirimg.simulation import Scene
    >>> wcs = MosaicGrid.covering([Scene(shape=(400, 400)).truth.wcs(0)], [(400, 400)]).wcs
    >>> pixels = np.random.default_rng(1).uniform(0, 400, (30, 2))
    >>> ra, dec = wcs.wcs_pix2world(pixels, 0).T
    >>> unknown = np.full(30, np.nan)
    >>> tie = tie_to_catalogue(
    ...     wcs, pixels, ReferenceCatalogue("mine", ra, dec + 2 / 3600, unknown, unknown)
    ... )
    >>> frame = tie.moved(wcs)
    >>> before, after = (one.pixel_to_world(0, 0).dec for one in (wcs, frame))
    >>> print(f"{(after - before).arcsec:.2f} arcsec")
    2.00 arcsec
    """

    wcs: WCS
    shift: u.Quantity
    rotation: u.Quantity
    scale: float
    rms: u.Quantity
    n_stars: int
    plane: WCS

    @property
    def parameters(self) -> NDArray[np.float64]:
        """The movement as `~emirimg.alignment.plane.moved_wcs` takes it."""
        return np.array([*self.shift.value, self.rotation.to_value(u.rad), self.scale])

    def moved(self, wcs: WCS) -> WCS:
        """Move the WCS of a frame in the same way."""
        return moved_wcs(wcs, self.plane, self.parameters)


def tie_to_catalogue(
    wcs: WCS,
    pixels: NDArray[np.float64],
    catalogue: ReferenceCatalogue,
    *,
    max_shift: u.Quantity = 30 * u.arcsec,
) -> CatalogueTie | None:
    """Find the shift, rotation and scale that put a mosaic onto a catalogue.

    Parameters
    ----------
    wcs : `~astropy.wcs.WCS`
        WCS of the mosaic.
    pixels : `~numpy.ndarray`
        Places (x, y) of its stars, 0-based, the brightest first, shape (n, 2).
    catalogue : ReferenceCatalogue
        The catalogue.
    max_shift : `~astropy.units.Quantity`, optional
        Largest shift to look for. Default: 30 arcsec.

    Returns
    -------
    CatalogueTie or None
        `None` if fewer than three stars agree, or no more than by accident.

    Notes
    -----
    All pairs vote for a coarse shift; pairs of nearest neighbours then give shift,
    rotation and scale by least squares with Tukey's biweight. With fewer than 12
    stars, or where they are below 5 standard errors, rotation and scale are 0.

    Examples
    --------
    >>> import numpy as np
    >>> from astropy.wcs import WCS
    >>> from emirimg.alignment import ReferenceCatalogue, tie_to_catalogue
    >>> wcs = WCS(naxis=2)
    >>> wcs.wcs.ctype = ["RA---TAN", "DEC--TAN"]
    >>> wcs.wcs.crval, wcs.wcs.crpix = [150.0, 2.0], [200.0, 200.0]
    >>> wcs.wcs.cdelt = [-5.4e-5, 5.4e-5]
    >>> pixels = np.random.default_rng(1).uniform(0, 400, (30, 2))
    >>> ra, dec = wcs.wcs_pix2world(pixels, 0).T
    >>> none = np.full(30, np.nan)
    >>> catalogue = ReferenceCatalogue("mine", ra, dec + 2 / 3600, none, none)
    >>> tie = tie_to_catalogue(wcs, pixels, catalogue)
    >>> tie.n_stars, tie.shift.round(2) + 0.0 * tie.shift.unit
    (30, <Quantity [0., 2.] arcsec>)
    """
    plane = common_plane([wcs])
    stars = plane.wcs_world2pix(wcs.wcs_pix2world(pixels.reshape(-1, 2), 0), 0)
    known = plane.wcs_world2pix(np.column_stack([catalogue.ra, catalogue.dec]), 0)
    limit = max_shift.to_value(u.arcsec)
    if len(stars) < _FEWEST or len(known) < _FEWEST:
        return None
    low, high = stars.min(axis=0) - limit, stars.max(axis=0) + limit
    near = np.flatnonzero(((known >= low) & (known <= high)).all(axis=1))
    faintness = np.where(np.isfinite(catalogue.magnitude), catalogue.magnitude, np.inf)[near]
    near = near[np.argsort(faintness, kind="stable")]
    vote = vote_shift(stars[:250], known[near[:500]], max_shift=limit, tolerance=_TOLERANCE)
    if vote is None or vote.n_pairs < _FEWEST or vote.false_alarm > _FALSE_ALARM:
        return None
    parameters = np.array([*vote.shift, 0.0, 0.0])
    # Iterate: pairs become surer as the movement becomes better known.
    for _ in range(3):
        star, listed = _pairs(_move(stars, parameters), known[near], _TOLERANCE)
        if len(star) < _FEWEST:
            return None
        parameters, rms, used = _fit(stars[star], known[near][listed])
    return CatalogueTie(
        wcs=moved_wcs(wcs, plane, parameters),
        shift=parameters[:2] * u.arcsec,
        rotation=parameters[2] * u.rad,
        scale=float(parameters[3]),
        rms=rms * u.arcsec,
        n_stars=int(used.sum()),
        plane=plane,
    )


def match_catalogue(
    places: NDArray[np.float64],
    catalogue: ReferenceCatalogue,
    *,
    tolerance: u.Quantity = 1 * u.arcsec,
) -> tuple[NDArray[np.int_], NDArray[np.int_]]:
    """Tell which stars are which entries of a catalogue.

    Parameters
    ----------
    places : `~numpy.ndarray`
        RA and Dec in degrees, shape (n, 2), on the system of the catalogue.
    catalogue : ReferenceCatalogue
        The catalogue.
    tolerance : `~astropy.units.Quantity`, optional
        Largest distance. Default: 1 arcsec.

    Returns
    -------
    star, entry : `~numpy.ndarray` of int
        Indices of the pairs; each star and each entry at most once.

    Examples
    --------
    >>> import numpy as np
    >>> from emirimg.alignment import ReferenceCatalogue, match_catalogue
    >>> unknown = np.full(3, np.nan)
    >>> catalogue = ReferenceCatalogue(
    ...     "mine", np.array([40.0, 40.1, 40.2]), np.array([-1.5, -1.5, -1.5]), unknown, unknown
    ... )
    >>> places = np.array([[40.2, -1.50001], [40.05, -1.5]])
    >>> match_catalogue(places, catalogue)
    (array([0]), array([2]))
    """
    if len(places) == 0 or len(catalogue) == 0:
        return np.empty(0, dtype=int), np.empty(0, dtype=int)
    plane = common_plane([_at(places[0])])
    stars = plane.wcs_world2pix(places, 0)
    known = plane.wcs_world2pix(np.column_stack([catalogue.ra, catalogue.dec]), 0)
    return _pairs(stars, known, tolerance.to_value(u.arcsec))


def _at(place: NDArray[np.float64]) -> WCS:
    wcs = WCS(naxis=2)
    wcs.wcs.ctype = ["RA---TAN", "DEC--TAN"]
    wcs.wcs.crval = place
    wcs.wcs.set()
    return wcs


def _move(places: NDArray[np.float64], parameters: NDArray[np.float64]) -> NDArray[np.float64]:
    east, north, rotation, scale = parameters
    turned = np.column_stack([-places[:, 1], places[:, 0]])
    return places * (1 + scale) + rotation * turned + [east, north]


def _pairs(
    stars: NDArray[np.float64], known: NDArray[np.float64], tolerance: float
) -> tuple[NDArray[np.int_], NDArray[np.int_]]:
    """Return pairs that are nearest neighbours of each other."""
    good = np.flatnonzero(np.isfinite(known).all(axis=1))
    tree = scipy.spatial.cKDTree(known[good])
    distance, entry = tree.query(stars, distance_upper_bound=tolerance)
    star = np.flatnonzero(np.isfinite(distance))
    entry = entry[star]
    _, back = scipy.spatial.cKDTree(stars).query(known[good][entry])
    mutual = back == star
    return star[mutual], good[entry[mutual]]


def _fit(
    stars: NDArray[np.float64], known: NDArray[np.float64]
) -> tuple[NDArray[np.float64], float, NDArray[np.bool_]]:
    """Return the movement, the rms on each axis and the pairs that count."""
    one, zero = np.ones(len(stars)), np.zeros(len(stars))
    u_, v = stars.T
    design = np.vstack([np.column_stack([one, zero, -v, u_]), np.column_stack([zero, one, u_, v])])
    right = (known - stars).T.ravel()
    free = 4 if len(stars) >= _FEWEST_TO_TURN else 2
    while True:
        solution, errors, rms, used = _robust(design[:, :free], right)
        full = np.append(solution, np.zeros(4 - free))
        sure = np.abs(full[2:free]) > _TURN_SIGMAS * errors[2:free]
        if free == 2 or (sure.any() and np.abs(full[2:]).max() < _MOST_TURN):
            full[2:free][~sure] = 0.0
            if free == 4 and not sure.all():
                columns = [0, 1, *(2 + np.flatnonzero(sure))]
                solution, errors, rms, used = _robust(design[:, columns], right)
                full[columns] = solution
            return full, rms, used
        free = 2


def _robust(
    design: NDArray[np.float64], right: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], float, NDArray[np.bool_]]:
    n = len(right) // 2
    weights = np.ones(n)
    for number in range(_ROUNDS):
        root = np.sqrt(np.tile(weights, 2))
        solution = np.linalg.lstsq(root[:, None] * design, root * right)[0]
        size = np.hypot(*(right - design @ solution).reshape(2, n))
        # The median length of a plane vector is 1.177 sigma.
        rms = float(np.median(size[weights > 0])) / 1.177
        cut = 6 * max(rms, _ERROR if number < 3 else 1e-6)
        weights = np.maximum(1 - (size / cut) ** 2, 0) ** 2
    normal = design.T @ (np.tile(weights, 2)[:, None] * design)
    errors = max(rms, 1e-6) * np.sqrt(np.diag(np.linalg.pinv(normal)))
    return solution, errors, rms, weights > 0
