"""The choice of a sky by how well it predicts frames that were left out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from .._strategy import Strategy
from ..stack import DitherStack
from ._drift import left_out_of_window, left_out_residuals, mean_square, odd_frames
from ._frame_shapes import relative_blocks
from ._levels import require_positive, sky_levels
from .neighbours import NeighbourSky
from .pattern import PatternSky
from .solution import SkySolution

__all__ = ["AutoSky"]

_APERTURE = 50
"""Pixels of an aperture of 2 FWHM at a good seeing: over so many an error of large scale adds
up, while the noise of the sky averages out."""

_FEWEST_FRAMES = 5
_MUST_GAIN = 0.01
"""Least gain in variance, relative to that of the frames, for which the default is given up."""


class AutoSky(Strategy):
    """Whichever sky predicts the blank parts of left-out frames best.

    Parameters
    ----------
    windows : tuple of int
        Numbers of neighbours in time that are tried beside the shape of all
        frames.

    Notes
    -----
    Each frame is left out in turn. The medians of its blocks of 64 x 64 unmasked
    pixels are compared with what the others predict: all of them
    (`PatternSky`, with the change in time that it finds), or the N nearest in time
    (`NeighbourSky`). With the mean square m of the differences beyond the errors of
    the blocks, the noise s of a frame's pixel, and the noise s / sqrt(N) of a sky that
    is not smoothed, the price of a sky in variance is::

        50 m / s**2 + 1 / N

    in an aperture of 50 pixels; for the smoothed `PatternSky` the second term is
    left out. Frames with odd backgrounds of their own, such as the first of a
    sequence, do not count. A window is taken only where it costs at least 0.01 less. Fewer than 5
    frames are left to `PatternSky`. The table of prices is in the ``history``
    of the result.

    Examples
    --------
    >>> from emirimg.sky import AutoSky
    >>> AutoSky(windows=(6,))
    AutoSky(windows=(6,))
    """

    name: Literal["auto"] = "auto"
    windows: tuple[int, ...] = Field(default=(4, 6, 10), min_length=1)

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
        SkySolution
            The skies that were chosen; ``findings["SKYAUTO"]`` names the
            strategy.

        Raises
        ------
        SkyError
            As `PatternSky`.
        """
        prices = self._prices(stack, objects)
        best = min(prices, key=prices.__getitem__) if prices else PatternSky()
        if prices and prices[best] > prices[PatternSky()] - _MUST_GAIN:
            best = PatternSky()
        found = best(stack, objects=objects)
        table = ", ".join(f"{strategy!r} {price:.3f}" for strategy, price in prices.items())
        return replace(
            found,
            findings={**found.findings, "SKYAUTO": (repr(best), "the sky that was chosen")},
            history=(*found.history, f"price of the skies in variance: {table or 'not tried'}"),
        )

    def _prices(
        self, stack: DitherStack, objects: Sequence[NDArray[np.bool_]] | None
    ) -> dict[PatternSky | NeighbourSky, float]:
        """Return the price of each sky; nothing where too few frames could tell."""
        if len(stack) < _FEWEST_FRAMES or len(np.unique(stack.pointings)) < _FEWEST_FRAMES:
            return {}
        levels = sky_levels(stack, objects)
        require_positive(levels.level, stack.names)
        own, error, _, _ = relative_blocks(stack, levels.level, objects)
        noise = float(np.median(levels.noise / levels.level))
        n = len(stack)
        seconds = stack.seconds
        time = 2 * (seconds - seconds.mean()) / max(float(np.ptp(seconds)), 1e-9)

        powers = np.column_stack([time**k for k in range(1, PatternSky().max_drift + 1)])
        # The first exposures, with backgrounds of their own, are no test of a sky.
        own = np.where(odd_frames(own, error, powers)[:, None, None], np.nan, own)

        def price(residual: NDArray[np.float64], n_frames: int) -> float:
            expected = float(np.nanmean(error**2)) * (1 + 1 / n_frames)
            excess = max(mean_square(residual) - expected, 0.0)
            return _APERTURE * excess / noise**2

        steady = [
            left_out_residuals(own, error, powers[:, :order])
            for order in range(powers.shape[1] + 1)
        ]
        prices: dict[PatternSky | NeighbourSky, float] = {
            PatternSky(): min(price(residual, n - 1) for residual in steady)
        }
        for window in self.windows:
            if window < n - 1:
                residual = left_out_of_window(own, seconds, window)
                prices[NeighbourSky(n_frames=window)] = price(residual, window) + 1 / window
        return prices
