"""Decompose an image by scale, and keep of each scale what is signal."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from .._parallel import parallel_map, row_bands
from ..combine.median import median_of
from ._blocks import add_interpolated
from ._fill import fill_gaps
from ._starlet import smoothed

__all__ = ["Shrinkage", "fine_part", "n_scales_for", "shrink"]

_Edges = tuple[NDArray[np.int_], NDArray[np.int_]]
_Planes = tuple[NDArray[np.float32], NDArray[np.float32]]

_OUTSTANDING = 5.0
"""Single pixels of so many standard deviations are signal on their own ..."""
_ALIKE = 3.0
"""... provided that two halves of the data agree on them within so many."""
_SAMPLE = 1_000_000
"""About so many pixels tell a variance to a part in a thousand."""
_LEAST_SIGNIFICANCE = 4.0
"""Signal of fewer standard deviations of the power of a scale is taken for noise."""
_BIN = 4
"""Pixels that are averaged, along each axis, before a pattern is shrunk again."""

_FEWEST_BINS = 7
"""Binned images that are smaller have no large scales."""
_BAND = 128
"""Rows that are worked on together: a multiple of the bins."""


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

    Images and mask are overwritten: they are large, and not needed any more.

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
    # Large planes are made once, and written to again and again: fresh memory is slow.
    spare = smoothed(pattern, 1), smoothed(noise, 1)
    known, agreed = _without_outliers((pattern, noise), spare, valid)
    places = np.divmod(np.flatnonzero(agreed), pattern.shape[1])
    spots = pattern[places]
    valid &= known
    parallel_map(fill_gaps, (pattern, noise), (known, valid))
    del known
    edges = tuple(np.append(np.arange(0, n, _BIN), n) for n in pattern.shape)
    count, removed, removed_noise = (
        _bin_sums(plane, valid, edges) for plane in (None, pattern, noise)
    )
    first, kept_noise = _pass((pattern, noise), spare, valid, n_scales, edges)
    del spare
    image = first.image
    removed -= _bin_sums(image, valid, edges)
    removed_noise -= kept_noise
    second = _second_pass(removed, removed_noise, count, n_scales)
    if second is not None:
        add_interpolated(edges, second.image, image)
        # The noise that comes back is that of what the first pass removed: nothing of
        # the largest scales.
        share = (second.noise / first.noise) ** 2 if first.noise > 0 else 0.0
        gain = first.noise_gain + share * _noise_gain(second.fractions, keep_coarse=False)
        first = replace(first, noise_gain=gain)
    image[places] = spots
    return first


def _pass(
    planes: _Planes,
    spare: _Planes,
    valid: NDArray[np.bool_],
    n_scales: int,
    edges: _Edges | None = None,
) -> tuple[Shrinkage, NDArray[np.float32] | float]:
    """Shrink pattern and noise once, and overwrite them, and two spare planes.

    Returns also the sums, in bins, of what the same filter makes of the noise.

    With the planes c that are smoother and smoother, and the fractions f of the waves
    between them, the sum of what is kept, ``f[s] * (c[s] - c[s + 1])``, and of the
    smoothest plane is that of the planes, each times ``f[s] - f[s - 1]``: no wave needs a
    plane of its own.
    """
    # Whole rows are quick to copy; even and odd ones must be among them.
    stride = (valid.size // _SAMPLE) | 1
    sample = slice(stride // 2, None, stride)
    inside = valid[sample]
    n_inside, n_valid = np.count_nonzero(inside), np.count_nonzero(valid)
    image = np.zeros_like(planes[0])
    kept_noise: NDArray[np.float32] | float = 0.0
    fractions, lost, unit_noise, before = np.zeros(n_scales), 0.0, 0.0, 0.0

    seen = [plane[sample].copy() for plane in planes]

    def power(number: int, coarser: NDArray[np.float32]) -> float:
        before, seen[number] = seen[number], coarser[sample].copy()
        wave = np.subtract(before, seen[number], out=before)
        wave *= inside
        rows = np.einsum("yx,yx->y", wave, wave)
        return float(rows.sum(dtype=np.float64)) / max(n_inside, 1)

    def keep(share: float) -> None:
        nonlocal kept_noise
        _accumulate(image, planes[0], share)
        if edges is not None:
            kept_noise += np.float32(share) * _bin_sums(planes[1], valid, edges)

    for scale in range(n_scales):
        for plane, coarser in zip(planes, spare, strict=True):
            smoothed(plane, 2**scale, coarser)
        total, noise_power = parallel_map(power, (0, 1), spare)
        signal = max(total - noise_power, 0.0)
        independent = max(min(n_inside, n_valid / 4**scale), 1)
        # Either power is good to sqrt(2 / n).
        if signal <= _LEAST_SIGNIFICANCE * 2 / np.sqrt(independent) * noise_power:
            signal_kept = 0.0
        else:
            signal_kept = signal / total
        fractions[scale] = signal_kept
        lost += (1 - signal_kept) ** 2 * signal if signal_kept > 0 else 0.0
        if scale == 0:
            unit_noise = np.sqrt(noise_power / _scale_noise(n_scales))
        if signal_kept != before:
            keep(signal_kept - before)
        planes, spare, before = spare, planes, signal_kept
    keep(1 - before)
    gain = _noise_gain(fractions)
    return Shrinkage(image, fractions, gain, float(unit_noise), float(lost)), kept_noise


def _accumulate(image: NDArray[np.float32], plane: NDArray[np.float32], factor: float) -> None:
    """Add a plane times a factor to an image, in bands that stay in the cache."""

    def add(rows: slice) -> None:
        image[rows] += np.float32(factor) * plane[rows]

    parallel_map(add, row_bands(len(image), _BAND))


def _second_pass(
    removed: NDArray[np.float32],
    removed_noise: NDArray[np.float32],
    count: NDArray[np.float32],
    n_scales: int,
) -> Shrinkage | None:
    """Shrink, at large scales, what the first pass removed; given are sums in bins."""
    if min(count.shape) < _FEWEST_BINS:
        return None
    whole = count >= _BIN**2 / 2
    if not whole.any():
        return None
    filled = tuple(sums / np.maximum(count, 1) for sums in (removed, removed_noise))
    for plane in filled:
        fill_gaps(plane, whole)
    n_scales = n_scales_for(whole.shape, max(n_scales - 1, 1))
    shrunk, _ = _pass(filled, tuple(map(np.empty_like, filled)), whole, n_scales)
    return shrunk


def _bin_sums(
    plane: NDArray[np.float32] | None, valid: NDArray[np.bool_], edges: _Edges
) -> NDArray[np.float32]:
    """Add up the valid pixels of each bin, or count them."""
    sums = np.empty([len(along) - 1 for along in edges], dtype=np.float32)

    def add(rows: slice) -> None:
        height, width = valid[rows].shape
        first = rows.start // _BIN
        part = sums[first : first + -(-height // _BIN)]
        values = np.zeros((_BIN * part.shape[0], _BIN * part.shape[1]), dtype=np.float32)
        np.multiply(valid[rows], 1 if plane is None else plane[rows], out=values[:height, :width])
        lines = sum(values[place::_BIN] for place in range(_BIN))
        part[...] = sum(lines[:, place::_BIN] for place in range(_BIN))

    parallel_map(add, row_bands(len(valid), _BAND))
    return sums


def fine_part(image: NDArray[np.float32], fractions: NDArray[np.float64]) -> NDArray[np.float32]:
    """Return the finest scales of an image, each times its fraction."""
    result = np.zeros_like(image)
    for scale, fraction in enumerate(fractions):
        coarser = smoothed(image, 2**scale)
        result += np.float32(fraction) * (image - coarser)
        image = coarser
    return result


def _without_outliers(
    planes: _Planes, smooth: _Planes, valid: NDArray[np.bool_]
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return where no single pixel stands out, and where one does on which the halves agree.

    Given are pattern and noise, as they are and smoothed once.
    They would spoil the coarser scales around them.
    """
    # As many rows as hold the sample.
    n_rows = int(np.searchsorted(np.cumsum(np.count_nonzero(valid, axis=1)), _SAMPLE)) + 1

    def robust_variance(plane: NDArray[np.float32], coarser: NDArray[np.float32]) -> float:
        values = (plane[:n_rows] - coarser[:n_rows])[valid[:n_rows]][:_SAMPLE]
        return (1.4826 * median_of(np.abs(values))) ** 2 if values.size else 0.0

    variances = parallel_map(robust_variance, planes, smooth)
    # What is as large as everything else does not stand out.
    sigma = np.float32(np.sqrt(max(variances)))
    known, agreed = np.empty_like(valid), np.empty_like(valid)

    def judge(rows: slice) -> None:
        wave = np.abs(planes[0][rows] - smooth[0][rows])
        np.less_equal(wave, _OUTSTANDING * sigma, out=known[rows])
        wave = np.abs(planes[1][rows] - smooth[1][rows])
        agreed[rows] = ~known[rows] & valid[rows] & (wave < _ALIKE * sigma)

    parallel_map(judge, row_bands(len(valid), _BAND))
    return known, agreed


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
