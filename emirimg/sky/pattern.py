"""The sky as one shape for all frames and one level for each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from .._parallel import parallel_map
from .._strategy import Strategy
from ..combine.median import median_of
from ..stack import DitherStack
from ._channels import add_channels, channel_steps
from ._fill import fill_gaps
from ._frame_shapes import frame_shapes
from ._levels import Levels, band_of, require_positive, sky_levels
from ._pattern_solution import CommonSky, PatternSkySolution
from ._pixels import clipped_sums, robust_mean
from ._regions import channels_of
from ._smooth import smooth_skies
from ._wavelets import fine_part, n_scales_for, shrink
from .model import SkyModel
from .solution import SkySolution

__all__ = ["PatternSky", "PatternSkySolution"]

_BAND = 32
"""Rows of all frames that are averaged together, few enough to stay in the cache."""

_FINEST = 3
"""Scales (2, 4 and 8 pixels) in which the faint objects of a frame itself are a danger."""

_LEVEL_STRIDE = 3
"""Every third row and column tell a median of millions of pixels well enough."""


class PatternSky(Strategy):
    """One sky shape from all frames, scaled to the level of each.

    Parameters
    ----------
    n_scales : int
        How many scales of the shape are told apart, from 2 pixels on, each
        twice the one before. What is coarser is kept whole.
    clip : float
        From how many standard deviations of the noise a value is left out.
    exclude_own_above : float
        When more than this fraction of the finest scale is signal, the fine
        part of the shape is made without the frames at the pointing of the
        frame itself, whose own faint objects it would contain.
    max_drift : int
        Largest order of the polynomial in time by which the large-scale shape
        may change; 0: the shape is the same for all frames.

    Notes
    -----
    The frames are divided by their levels and averaged, objects masked and
    outliers clipped with the noise model. A frame whose background differs
    from the others at large scales is corrected for that before it is
    averaged, by a surface for which there must be evidence, and has the level of the
    structure that it shares. What is left is fitted, block by block, by polynomials in
    time, of a higher order if that predicts the frames left out of the fit significantly better.

    A sky made of N frames raises the noise by sqrt(1 + 1/N), and by more in a
    mosaic whose pointings were repeated, since repeats share the noise of
    their sky. But the sky is smooth: only what the flat leaves, and warm
    pixels, vary from pixel to pixel. The average is therefore decomposed by
    scale (a starlet transform), and each scale is multiplied by its fraction
    of signal S / (S + N). The noise N comes from the difference of the averages of
    two halves of the frames, which share no pointing; S is what the variance
    of the average has beyond it, that is the covariance of the halves. Where
    S is not significant the fraction is 0. Single pixels that stand out by more
    than 5 standard deviations in both halves are kept whole.

    The variance of the shape is ``v * g + sum((1 - f)**2 * S)``: the variance
    v of the average in the pixel times the gain g of the filter, which follows
    from the fractions f, and the signal that was shrunk away.

    References
    ----------
    Starck, Fadili & Murtagh 2007, IEEE Trans. Image Process. 16, 297 (starlets);
    Vaduvescu & McCall 2004, PASP 116, 640 (the stability of the sky's shape).

    Examples
    --------
    >>> from emirimg.sky import PatternSky
    >>> PatternSky(n_scales=5)
    PatternSky(n_scales=5)
    """

    name: Literal["pattern"] = "pattern"
    n_scales: int = Field(default=6, ge=1, le=8)
    clip: float = Field(default=4.5, ge=3)
    exclude_own_above: float = Field(default=0.3, ge=0, le=1)
    max_drift: int = Field(default=2, ge=0, le=2)

    def __call__(
        self, stack: DitherStack, /, *, objects: Sequence[NDArray[np.bool_]] | None = None
    ) -> SkySolution:
        """Return one sky for each frame.

        Parameters
        ----------
        stack : DitherStack
            Calibrated frames.
        objects : sequence of `~numpy.ndarray` of bool, optional
            True on objects, in the plane of each frame.

        Returns
        -------
        PatternSkySolution
            The skies, in the order of the frames, and what was found about
            them. A plain `SkySolution` when all frames share one pointing.

        Raises
        ------
        SkyError
            If hardly a pixel of a frame is usable, or its level is not positive.

        Warns
        -----
        SkyWarning
            If all frames share one pointing, so that objects and sky cannot
            be told apart (each then gets a smooth sky from itself), or an
            object mask covers all of a frame.
        """
        found = sky_levels(stack, objects)
        if len(np.unique(stack.pointings)) < 2:
            return smooth_skies(stack, objects, found, "share one pointing")
        require_positive(found.level, stack.names)
        return _Pattern(self, stack, objects, found).solve()


class _Pattern:
    """The work of `PatternSky` on one stack."""

    def __init__(
        self,
        parameters: PatternSky,
        stack: DitherStack,
        objects: Sequence[NDArray[np.bool_]] | None,
        found: Levels,
    ) -> None:
        self.parameters = parameters
        self.stack = stack
        self.objects = objects
        self.found = found
        self.variance = ((found.noise / found.level) ** 2).astype(np.float32)
        self.half = _halves(stack.pointings)
        shapes = frame_shapes(stack, found.level, objects, parameters.max_drift)
        self.own_shapes, self.drift, self.levels = shapes.own, shapes.drift, shapes.levels

    def solve(self) -> SkySolution:
        """Find the common shape and the levels."""
        centre = self._robust_mean()
        if not centre.any():
            reason = "show objects wherever they are usable"
            return smooth_skies(self.stack, self.objects, self.found, reason)
        self.levels = self.levels * self._level_factors(centre)
        noise, pattern, weight, valid, predicted = self._averages(centre)
        del centre
        channels = channels_of(self.stack.metadata[0].detector, self.stack.shape)
        n_scales = n_scales_for(self.stack.shape, self.parameters.n_scales)
        known = weight > 0
        fill_gaps(pattern, known)
        steps = channel_steps(pattern, known, channels, n_scales)
        smooth = pattern.copy()
        add_channels(smooth, -steps, channels)
        shrunk = shrink(smooth, noise, valid, n_scales)
        del smooth, noise
        image = shrunk.image
        add_channels(image, steps, channels)
        sample = slice(None, None, _LEVEL_STRIDE), slice(None, None, _LEVEL_STRIDE)
        middle = np.float32(median_of(image[sample].flatten()))
        self.levels = self.levels * middle
        # The noise as measured corrects the noise model.
        correction = shrunk.noise**2 / predicted if predicted > 0 else 1.0
        sample = sample if known[sample].any() else ...
        typical = np.float32(median_of(weight[sample][known[sample]]))
        excludes = bool(shrunk.fractions[0] > self.parameters.exclude_own_above)
        # The weights are wanted no longer, unless pointings are left out.
        variance = np.empty_like(weight) if excludes else weight

        def scale(rows: slice) -> None:
            own = correction * shrunk.noise_gain / np.where(known[rows], weight[rows], typical)
            np.divide(own + shrunk.lost, middle**2, out=variance[rows])
            image[rows] /= middle

        parallel_map(scale, self.stack.bands(_BAND))
        fractions = shrunk.fractions[:_FINEST]
        common = CommonSky(self.levels, image, variance, self.drift, middle)

        def without_own(index: int) -> SkyModel:
            sky, level = common.whole(index), np.float32(self.levels[index])
            fine = self._without_own(index, pattern, weight, fractions) / middle
            return replace(sky, image=sky.image + level * fine)

        return PatternSkySolution(
            self.levels,
            without_own if excludes else common.whole,
            image,
            shrunk.fractions,
            shrunk.noise / float(middle),
            excludes,
            common,
            findings={"SKYDRIFT": (self.drift.order, "order in time of the sky's shape")},
        )

    def _band(
        self, rows: slice, chosen: Sequence[int] | NDArray[np.int_]
    ) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """Return some rows of frames, divided by their levels, less what is their own."""
        scales = 1 / self.levels[np.asarray(chosen)]
        values, mask = band_of(self.stack, rows, self.objects, chosen, scales)
        for place, index in enumerate(chosen):
            if not self.own_shapes[index].is_flat:
                values[place] -= self.own_shapes[index](rows)
            if self.drift.order:
                values[place] -= self.drift(index, rows)
        return values, mask

    def _robust_mean(self) -> NDArray[np.float32]:
        """Return a first shape, clipped about the median of each pixel."""
        everything = range(len(self.stack))
        mean = np.empty(self.stack.shape, dtype=np.float32)

        def combine(rows: slice) -> None:
            band, clip = self._band(rows, everything), np.float32(self.parameters.clip)
            mean[rows] = robust_mean(*band, self.variance, clip, False)[0]

        parallel_map(combine, self.stack.bands(_BAND))
        return mean

    def _level_factors(self, shape: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return by how much the level of each frame is off, given the shape."""
        rows = columns = slice(1, None, _LEVEL_STRIDE)
        sample = rows, columns

        def factor(index: int) -> float:
            frame, own = self.stack[index], self.own_shapes[index]
            values = frame.data[sample] * np.float32(1 / self.levels[index])
            if not own.is_flat:
                values -= own(rows)[:, columns]
            if self.drift.order:
                values -= self.drift(index, rows)[:, columns]
            usable = shape[sample] > 0
            if frame.mask is not None:
                usable &= ~frame.mask[sample]
            if self.objects is not None:
                usable &= ~self.objects[index][sample]
            ratio = values[usable] / shape[sample][usable]
            return median_of(ratio) if ratio.size else 1.0

        return np.array(parallel_map(factor, range(len(self.stack))))

    def _averages(
        self, centre: NDArray[np.float32]
    ) -> tuple[
        NDArray[np.float32], NDArray[np.float32], NDArray[np.float32], NDArray[np.bool_], float
    ]:
        """Average the frames, clipped about a first shape.

        Returns an image of the noise, the average, its weight, where the noise is
        valid (both halves have a value), and the mean variance there by the noise model.
        """
        everything = range(len(self.stack))
        noise, pattern, weight = (np.empty_like(centre) for _ in range(3))
        valid, predicted = np.empty(centre.shape, dtype=bool), np.empty(len(centre))

        def combine(rows: slice) -> None:
            band, clip = self._band(rows, everything), np.float32(self.parameters.clip)
            total, (first, second) = clipped_sums(
                *band, self.variance, self.half, centre[rows], clip
            )
            both = np.add(first, second, out=weight[rows])
            change = total[0] + total[1]
            np.divide(change, both, out=change, where=both > 0)
            np.add(centre[rows], change, out=pattern[rows])
            known = np.logical_and(first > 0, second > 0, out=valid[rows])
            # The difference of the halves, scaled to the noise of their average.
            for half, own in zip(total, (first, second), strict=True):
                np.divide(half, own, out=half, where=known)
            np.subtract(*total, out=noise[rows])
            noise[rows] *= np.sqrt(first * second)
            np.divide(noise[rows], both, out=noise[rows], where=known)
            noise[rows][~known] = 0
            inverse = np.zeros_like(change)
            np.divide(1, both, out=inverse, where=known)
            # Sums of rows, so that the result does not depend on the bands.
            predicted[rows] = inverse.sum(axis=1, dtype=np.float64)

        parallel_map(combine, self.stack.bands(_BAND))
        number = max(np.count_nonzero(valid), 1)
        return noise, pattern, weight, valid, float(predicted.sum()) / number

    def _without_own(
        self,
        index: int,
        pattern: NDArray[np.float32],
        weight: NDArray[np.float32],
        fractions: NDArray[np.float64],
    ) -> NDArray[np.float32]:
        """Return the change of the fine part when a pointing is left out of the average."""
        own = np.flatnonzero(self.stack.pointings == self.stack.pointings[index])
        changes = np.empty_like(pattern)

        def change(rows: slice) -> None:
            band, clip = self._band(rows, own), np.float32(self.parameters.clip)
            half = np.zeros(len(own), dtype=int)
            total, taken = clipped_sums(*band, self.variance[own], half, pattern[rows], clip)
            rest = weight[rows] - taken[0]
            enough = rest > 0.05 * weight[rows]
            changes[rows] = 0
            np.divide(-total[0], rest, out=changes[rows], where=enough)

        parallel_map(change, self.stack.bands(_BAND))
        return fine_part(changes, fractions)


def _halves(pointings: NDArray[np.int_]) -> NDArray[np.int_]:
    """Deal the pointings, in the order of time, alternately to two halves."""
    places = np.unique(pointings, return_index=True)
    order = places[0][np.argsort(places[1])]
    return np.array([int(np.flatnonzero(order == p)[0]) % 2 for p in pointings])
