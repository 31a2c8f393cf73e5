"""The illumination of the detector, from the stars and the shape of the sky."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from .._strategy import Strategy
from .equations import Model, StarEquations, StarMeasurements

__all__ = ["Illumination", "StarFlat", "StarMeasurements"]


@dataclass(frozen=True)
class Illumination:
    """A smooth response of the detector to the light of the stars.

    Parameters
    ----------
    image : `~numpy.ndarray` of float32
        Response relative to its mean, shape (ny, nx).
    degree : int
        Degree of the polynomial; 0: no correction.
    scatter : dict
        Scatter of the stars left out of the fit, in units of their errors,
        against what was tried: (degree, whether the ring multiplies).
    zero_points : `~numpy.ndarray`
        Logarithm of the transparency of each frame, mean 0.
    ring_multiplies : bool
        Whether the stars say that the ring in the sky is part of the
        response. Otherwise it is scattered light, which only adds.
    n_stars : int
        Stars used.

    Examples
    --------
    >>> import numpy as np
    >>> from astropy.nddata import CCDData
    >>> from emirimg.flat import Illumination
    >>> image = np.array([[0.98, 1.02]], dtype=np.float32)
    >>> illumination = Illumination(image, 1, {}, np.zeros(7), ring_multiplies=False, n_stars=120)
    >>> frame = CCDData([[98.0, 102.0]], unit="adu")
    >>> (frame.data / illumination.image).round(2)
    array([[100., 100.]])
    """

    image: NDArray[np.float32]
    degree: int
    scatter: dict[tuple[int, bool], float]
    zero_points: NDArray[np.float64]
    ring_multiplies: bool
    n_stars: int


class StarFlat(Strategy):
    """Solve for the illumination that makes every star equally bright everywhere.

    The same star falls on many places of the detector along a dither, so the
    logarithm of its flux is the sum of a magnitude of the star, a zero point
    of the frame and the response at the place. All are solved for together,
    robustly, with a prior that shrinks the response to none where the stars
    cannot tell.

    A gradient across the whole field looks, in the stars of a dither, like
    frames of different transparency. The shape of the sky knows it: what is
    not symmetric about the centre of its ring is response, what is may be
    scattered light (a ring), which the stars must decide. The ring may be off
    the detector's centre, somewhat elliptical and lopsided. A gradient of the sky
    itself, of the Moon for instance, is taken for response, too: 0.5 % from the
    centre to an edge are reckoned with, but only a catalogue can tell.

    Magnitudes of a reference catalogue, where they are given, enter as one
    more frame, which has a zero point but no response: they hold the largest
    scales in their place, the gradient too.

    The degree of the response is the one that predicts best the stars left out of
    the fit; the lowest is the gradient that the sky shows, which stars cannot judge.
    It need not be significantly better than that: the prior keeps the higher degrees
    small where the stars know little, and to leave out a true illumination costs more.
    That the ring is part of the response must be significant. Without a sky the
    response must predict significantly better than no correction, and with one not
    significantly worse; otherwise there is none.

    Parameters
    ----------
    degrees : tuple of int
        Degrees of the polynomials to try. Default: 2 to 6.
    min_stars : int
        Fewer measured stars than this are not asked: the sky alone tells the
        gradient, and nothing else is corrected. Default: 10.
    min_gain : float
        How many standard errors the prediction of left-out stars must be better, for a
        ring that multiplies, for a response without a sky, and for no correction
        with one. Default: 2.

    References
    ----------
    Padmanabhan et al. 2008, ApJ 674, 1217 (ubercalibration); Holmes, Hogg &
    Rix 2012, PASP 124, 1219 (which dithers can be self-calibrated).

    Examples
    --------
    >>> from emirimg import DitherReducer
    >>> from emirimg.flat import StarFlat
    >>> DitherReducer(starflat=StarFlat(degrees=(2, 3))).starflat
    StarFlat(degrees=(2, 3))
    >>> DitherReducer(starflat=None).starflat is None  # no correction
    True
    """

    name: Literal["starflat"] = "starflat"
    degrees: tuple[int, ...] = (2, 3, 4, 5, 6)
    min_stars: int = Field(10, ge=3)
    min_gain: float = Field(2.0, ge=0)

    def __call__(
        self,
        stars: StarMeasurements,
        shape: tuple[int, int],
        /,
        *,
        sky: NDArray[np.float32] | None = None,
    ) -> Illumination:
        """Find the illumination.

        Parameters
        ----------
        stars : StarMeasurements
            Fluxes of the stars in the frames.
        shape : tuple of int
            Shape (ny, nx) of the detector.
        sky : `~numpy.ndarray`, optional
            Brightness of the sky (per solid angle, not per pixel) in equal
            blocks that cover the detector, shape (rows, columns), on any
            scale; NaN where unknown.

        Returns
        -------
        Illumination
        """
        problem = StarEquations(stars, shape, sky)
        none, plane = (Model(degree, ring_multiplies=False) for degree in (0, 1))
        # The stars cannot tell a gradient from transparency, so they do not judge it:
        # where the sky shows one it is the model that others must improve on.
        start = none if sky is None else plane
        if problem.n_stars < self.min_stars:
            return _illumination(problem, start, {})
        scores = {model: problem.left_out_scores(model) for model in (none, start)}
        for degree in self.degrees:
            model = Model(degree, ring_multiplies=False)
            scores[model] = problem.left_out_scores(model)
        best = min(list(scores)[1:], key=lambda model: scores[model].mean())
        if sky is None:
            if not self._is_better(scores[best], scores[none]):
                best = none
        elif best.degree > 1:
            rival = Model(best.degree, ring_multiplies=True)
            scores[rival] = problem.left_out_scores(rival)
            if self._is_better(scores[rival], scores[best]):
                best = rival
        if self._is_better(scores[none], scores[best]):
            best = none
        scatter = {
            (model.degree, model.ring_multiplies): float(np.sqrt(score.mean()))
            for model, score in scores.items()
        }
        return _illumination(problem, best, scatter)

    def _is_better(self, score: NDArray[np.float64], other: NDArray[np.float64]) -> bool:
        """Tell whether left-out stars are predicted significantly better."""
        gain = other - score
        return bool(gain.mean() > self.min_gain * gain.std() / np.sqrt(len(gain)))


def _illumination(
    problem: StarEquations, model: Model, scatter: dict[tuple[int, bool], float]
) -> Illumination:
    if model.degree == 0:
        image, zero_points = np.ones(problem.shape, np.float32), np.zeros(problem.n_frames)
    else:
        solution = problem.solve(model)
        image = problem.response(solution, model)
        zero_points = solution.zero_points[: problem.n_frames]
    return Illumination(
        image=image,
        degree=model.degree,
        scatter=scatter,
        zero_points=zero_points,
        ring_multiplies=model.ring_multiplies,
        n_stars=problem.n_stars,
    )
