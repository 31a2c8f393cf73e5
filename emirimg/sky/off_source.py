"""The sky from exposures beside an extended target."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .._parallel import parallel_map
from .._wording import counted
from ..stack import DitherStack
from ._blocks import Blocks, measure_blocks
from ._regions import block_edges, coarse_box, unusable
from .model import SkyEstimator, SkyModel
from .solution import SkySolution, levels_of

__all__ = ["OffSourceSky"]

_MOST_OBJECTS = 0.5
"""A target whose mask covers more of its frames than this leaves no sky for a shape."""

_BLANK_SPREAD = 2.0
"""Blocks of a blank field scatter upwards by one of their errors, not by so many."""

_DARKEST = 10
"""Per cent of the blocks of a frame in which the sky is looked for first."""

_WITHIN = 3.0
"""Blocks are blank that lie at most so many of their errors above those."""

_FEWEST_BLOCKS = 4
"""A frame with fewer blank blocks does not tell its own level."""

_SIGNIFICANT = 3.0
"""Standard errors by which levels lie above those interpolated in a field without sky."""

_LEAST_LEVEL_ERROR = 2e-4
"""Least error of an interpolated level, relative to it: no sky is steadier."""


@dataclass(frozen=True, eq=False)
class OffSourceSky:
    """Skies of the frames of a target from frames of the sky beside it.

    Parameters
    ----------
    estimator : SkyEstimator
        Estimates the sky of frames from each other.
    beside : DitherStack
        Frames of the sky beside the target.
    objects : sequence of `~numpy.ndarray` of bool or None
        True on the objects of those frames.

    Notes
    -----
    The sky of the frames beside the target, divided by their levels and
    interpolated linearly in time, is the shape of the sky of a frame of the
    target. Its level is measured where the frame is blank: blocks of pixels,
    divided by the shape, whose median lies within 3 of their errors above the
    tenth percentile of all. If the levels of all frames found so lie
    significantly above those interpolated in time between the frames beside,
    then no part of the target's field is blank, and they are lowered by the
    mean of the difference. What such skies leave behind cannot be told from
    the target: no residual is to be removed then (``fills_field``).

    If the object masks leave at least half of the target's frames and what they leave is
    blank (the medians of the blocks scatter upwards by less than twice their
    errors), then the frames of the target are as good a sky as those beside it,
    and all of them together go to the estimator.

    Examples
    --------
    >>> from emirimg.simulation import Scene
    >>> from emirimg.sky import OffSourceSky, PatternSky
    >>> from emirimg.stack import DitherStack
    >>> scene = Scene(n_exposures=3, shape=(128, 128), n_stars=0, n_galaxies=0, dither_scale=0.2)
    >>> scene = scene.with_sky_exposures()
    >>> exposures = [scene.exposure(index) for index in range(6)]  # target, sky, target, ...
    >>> target = DitherStack.from_frames(exposures[::2])
    >>> estimate = OffSourceSky(PatternSky(), beside=DitherStack.from_frames(exposures[1::2]))
    >>> skies = estimate(target)
    >>> len(skies), skies.findings["SKYSHAPE"][0]
    (3, 'beside')
    """

    estimator: SkyEstimator
    beside: DitherStack
    objects: Sequence[NDArray[np.bool_]] | None = None

    def __repr__(self) -> str:
        return repr(self.estimator)

    def __call__(
        self, stack: DitherStack, /, *, objects: Sequence[NDArray[np.bool_]] | None = None
    ) -> SkySolution:
        """Return one sky for each frame of the target.

        Parameters
        ----------
        stack : DitherStack
            Calibrated frames of the target.
        objects : sequence of `~numpy.ndarray` of bool, optional
            True on objects, in the plane of each frame. Without them the
            target is taken to fill its field.

        Returns
        -------
        SkySolution
            The skies, in the order of the frames of the target.

        Raises
        ------
        SkyError
            As the estimator.
        """
        skies = self.estimator(self.beside, objects=self.objects)
        shapes = _Shapes(stack, self.beside, skies)
        blocks = parallel_map(
            lambda index: shapes.blocks(index, None if objects is None else objects[index]),
            range(len(stack)),
        )
        if objects is not None and _is_blank(blocks, objects):
            return self._of_all(stack, objects)
        levels, n_blank = np.transpose([_blank_level(item) for item in blocks])
        interpolated, error = shapes.levels()
        known = n_blank >= _FEWEST_BLOCKS
        levels = np.where(known, levels, interpolated)
        excess = float(np.mean((levels - interpolated)[known])) if known.any() else 0.0
        tolerance = _SIGNIFICANT * error / np.sqrt(max(known.sum(), 1))
        is_full = bool(known.any() and excess > tolerance)
        if is_full:
            levels = np.where(known, levels - excess, levels)
        how = (
            "no part of the target's field is blank: levels interpolated in time"
            if is_full or not known.any()
            else "levels from the blank part of the target's field"
        )

        def model(index: int) -> SkyModel:
            shape, variance = shapes(index)
            level = np.float32(levels[index])
            return SkyModel(float(level), level * shape, level**2 * variance, len(self.beside))

        return SkySolution(
            levels,
            model,
            findings={
                "SKYSHAPE": ("beside", "frames that the shape of the sky is made of"),
                "SKYLEVBY": (
                    "time" if is_full or not known.any() else "blank",
                    "where the level of the sky comes from",
                ),
            },
            fills_field=True,
            history=(
                f"sky shape from {counted(len(self.beside), 'exposure')} beside the target; {how}",
            ),
        )

    def _of_all(self, stack: DitherStack, objects: Sequence[NDArray[np.bool_]]) -> SkySolution:
        """Return the skies of a target that leaves sky, from its own frames and those beside."""
        beside = (
            self.objects
            if self.objects is not None
            else [np.zeros(stack.shape, dtype=bool)] * len(self.beside)
        )
        everything = DitherStack.from_frames(
            [*stack, *self.beside], [*stack.names, *self.beside.names]
        )
        skies = self.estimator(everything, objects=[*objects, *beside])
        levels = levels_of(skies)
        findings, history = (
            (skies.findings, skies.history) if isinstance(skies, SkySolution) else ({}, ())
        )
        text = (
            f"the target leaves blank sky: sky from its {counted(len(stack), 'exposure')} and"
            f" {len(self.beside)} beside it"
        )
        return SkySolution(
            levels[: len(stack)],
            skies.__getitem__,
            findings={
                **findings,
                "SKYSHAPE": ("all", "frames that the shape of the sky is made of"),
            },
            history=(*history, text),
        )


class _Shapes:
    """The shape of the sky of each frame, from the skies of the frames beside."""

    def __init__(self, stack: DitherStack, beside: DitherStack, skies: Sequence[SkyModel]) -> None:
        self.stack = stack
        self.beside = beside
        self.skies = skies
        start = stack.metadata[0].middle
        self.seconds, self.seconds_beside = (
            np.array([(item.middle - start).to_value("s") for item in which.metadata])
            for which in (stack, beside)
        )
        self.levels_beside = levels_of(skies)

    def __call__(self, index: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return the shape for a frame, with the median 1, and its variance."""
        return _interpolated(
            self.skies, self.levels_beside, self.seconds_beside, self.seconds[index]
        )

    def blocks(self, index: int, objects: NDArray[np.bool_] | None) -> Blocks:
        """Return the medians of blocks of a frame of the target, divided by the shape."""
        frame = self.stack[index]
        edges = block_edges(frame.shape, coarse_box(frame.shape))
        return measure_blocks(frame.data / self(index)[0], unusable(frame, objects), edges)

    def levels(self) -> tuple[NDArray[np.float64], float]:
        """Return the levels interpolated in time, and how well that predicts a level."""
        found = np.interp(self.seconds, self.seconds_beside, self.levels_beside)
        misses = []
        for left_out in range(1, len(self.beside) - 1):
            rest = np.arange(len(self.beside)) != left_out
            predicted = np.interp(
                self.seconds_beside[left_out], self.seconds_beside[rest], self.levels_beside[rest]
            )
            misses.append(predicted - self.levels_beside[left_out])
        # A gap twice as wide is predicted at least twice as badly. Without three
        # frames only the weather of a good night is known: 1 %.
        error = (
            float(np.sqrt(np.mean(np.square(misses)))) / 2
            if len(misses) > 1
            else 0.01 * float(np.mean(found))
        )
        return found, max(error, _LEAST_LEVEL_ERROR * float(np.mean(found)))


def _interpolated(
    skies: Sequence[SkyModel],
    levels: NDArray[np.float64],
    seconds: NDArray[np.float64],
    when: float,
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Interpolate skies, divided by their levels, in time; the nearest one beyond the ends."""
    after = int(np.searchsorted(seconds, when))
    if after in (0, len(seconds)):
        part = {min(after, len(seconds) - 1): 1.0}
    else:
        fraction = (when - seconds[after - 1]) / (seconds[after] - seconds[after - 1])
        part = {after - 1: 1 - fraction, after: fraction}
    shape, variance = np.float32(0), np.float32(0)
    for number, weight in part.items():
        sky = skies[number]
        shape = shape + np.float32(weight / levels[number]) * sky.image
        # Neighbours share most of their noise: their variances are averaged.
        variance = variance + np.float32(weight / levels[number] ** 2) * sky.variance
    return shape, variance


def _is_blank(blocks: Sequence[Blocks], objects: Sequence[NDArray[np.bool_]]) -> bool:
    """Tell whether the frames of the target show sky between their objects."""
    if np.mean([mask.mean() for mask in objects]) > _MOST_OBJECTS:
        return False
    spreads = []
    for item in blocks:
        known = np.isfinite(item.median)
        if not known.any():
            return False
        median, high = np.percentile(item.median[known], (50, 84))
        spreads.append((high - median) / np.median(item.error[known]))
    return bool(np.median(spreads) < _BLANK_SPREAD)


def _blank_level(blocks: Blocks) -> tuple[float, int]:
    """Return the level of the darkest blocks, and how many they are."""
    known = np.isfinite(blocks.median)
    if not known.any():
        return 1.0, 0
    values = blocks.median[known]
    error = float(np.median(blocks.error[known]))
    dark = values[values < np.percentile(values, _DARKEST) + _WITHIN * error]
    return float(np.median(dark)), len(dark)
