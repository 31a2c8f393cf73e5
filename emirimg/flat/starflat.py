"""The illumination of the detector, from the stars and the shape of the sky."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Literal

import numpy as np
from numpy.polynomial import legendre
from numpy.typing import NDArray
from pydantic import Field
from scipy.interpolate import BSpline

from .._strategy import Strategy

__all__ = ["Illumination", "StarFlat", "StarMeasurements"]

_ITERATIONS = 5
_FOLDS = 5
_FLOOR = 0.004
"""No flux is trusted better than this: residual flat, interpolation, profile."""

_SKY_ERROR = 0.002
"""Part of the sky that neither a smooth response nor a ring describes."""

_ZERO_POINT_PRIOR = 0.05
_RADIAL_KNOTS = 14
"""Enough to follow a ring some 200 pixels wide."""


@dataclass(frozen=True)
class StarMeasurements:
    """Fluxes of the same stars on many places of the detector.

    Parameters
    ----------
    star, frame : `~numpy.ndarray` of int
        Which star was measured in which frame, shape (n,).
    x, y : `~numpy.ndarray`
        Where, in detector pixels, 0-based.
    flux, error : `~numpy.ndarray`
        How bright it was there. All positive.
    """

    star: NDArray[np.int_]
    frame: NDArray[np.int_]
    x: NDArray[np.float64]
    y: NDArray[np.float64]
    flux: NDArray[np.float64]
    error: NDArray[np.float64]


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
    not symmetric about the detector's centre is response, what is may be
    scattered light (a ring), which the stars must decide.

    The degree of the response, and whether the ring is part of it, are those
    that predict best the stars left out of the fit; when nothing is better
    than no correction, there is none.

    Parameters
    ----------
    degrees : tuple of int
        Degrees of the polynomials to try. Default: 2 to 6.
    min_stars : int
        Fewer measured stars than this mean no correction. Default: 20.
    min_gain : float
        How many standard errors better than no correction the prediction of
        left-out stars must be. Default: 2.

    References
    ----------
    Padmanabhan et al. 2008, ApJ 674, 1217 (ubercalibration); Holmes, Hogg &
    Rix 2012, PASP 124, 1219 (which dithers can be self-calibrated).
    """

    name: Literal["starflat"] = "starflat"
    degrees: tuple[int, ...] = (2, 3, 4, 5, 6)
    min_stars: int = Field(20, ge=3)
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
        problem = _Problem(stars, shape, sky)
        if problem.n_stars < self.min_stars:
            return _no_correction(problem, {})
        none = _Model(0, ring_multiplies=False)
        models = [none, *(_Model(degree, ring_multiplies=False) for degree in self.degrees)]
        scores = {model: problem.left_out_scores(model) for model in models}
        best = min(scores, key=lambda model: scores[model].mean())
        if sky is not None and best.degree > 0:
            rival = _Model(best.degree, ring_multiplies=True)
            scores[rival] = problem.left_out_scores(rival)
            best = min(best, rival, key=lambda model: scores[model].mean())
        scatter = {
            (model.degree, model.ring_multiplies): float(np.sqrt(score.mean()))
            for model, score in scores.items()
        }
        gain = scores[none] - scores[best]
        if gain.mean() <= self.min_gain * gain.std() / np.sqrt(len(gain)):
            return _no_correction(problem, scatter)
        solution = problem.solve(best)
        return Illumination(
            image=problem.response(solution, best),
            degree=best.degree,
            scatter=scatter,
            zero_points=solution.zero_points,
            ring_multiplies=best.ring_multiplies,
            n_stars=problem.n_stars,
        )


def _no_correction(problem: _Problem, scatter: dict[tuple[int, bool], float]) -> Illumination:
    return Illumination(
        image=np.ones(problem.shape, dtype=np.float32),
        degree=0,
        scatter=scatter,
        zero_points=np.zeros(problem.n_frames),
        ring_multiplies=False,
        n_stars=problem.n_stars,
    )


@dataclass(frozen=True)
class _Model:
    degree: int
    ring_multiplies: bool


@dataclass(frozen=True)
class _Solution:
    response: NDArray[np.float64]
    zero_points: NDArray[np.float64]
    ring: NDArray[np.float64]


class _Problem:
    """The linear equations of one set of measurements."""

    def __init__(
        self, stars: StarMeasurements, shape: tuple[int, int], sky: NDArray[np.float32] | None
    ) -> None:
        self.shape = shape
        repeated = np.bincount(stars.star)[stars.star] > 1 if len(stars.star) else stars.star > 0
        # In order of the stars, so that those of one star are a slice.
        repeated = np.flatnonzero(repeated)
        repeated = repeated[np.argsort(stars.star[repeated], kind="stable")]
        _, self.star = np.unique(stars.star[repeated], return_inverse=True)
        self.frame = stars.frame[repeated]
        self.n_stars = int(self.star.max()) + 1 if len(self.star) else 0
        self.n_frames = int(self.frame.max()) + 1 if len(self.frame) else 0
        self.u, self.v = self._centred(stars.x[repeated], stars.y[repeated])
        self.value = np.log(stars.flux[repeated])
        self.sigma = np.hypot(stars.error[repeated] / stars.flux[repeated], _FLOOR)
        self.blocks = None if sky is None else self._sky_blocks(sky)

    def _centred(
        self, x: NDArray[np.float64], y: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        ny, nx = self.shape
        return (x - (nx - 1) / 2) / (nx / 2), (y - (ny - 1) / 2) / (ny / 2)

    def _sky_blocks(self, sky: NDArray[np.float32]) -> tuple[NDArray[np.float64], ...]:
        """Return centred places and values of blocks of the sky."""
        ny, nx = self.shape
        rows, columns = sky.shape
        row, column = np.nonzero(np.isfinite(sky))
        u, v = self._centred((column + 0.5) * nx / columns - 0.5, (row + 0.5) * ny / rows - 0.5)
        values = sky[row, column].astype(float)
        return u, v, values / np.median(values) - 1

    def solve(self, model: _Model, chosen: NDArray[np.bool_] | None = None) -> _Solution:
        """Fit response, zero points and ring, robustly, to the chosen measurements."""
        if chosen is None:
            chosen = np.ones(len(self.value), dtype=bool)
        design = self._star_design(model, chosen)
        fixed_normal, fixed_right = self._fixed_equations(model)
        value, star, sigma = self.value[chosen], self.star[chosen], self.sigma[chosen]
        weight = sigma**-2
        for _ in range(_ITERATIONS):
            left = _without_star_means(design, star, weight)
            right = _without_star_means(value[:, None], star, weight)[:, 0]
            normal = left.T @ (weight[:, None] * left) + fixed_normal
            found = np.linalg.solve(normal, left.T @ (weight * right) + fixed_right)
            deviation = np.abs(right - left @ found) / sigma
            weight = np.where(deviation < 4, (1 - (deviation / 4) ** 2) ** 2, 0) / sigma**2
            # A star all of whose measurements are outliers tells nothing.
            weight = np.maximum(weight, 1e-6 * sigma**-2)
        return _Solution(*np.split(found, self._column_ends(model)))

    def _column_ends(self, model: _Model) -> tuple[int, int]:
        """Return where the response's columns end, and those of the frames."""
        n_response = len(_terms(model.degree))
        return n_response, n_response + self.n_frames

    def _star_design(self, model: _Model, chosen: NDArray[np.bool_]) -> NDArray[np.float64]:
        """Return the columns of the equations of the stars: response, frames, ring."""
        u, v = self.u[chosen], self.v[chosen]
        frames = np.zeros((chosen.sum(), self.n_frames))
        frames[np.arange(len(frames)), self.frame[chosen]] = 1
        columns = [_basis(u, v, model.degree), frames]
        if self.blocks is not None and model.degree > 0:
            columns.append(_radial(np.hypot(u, v)) * float(model.ring_multiplies))
        return np.hstack(columns)

    @cache  # noqa: B019 - a problem lives as long as one call
    def _fixed_equations(self, model: _Model) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the normal equations of the sky's shape and of the priors."""
        order = np.array([i + j for i, j in _terms(model.degree)], dtype=float)
        response_prior = (order / 0.05) ** 2
        if self.blocks is None:
            # A gradient is a difference of transparency: the stars cannot tell.
            response_prior[order == 1] = 1e12
        frame_prior = np.full(self.n_frames, _ZERO_POINT_PRIOR**-2)
        if self.blocks is None or model.degree == 0:
            prior = np.r_[response_prior, frame_prior]
            return np.diag(prior), np.zeros(len(prior))
        u, v, value = self.blocks
        ring = _radial(np.hypot(u, v))
        design = np.hstack([_basis(u, v, model.degree), np.zeros((len(u), self.n_frames)), ring])
        prior = np.diag(np.r_[response_prior, frame_prior, np.full(ring.shape[1], 1e-2)])
        weight = np.full(len(value), _SKY_ERROR**-2)
        for _ in range(_ITERATIONS):
            normal = design.T @ (weight[:, None] * design) + prior
            right = design.T @ (weight * value)
            deviation = np.abs(value - design @ np.linalg.solve(normal, right)) / _SKY_ERROR
            weight = np.minimum(1, 2 / np.maximum(deviation, 1e-9)) / _SKY_ERROR**2
        return normal, right

    def left_out_scores(self, model: _Model) -> NDArray[np.float64]:
        """Return, for each star, its mean squared deviation from a fit without it."""
        fold = self.star % _FOLDS
        scores = np.zeros(self.n_stars)
        for number in range(_FOLDS):
            left_out = fold == number
            solution = self.solve(model, ~left_out)
            predicted = self._star_design(model, left_out) @ np.concatenate(
                [solution.response, solution.zero_points, solution.ring]
            )
            weight = self.sigma[left_out] ** -2
            star = self.star[left_out]
            rest = (self.value[left_out] - predicted)[:, None]
            rest = _without_star_means(rest, star, weight)[:, 0] / self.sigma[left_out]
            sums = np.bincount(star, np.minimum(rest**2, 16), minlength=self.n_stars)
            counts = np.bincount(star, minlength=self.n_stars)
            scores += sums / np.maximum(counts, 1)
        return scores

    def response(self, solution: _Solution, model: _Model) -> NDArray[np.float32]:
        """Evaluate the response on every pixel."""
        ny, nx = self.shape
        u, v = self._centred(np.arange(nx), np.arange(ny))
        coefficients = np.zeros((model.degree + 1, model.degree + 1))
        for value, (i, j) in zip(solution.response, _terms(model.degree), strict=True):
            coefficients[j, i] = value
        image = legendre.legvander(v, model.degree) @ coefficients
        image = np.exp(image @ legendre.legvander(u, model.degree).T)
        if model.ring_multiplies:
            r = np.linspace(0, np.sqrt(2), 2048)
            ring = np.exp(_radial(r) @ solution.ring)
            image *= np.interp(np.hypot(u, v[:, None]), r, ring)
        return (image / image.mean()).astype(np.float32)


def _terms(degree: int) -> list[tuple[int, int]]:
    return [(total - j, j) for total in range(1, degree + 1) for j in range(total + 1)]


def _basis(u: NDArray[np.float64], v: NDArray[np.float64], degree: int) -> NDArray[np.float64]:
    """Return products of Legendre polynomials, without the constant, as columns."""
    along_x, along_y = legendre.legvander(u, degree), legendre.legvander(v, degree)
    columns = [along_x[:, i] * along_y[:, j] for i, j in _terms(degree)]
    return np.column_stack(columns) if columns else np.zeros((len(u), 0))


def _radial(r: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return cubic B-splines of the distance from the centre (1: middle of an edge)."""
    inner = np.linspace(0, np.sqrt(2), _RADIAL_KNOTS)
    knots = np.r_[[inner[0]] * 3, inner, [inner[-1]] * 3]
    return BSpline.design_matrix(np.clip(r, 0, inner[-1]), knots, 3).toarray()


def _without_star_means(
    columns: NDArray[np.float64], star: NDArray[np.int_], weight: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Subtract from each column its weighted mean over the measurements of each star.

    The measurements are in order of the stars.
    """
    first = np.flatnonzero(np.diff(star, prepend=-1))
    sums = np.add.reduceat(weight[:, None] * columns, first)
    means = sums / np.add.reduceat(weight, first)[:, None]
    return columns - np.repeat(means, np.diff(first, append=len(star)), axis=0)
