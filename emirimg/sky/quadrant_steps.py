"""Steps between the quadrants of a frame, seen where these meet."""

from __future__ import annotations

import numpy as np
from astropy.nddata import CCDData
from numpy.typing import NDArray

from ._regions import quadrants_of
from ._surface import Surface

__all__ = ["quadrant_steps"]

_LENGTH, _WIDTH, _STRIPS = 32, 4, 3
"""Pixels along a border and across it that are taken together, and how many of those."""
_FEWEST = 32
"""Differences along all borders that are needed."""
_CLIP = 4.0
"""Differences further from the fit than this, in units of their scatter, are of stars."""
_CLEAR = 5.0
"""Standard deviations of chi-square by which a fit must beat no steps at all."""
_ITERATIONS = 10
"""The first half with least absolute deviations, the others with least squares."""
_SLOPE = 0.3
"""A step is rather a difference of levels than one of slopes across the border."""


def quadrant_steps(frame: CCDData) -> Surface:
    r"""Find how the levels of the quadrants must change to meet without a step.

    The sky has no steps where quadrants meet, so those of a single frame can be told from
    it before the sky is known, also where few frames share a wrong background.

    Parameters
    ----------
    frame : `~astropy.nddata.CCDData`
        Calibrated exposure, the sky not subtracted, shape (ny, nx).

    Returns
    -------
    Surface
        A plane in each quadrant, to be subtracted; nothing where there is no evidence.

    Notes
    -----
    Along the borders, the medians of 32 x 4 pixels at distances of 2, 6 and 10 pixels are
    extrapolated to the border from both sides. The planes of least norm whose
    differences there fit the differences found, outliers beyond 4 standard deviations
    left out, are the steps if they lower :math:`\chi^2` by more than
    :math:`k \ln n + 5 \sqrt{2k}`, the Bayesian information criterion for k parameters and n
    differences and a margin.

    Examples
    --------
    >>> import numpy as np
    >>> from astropy.nddata import CCDData
    >>> from emirimg.sky import quadrant_steps
    >>> sky = 3000 + np.random.default_rng(1).normal(0, 25, (640, 640))
    >>> quadrant_steps(CCDData(sky, unit="adu")).order
    -1
    >>> sky[:320, 320:] += 40
    >>> steps = quadrant_steps(CCDData(sky, unit="adu"))()
    >>> bool(abs(steps[100, 320] - steps[100, 319] - 40) < 5)
    True
    """
    nothing = Surface(frame.shape, ())
    regions = quadrants_of(frame.shape)
    parts = []
    # (region before, region after, whether the border between them is vertical)
    for before, after, vertical in ((0, 1, True), (2, 3, True), (0, 2, False), (1, 3, False)):
        steps = _steps(frame, regions[before], vertical=vertical)
        if steps is None:
            return nothing
        along, value = steps
        parts.append((_design(before, after, along, vertical=vertical), value))
    design = np.concatenate([columns for columns, _ in parts])
    value = np.concatenate([values for _, values in parts])
    kept = np.isfinite(value)
    if kept.sum() < _FEWEST:
        return nothing
    noise = np.sqrt(_variance(frame))
    # Least absolute deviations first: stars at the border must not draw the fit.
    weight = kept.astype(float)
    for number in range(_ITERATIONS):
        solution, rank = _solve(design, value, weight)
        rest = np.abs(value - design @ solution)
        if number < _ITERATIONS // 2:
            weight = np.where(kept, np.maximum(np.nan_to_num(rest), 0.1 * noise) ** -0.5, 0)
        else:
            spread = max(1.4826 * float(np.median(rest[kept])), noise)
            weight = (kept & (rest < _CLIP * spread)).astype(float)
    used = weight > 0
    rest = value[used] - design[used] @ solution
    freedom = max(used.sum() - rank, 1)
    # Few differences may agree by chance, but not better than their noise lets them.
    variance = max(float(rest @ rest) / freedom, noise**2)
    gain = float(value[used] @ value[used] - rest @ rest)
    if gain <= (rank * np.log(used.sum()) + _CLEAR * np.sqrt(2 * rank)) * variance:
        return nothing
    patches = []
    for number, region in enumerate(regions):
        level, slope_y, slope_x = solution[3 * number : 3 * number + 3]
        coefficients = np.array([[level, _SLOPE * slope_x], [_SLOPE * slope_y, 0.0]])
        patches.append((region, coefficients))
    return Surface(frame.shape, patches)


def _solve(
    design: NDArray[np.float64], value: NDArray[np.float64], weight: NDArray[np.float64]
) -> tuple[NDArray[np.float64], int]:
    """Return the solution of least norm, and how many parameters are determined."""
    used = weight > 0
    # Levels and slopes across a border cannot be told apart: the rank is lower.
    solution, _, rank, _ = np.linalg.lstsq(
        design[used] * weight[used, None], value[used] * weight[used], rcond=1e-6
    )
    return solution, int(rank)


def _steps(
    frame: CCDData, before: tuple[slice, slice], *, vertical: bool
) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
    """Return the places, from -1 to 1 along the border of a quadrant, and the steps there."""
    along, across = before if vertical else before[::-1]
    reach, border = _WIDTH * _STRIPS, across.stop
    n_blocks = (along.stop - along.start) // _LENGTH
    if n_blocks == 0 or border < reach or frame.shape[int(vertical)] - border < reach:
        return None
    ys = slice(along.start, along.start + n_blocks * _LENGTH)
    xs = slice(border - reach, border + reach)
    both = _known(frame, (ys, xs)) if vertical else _known(frame, (xs, ys)).T
    left, right = both[:, :reach][:, ::-1], both[:, reach:]
    return (
        2 * (np.arange(n_blocks) + 0.5) * _LENGTH / (along.stop - along.start) - 1,
        _at_border(right, n_blocks) - _at_border(left, n_blocks),
    )


def _at_border(side: NDArray[np.float32], n_blocks: int) -> NDArray[np.float64]:
    """Extrapolate what lies beside a border, the nearest column first, to the border."""
    blocks = side.reshape(n_blocks, _LENGTH, _STRIPS, _WIDTH).transpose(0, 2, 1, 3)
    blocks = blocks.reshape(n_blocks, _STRIPS, -1)
    few = np.isfinite(blocks).sum(axis=2) < _LENGTH
    medians = np.nanmedian(np.where(few[..., None], 0, blocks), axis=2).astype(float)
    medians[few] = np.nan
    return medians @ _weights()


def _weights() -> NDArray[np.float64]:
    """Return what the strips count in the extrapolation to the border."""
    distance = (np.arange(_STRIPS) + 0.5) * _WIDTH
    return np.linalg.pinv(np.vander(distance, 2, increasing=True))[0]


def _known(frame: CCDData, part: tuple[slice, slice]) -> NDArray[np.float32]:
    """Return some pixels, NaN where they are masked."""
    data = np.array(frame.data[part], dtype=np.float32)
    if frame.mask is not None:
        data[frame.mask[part]] = np.nan
    return data


def _variance(frame: CCDData) -> float:
    """Return the variance of a difference at a border by the noise of the pixels."""
    step = max(1, frame.shape[0] // _LENGTH)
    rows = _known(frame, (slice(None, None, step), slice(None)))
    noise = 1.4826 * float(np.nanmedian(np.abs(np.diff(rows, axis=1)))) / np.sqrt(2)
    variance = np.pi / 2 * noise**2 / (_LENGTH * _WIDTH) * 2 * np.sum(_weights() ** 2)
    # Weights are made of it, and an exposure without any noise must not make them infinite.
    return max(float(variance), float(np.finfo(np.float32).tiny))


def _design(
    before: int, after: int, along: NDArray[np.float64], *, vertical: bool
) -> NDArray[np.float64]:
    """Return what planes (level, slope in y, slope in x) in each quadrant make of the step."""
    design = np.zeros((len(along), 12))
    for quadrant, sign, edge in ((before, -1, 1.0), (after, 1, -1.0)):
        y, x = (along, edge) if vertical else (edge, along)
        design[:, 3 * quadrant] = sign
        design[:, 3 * quadrant + 1] = sign * _SLOPE * y
        design[:, 3 * quadrant + 2] = sign * _SLOPE * x
    return design
