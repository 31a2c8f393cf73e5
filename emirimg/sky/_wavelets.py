"""Decompose an image by scale, and keep of each scale what is signal."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from numba import njit
from numpy.typing import NDArray

from .._parallel import parallel_map, row_bands
from ._blocks import interpolate_edges
from ._fill import fill_masked

__all__ = ["Shrinkage", "fine_part", "n_scales_for", "shrink", "smoothed"]

_OUTSTANDING = 5.0
"""Single pixels of so many standard deviations are signal on their own ..."""
_ALIKE = 3.0
"""... provided that two halves of the data agree on them within so many."""
_SAMPLE = 1_000_000
_LEAST_SIGNIFICANCE = 4.0
_BIN = 4
"""Pixels that are averaged, along each axis, before a pattern is shrunk again."""

_FEWEST_BINS = 8
_BAND = 512
"""Rows that are smoothed together."""


@dataclass(frozen=True)
class Shrinkage:
    """What shrinkage leaves of a pattern.

    Parameters
    ----------
    image : `~numpy.ndarray` of float32
        The pattern after shrinkage.
    fractions : `~numpy.ndarray`
        Fraction of each scale that is signal, the finest (2 pixels) first.
    noise_gain : float
        Variance of the noise of a pixel of ``image`` over that of the pattern.
    noise : float
        Standard deviation of the noise of a pixel of the pattern, as measured.
    lost : float
        Variance of the signal that shrinkage removed.
    """

    image: NDArray[np.float32]
    fractions: NDArray[np.float64]
    noise_gain: float
    noise: float
    lost: float


def n_scales_for(shape: tuple[int, int], largest: int) -> int:
    """Return how many scales an image can be decomposed into."""
    return max(min(largest, int(np.log2(max(min(shape) / 8, 2)))), 1)


def shrink(
    pattern: NDArray[np.float32],
    noise: NDArray[np.float32],
    valid: NDArray[np.bool_],
    n_scales: int,
) -> Shrinkage:
    """Shrink each scale of a pattern by its fraction of signal, in two passes.

    Parameters
    ----------
    pattern : `~numpy.ndarray` of float32
        Signal and noise; gaps are filled.
    noise : `~numpy.ndarray` of float32
        An independent image of noise alone, with the same variance: the
        scaled difference of the patterns of two halves of the data.
    valid : `~numpy.ndarray` of bool
        Where both images were measured.
    n_scales : int
        How many scales are told apart; what is coarser is kept whole.

    Notes
    -----
    Smoothing lowers what is curved. Sharp structures of large scale, such as a
    ring, lose in that way more than the noise is worth. What the first pass
    removed is therefore binned 4 x 4 and shrunk again: what it lost at scales
    where that is significant comes back ("twicing", Tukey 1977).
    """
    outliers, agreed = _outliers(pattern, noise, valid)
    spots = pattern[agreed]
    pattern, noise = parallel_map(fill_masked, (pattern, noise), (~outliers, valid & ~outliers))
    valid = valid & ~outliers
    first, filtered_noise = _pass(pattern, noise, valid, n_scales)
    second = _second_pass(pattern - first.image, noise - filtered_noise, valid, n_scales)
    image = first.image
    if second is not None:
        image += second.image
        # The noise that comes back is that of what the first pass removed: nothing of
        # the largest scales.
        share = (second.noise / first.noise) ** 2 if first.noise > 0 else 0.0
        gain = first.noise_gain + share * _noise_gain(second.fractions, keep_coarse=False)
        first = replace(first, noise_gain=gain)
    image[agreed] = spots
    return replace(first, image=image)


def _pass(
    pattern: NDArray[np.float32],
    noise: NDArray[np.float32],
    valid: NDArray[np.bool_],
    n_scales: int,
) -> tuple[Shrinkage, NDArray[np.float32]]:
    """Shrink once; return also what the same filter makes of the noise."""
    stride = max(int(np.sqrt(valid.size / _SAMPLE)), 1)
    sample = (slice(stride // 2, None, stride), slice(stride // 2, None, stride))
    inside = valid[sample]
    image, filtered_noise = np.zeros_like(pattern), np.zeros_like(pattern)
    fractions, lost, unit_noise = np.zeros(n_scales), 0.0, 0.0
    gains = _scale_noise(n_scales)
    for scale in range(n_scales):

        def split(
            plane: NDArray[np.float32], step: int, out: NDArray[np.float32] | None
        ) -> tuple[NDArray[np.float32], NDArray[np.float32], float]:
            coarser = smoothed(plane, step)
            wave = np.subtract(plane, coarser, out=out)
            return coarser, wave, _power(wave[sample][inside])

        # The first ones are the caller's; later ones make room for their waves.
        own = (None, None) if scale == 0 else (pattern, noise)
        (pattern, wave, total), (noise, wave_noise, noise_power) = parallel_map(
            split, (pattern, noise), (2**scale, 2**scale), own
        )
        signal = max(total - noise_power, 0.0)
        independent = max(min(inside.sum(), valid.sum() / 4**scale), 1)
        # Either power is good to sqrt(2 / n).
        if signal <= _LEAST_SIGNIFICANCE * 2 / np.sqrt(independent) * noise_power:
            signal_kept = 0.0
        else:
            signal_kept = signal / total
        fractions[scale] = signal_kept
        lost += (1 - signal_kept) ** 2 * signal if signal_kept > 0 else 0.0
        if scale == 0:
            unit_noise = np.sqrt(noise_power / gains)
        if signal_kept > 0:
            waves = wave, wave_noise
            parallel_map(partial(_add, np.float32(signal_kept)), (image, filtered_noise), waves)
            del waves
        del wave, wave_noise, own
    image += pattern
    filtered_noise += noise
    gain = _noise_gain(fractions)
    shrunk = Shrinkage(image, fractions, gain, float(unit_noise), float(lost))
    return shrunk, filtered_noise


def _add(factor: np.float32, image: NDArray[np.float32], wave: NDArray[np.float32]) -> None:
    """Add a wave, which is lost, times a factor."""
    wave *= factor
    image += wave


def _second_pass(
    pattern: NDArray[np.float32],
    noise: NDArray[np.float32],
    valid: NDArray[np.bool_],
    n_scales: int,
) -> Shrinkage | None:
    """Shrink, at large scales, what the first pass removed."""
    edges = tuple(np.append(np.arange(0, n, _BIN), n) for n in pattern.shape)
    if min(len(item) for item in edges) < _FEWEST_BINS:
        return None
    count = _bin_sums(valid.astype(np.float32), edges)
    whole = count >= _BIN**2 / 2
    if not whole.any():
        return None

    def binned(plane: NDArray[np.float32]) -> NDArray[np.float32]:
        sums = _bin_sums(np.where(valid, plane, 0), edges)
        return fill_masked(sums / np.maximum(count, 1), whole)

    filled = parallel_map(binned, (pattern, noise))
    n_scales = n_scales_for(whole.shape, max(n_scales - 1, 1))
    shrunk, _ = _pass(*filled, whole, n_scales)
    return replace(shrunk, image=interpolate_edges(edges, shrunk.image))


def _bin_sums(
    plane: NDArray[np.float32], edges: tuple[NDArray[np.int_], NDArray[np.int_]]
) -> NDArray[np.float32]:
    rows = np.add.reduceat(plane, edges[0][:-1], axis=0)
    return np.add.reduceat(rows, edges[1][:-1], axis=1)


def fine_part(image: NDArray[np.float32], fractions: NDArray[np.float64]) -> NDArray[np.float32]:
    """Return the finest scales of an image, each times its fraction."""
    result = np.zeros_like(image)
    for scale, fraction in enumerate(fractions):
        coarser = smoothed(image, 2**scale)
        result += np.float32(fraction) * (image - coarser)
        image = coarser
    return result


def smoothed(image: NDArray[np.float32], step: int) -> NDArray[np.float32]:
    """Smooth with the cubic B-spline whose five points lie ``step`` pixels apart."""
    image = np.ascontiguousarray(image, dtype=np.float32)
    rows, result = np.empty_like(image), np.empty_like(image)
    bands = row_bands(len(image), _BAND)
    for smooth, before, after in ((_smooth_rows, image, rows), (_smooth_columns, rows, result)):
        parallel_map(partial(_band_of, smooth, before, step, after), bands)
    return result


def _band_of(
    smooth: Callable[..., None],
    before: NDArray[np.float32],
    step: int,
    after: NDArray[np.float32],
    rows: slice,
) -> None:
    smooth(before, step, after, rows.start, rows.stop)


def _outliers(
    pattern: NDArray[np.float32], noise: NDArray[np.float32], valid: NDArray[np.bool_]
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return single pixels that stand out, and those on which the halves agree.

    They would spoil the coarser scales around them.
    """

    def finest(plane: NDArray[np.float32]) -> tuple[NDArray[np.float32], float]:
        wave = plane - smoothed(plane, 1)
        return wave, _robust_variance(wave[valid][:_SAMPLE])

    (wave, *sample), (wave_noise, other) = parallel_map(finest, (pattern, noise))
    sample.append(other)
    # What is as large as everything else does not stand out.
    sigma = np.float32(np.sqrt(max(sample)))
    outliers = np.abs(wave) > _OUTSTANDING * sigma
    return outliers, outliers & valid & (np.abs(wave_noise) < _ALIKE * sigma)


def _robust_variance(values: NDArray[np.float32]) -> float:
    return float((1.4826 * np.median(np.abs(values))) ** 2) if values.size else 0.0


def _power(values: NDArray[np.float32]) -> float:
    """Return the mean square."""
    return float(np.mean(np.square(values), dtype=np.float64)) if values.size else 0.0


def _scale_noise(n_scales: int) -> float:
    """Return the variance of the finest scale of white noise of variance 1."""
    return _noise_gain(np.eye(n_scales)[0], keep_coarse=False)


def _noise_gain(fractions: NDArray[np.float64], *, keep_coarse: bool = True) -> float:
    """Return the variance of white noise of variance 1 after shrinkage."""
    size = 4 * 2 ** len(fractions) + 1
    impulse = np.zeros((size, size), dtype=np.float32)
    impulse[size // 2, size // 2] = 1
    response = np.zeros_like(impulse)
    for scale, fraction in enumerate(fractions):
        coarser = smoothed(impulse, 2**scale)
        response += np.float32(fraction) * (impulse - coarser)
        impulse = coarser
    if keep_coarse:
        response += impulse
    return float(np.sum(response.astype(float) ** 2))


@njit(nogil=True, cache=True)
def _mirror(index: int, n: int) -> int:  # pragma: no cover  (compiled)
    if n == 1:
        return 0
    period = 2 * (n - 1)
    index = abs(index) % period
    return period - index if index >= n else index


@njit(nogil=True, cache=True, fastmath=True)
def _smooth_columns(  # pragma: no cover  (compiled)
    image: NDArray[np.float32], step: int, result: NDArray[np.float32], first: int, last: int
) -> None:
    ny, nx = image.shape
    for y in range(first, last):
        a, b = _mirror(y - 2 * step, ny), _mirror(y - step, ny)
        c, d = _mirror(y + step, ny), _mirror(y + 2 * step, ny)
        for x in range(nx):
            result[y, x] = (
                np.float32(0.0625) * (image[a, x] + image[d, x])
                + np.float32(0.25) * (image[b, x] + image[c, x])
                + np.float32(0.375) * image[y, x]
            )


@njit(nogil=True, cache=True, fastmath=True)
def _smooth_rows(  # pragma: no cover  (compiled)
    image: NDArray[np.float32], step: int, result: NDArray[np.float32], first: int, last: int
) -> None:
    nx = image.shape[1]
    margin = min(2 * step, nx)
    for y in range(first, last):
        row = image[y]
        for x in range(margin, nx - margin):
            result[y, x] = (
                np.float32(0.0625) * (row[x - 2 * step] + row[x + 2 * step])
                + np.float32(0.25) * (row[x - step] + row[x + step])
                + np.float32(0.375) * row[x]
            )
        for x in range(nx):
            if margin <= x < nx - margin:
                continue
            result[y, x] = (
                np.float32(0.0625)
                * (row[_mirror(x - 2 * step, nx)] + row[_mirror(x + 2 * step, nx)])
                + np.float32(0.25) * (row[_mirror(x - step, nx)] + row[_mirror(x + step, nx)])
                + np.float32(0.375) * row[x]
            )
