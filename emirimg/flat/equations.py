"""The equations of dithered stars: magnitudes, zero points, response, ring."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.polynomial import legendre
from numpy.typing import NDArray

from ._elimination import normal_equations, without_means
from .ring import find_ring, polynomial_basis as _basis, polynomial_terms as _terms

__all__ = ["Model", "Solution", "StarEquations", "StarMeasurements"]

_ITERATIONS = 5
_FOLDS = 5
_FLOOR = 0.004
"""No flux is trusted better than this: residual flat, interpolation, profile."""

_SKY_ERROR = 0.002
"""Part of the sky that neither a smooth response nor a ring describes."""

_SKY_GRADIENT = 0.005
"""Gradient of the sky itself, from the centre to an edge, that must be reckoned with."""

_ZERO_POINT_PRIOR = 0.05
_ANY_ZERO_POINT = 100.0
_CATALOGUE_FLOOR = 0.02
"""No catalogue is trusted better than this: colour terms, variable stars."""

_LN_PER_MAGNITUDE = 0.4 * np.log(10)


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
    magnitude, magnitude_error : `~numpy.ndarray`, optional
        Magnitudes of the stars in a reference catalogue, on any zero point, shape
        (number of stars,); NaN where the catalogue does not know the star. Default:
        no catalogue.

    Examples
    --------
    >>> import numpy as np
    >>> from emirimg.flat import StarFlat, StarMeasurements
    >>> rng = np.random.default_rng(1)
    >>> places = rng.uniform(100, 900, (40, 2))  # of 40 stars, in pixels
    >>> offsets = np.array([(0, 0), (90, 40), (-60, 80), (50, -90), (-80, -50)])
    >>> star, frame = (index.ravel() for index in np.indices((40, 5)))
    >>> x, y = (places[star] + offsets[frame]).T
    >>> flux = rng.uniform(1e4, 1e5, 40)[star] * (1 + 0.05 * ((x - 500) / 500) ** 2)
    >>> stars = StarMeasurements(star, frame, x, y, flux, 0.002 * flux)
    >>> image = StarFlat()(stars, (1000, 1000)).image
    >>> print(f"{image[500, 950] / image[500, 500]:.3f}")
    1.040
    """

    star: NDArray[np.int_]
    frame: NDArray[np.int_]
    x: NDArray[np.float64]
    y: NDArray[np.float64]
    flux: NDArray[np.float64]
    error: NDArray[np.float64]
    magnitude: NDArray[np.float64] | None = None
    magnitude_error: NDArray[np.float64] | None = None


@dataclass(frozen=True)
class Model:
    """What is solved for: the degree of the response, and whether the ring is part of it."""

    degree: int
    ring_multiplies: bool


@dataclass(frozen=True)
class Solution:
    """Coefficients of the response, logarithmic zero points, of the ring, of the sky itself."""

    response: NDArray[np.float64]
    zero_points: NDArray[np.float64]
    ring: NDArray[np.float64]
    gradient: NDArray[np.float64]


class StarEquations:
    """The linear equations of one set of measurements.

    A catalogue is one more frame: it has a zero point of its own, but no response.
    """

    def __init__(
        self, stars: StarMeasurements, shape: tuple[int, int], sky: NDArray[np.float32] | None
    ) -> None:
        self.shape = shape
        repeated = np.bincount(stars.star)[stars.star] > 1 if len(stars.star) else stars.star > 0
        star, frame = stars.star[repeated], stars.frame[repeated]
        self.n_stars = len(np.unique(star))
        self.n_frames = int(frame.max()) + 1 if len(frame) else 0
        listed, brightness, brightness_error = _catalogue(stars, np.unique(star))
        self.n_listed = len(listed)
        # In order of the stars, so that those of one star are a slice.
        star = np.r_[star, listed]
        order = np.argsort(star, kind="stable")
        self.star = np.unique(star[order], return_inverse=True)[1]
        self.frame = np.r_[frame, np.full(self.n_listed, self.n_frames)][order]
        nowhere = np.zeros(self.n_listed)
        u, v = self._centred(stars.x[repeated], stars.y[repeated])
        self.u, self.v = np.r_[u, nowhere][order], np.r_[v, nowhere][order]
        self.value = np.r_[np.log(stars.flux[repeated]), brightness][order]
        relative = stars.error[repeated] / stars.flux[repeated]
        self.sigma = np.r_[np.hypot(relative, _FLOOR), brightness_error][order]
        self.blocks = None if sky is None else self._sky_blocks(sky)
        self.ring = None if self.blocks is None else find_ring(*self.blocks, _SKY_ERROR)

    def _centred(
        self, x: NDArray[np.float64], y: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        ny, nx = self.shape
        return (x - (nx - 1) / 2) / (nx / 2), (y - (ny - 1) / 2) / (ny / 2)

    def _sky_blocks(
        self, sky: NDArray[np.float32]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """Return centred places and values of blocks of the sky."""
        ny, nx = self.shape
        rows, columns = sky.shape
        row, column = np.nonzero(np.isfinite(sky))
        u, v = self._centred((column + 0.5) * nx / columns - 0.5, (row + 0.5) * ny / rows - 0.5)
        values = sky[row, column].astype(float)
        return u, v, values / np.median(values) - 1

    def solve(self, model: Model, chosen: NDArray[np.bool_] | None = None) -> Solution:
        """Fit response, zero points and ring to the chosen measurements, robustly."""
        if chosen is None:
            chosen = np.ones(len(self.value), dtype=bool)
        found = self._solved(model, chosen, self._weights(model))
        return Solution(*np.split(found, self._column_ends(model)))

    @cache  # noqa: B019 - a problem lives as long as one call
    def _weights(self, model: Model) -> NDArray[np.float64]:
        """Return what the measurements weigh that all of them together make no outliers."""
        columns = self._star_columns(model)
        n_response, n_before, _ = self._column_ends(model)
        everything = np.ones(len(self.value), dtype=bool)
        weight = self.sigma**-2
        for _ in range(_ITERATIONS - 1):
            found = self._solved(model, everything, weight)
            smooth = np.delete(found, np.s_[n_response:n_before])
            predicted = columns @ smooth + found[n_response:n_before][self.frame]
            deviation = without_means(self.value - predicted, self.star, weight) / self.sigma
            weight = np.maximum(1 - (deviation / 4) ** 2, 0) ** 2 / self.sigma**2
            # A star all of whose measurements are outliers tells nothing.
            weight = np.maximum(weight, 1e-6 * self.sigma**-2)
        return weight

    def _solved(
        self, model: Model, chosen: NDArray[np.bool_], weight: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Return the coefficients in the order of `Solution`."""
        fixed_normal, fixed_right = self._fixed_equations(model)
        if not chosen.any():
            return np.linalg.solve(fixed_normal, fixed_right)
        columns = self._star_columns(model)[chosen]
        normal, right = normal_equations(
            columns,
            self.frame[chosen],
            self._n_zero_points,
            self.star[chosen],
            weight[chosen],
            self.value[chosen],
        )
        n_response = self._column_ends(model)[0]
        # Response, frames, ring: the order of the solution.
        frames = columns.shape[1] + np.arange(self._n_zero_points)
        order = np.r_[:n_response, frames, n_response : columns.shape[1]]
        return np.linalg.solve(
            normal[np.ix_(order, order)] + fixed_normal, right[order] + fixed_right
        )

    def _column_ends(self, model: Model) -> tuple[int, int, int]:
        """Return where the columns of the response, of the frames and of the ring end."""
        n_response = len(_terms(model.degree))
        n_ring = len(self.ring.prior) if self.ring is not None and model.degree > 0 else 0
        n_before = n_response + self._n_zero_points
        return n_response, n_before, n_before + n_ring

    @property
    def _n_zero_points(self) -> int:
        return self.n_frames + (self.n_listed > 0)

    @cache  # noqa: B019 - a problem lives as long as one call
    def _star_columns(self, model: Model) -> NDArray[np.float64]:
        """Return the columns of the equations of the stars but those of the frames."""
        detected = (self.frame < self.n_frames)[:, None]
        columns = [_basis(self.u, self.v, model.degree) * detected]
        if self.ring is not None and model.degree > 0:
            ring = self.ring.columns(self.u, self.v) * float(model.ring_multiplies)
            # The stars know nothing of the gradient of the sky itself.
            columns += [ring * detected, np.zeros((len(ring), 2))]
        return np.hstack(columns)

    @cache  # noqa: B019 - a problem lives as long as one call
    def _fixed_equations(self, model: Model) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the normal equations of the sky's shape and of the priors."""
        order = np.array([i + j for i, j in _terms(model.degree)], dtype=float)
        response_prior = (order / 0.05) ** 2
        if self.blocks is None and self.n_listed == 0:
            # A gradient is a difference of transparency: the stars cannot tell.
            response_prior[order == 1] = 1e12
        frame_prior = np.full(self._n_zero_points, _ZERO_POINT_PRIOR**-2)
        frame_prior[self.n_frames :] = _ANY_ZERO_POINT**-2
        if self.blocks is None or self.ring is None or model.degree == 0:
            prior = np.r_[response_prior, frame_prior]
            return np.diag(prior), np.zeros(len(prior))
        u, v, value = self.blocks
        ring = self.ring.columns(u, v)
        no_zero_points = np.zeros((len(u), self._n_zero_points))
        gradient = np.column_stack([u, v])
        design = np.hstack([_basis(u, v, model.degree), no_zero_points, ring, gradient])
        gradient_prior = np.full(2, _SKY_GRADIENT**-2)
        prior = np.diag(np.r_[response_prior, frame_prior, self.ring.prior, gradient_prior])
        weight = np.full(len(value), _SKY_ERROR**-2)
        for _ in range(_ITERATIONS):
            normal = design.T @ (weight[:, None] * design) + prior
            right = design.T @ (weight * value)
            deviation = np.abs(value - design @ np.linalg.solve(normal, right)) / _SKY_ERROR
            weight = np.minimum(1, 2 / np.maximum(deviation, 1e-9)) / _SKY_ERROR**2
        return normal, right

    def left_out_scores(self, model: Model) -> NDArray[np.float64]:
        """Return, for each star, its mean squared deviation from a fit without it.

        Which measurements are outliers a fit to all of them has told before.
        """
        fold = self.star % _FOLDS
        scores = np.zeros(self.n_stars)
        for number in range(_FOLDS):
            left_out = fold == number
            solution = self.solve(model, ~left_out)
            predicted = self._star_columns(model)[left_out] @ np.concatenate(
                [solution.response, solution.ring, solution.gradient]
            )
            predicted += solution.zero_points[self.frame[left_out]]
            weight = self.sigma[left_out] ** -2
            star = self.star[left_out]
            rest = without_means(self.value[left_out] - predicted, star, weight)
            rest /= self.sigma[left_out]
            sums = np.bincount(star, np.minimum(rest**2, 16), minlength=self.n_stars)
            counts = np.bincount(star, minlength=self.n_stars)
            scores += sums / np.maximum(counts, 1)
        return scores

    def response(self, solution: Solution, model: Model) -> NDArray[np.float32]:
        """Evaluate the response on every pixel."""
        ny, nx = self.shape
        u, v = self._centred(np.arange(nx), np.arange(ny))
        coefficients = np.zeros((model.degree + 1, model.degree + 1))
        for value, (i, j) in zip(solution.response, _terms(model.degree), strict=True):
            coefficients[j, i] = value
        image = legendre.legvander(v, model.degree) @ coefficients
        image = image @ legendre.legvander(u, model.degree).T
        np.exp(image, out=image)
        if model.ring_multiplies and self.ring is not None:
            image *= np.exp(self.ring.profile(solution.ring, u, v))
        image /= image.mean()
        return image.astype(np.float32)


def _catalogue(
    stars: StarMeasurements, known: NDArray[np.int_]
) -> tuple[NDArray[np.int_], NDArray[np.float64], NDArray[np.float64]]:
    """Return which of the known stars are listed, their logarithmic brightness and its error."""
    if stars.magnitude is None:
        return np.empty(0, dtype=int), np.empty(0), np.empty(0)
    magnitude = stars.magnitude[known]
    error = np.zeros(len(known)) if stars.magnitude_error is None else stars.magnitude_error[known]
    listed = np.isfinite(magnitude)
    error = np.hypot(np.where(np.isfinite(error), error, 0.0), _CATALOGUE_FLOOR)
    return (
        known[listed],
        -_LN_PER_MAGNITUDE * magnitude[listed],
        _LN_PER_MAGNITUDE * error[listed],
    )
