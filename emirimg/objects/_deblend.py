"""An object that consists of several, taken apart."""

from __future__ import annotations

import numpy as np
import scipy
from numpy.typing import NDArray

__all__ = ["deblended"]

_DIAGONAL = np.ones((3, 3), dtype=bool)
_LEVELS = 32
_TOO_MANY = 200
"""More parts than this are noise at the foot of an object, where the levels are close."""


def deblended(
    image: NDArray[np.float32], inside: NDArray[np.bool_], npixels: int, *, contrast: float
) -> NDArray[np.int32] | None:
    """Take an object apart where there is a saddle between peaks.

    Parameters
    ----------
    image : `~numpy.ndarray`
        Cutout around the object, smoothed as it was for the detection.
    inside : `~numpy.ndarray` of bool
        The pixels of the object, connected along sides or corners.
    npixels : int
        Least number of connected pixels of a part, where it first stands alone.
    contrast : float
        Least flux of a part, as a fraction of that of the object.

    Returns
    -------
    `~numpy.ndarray` of int or None
        Numbers of the parts, from 1, and 0 outside of the object. `None` if it is but one.

    Notes
    -----
    The pixels above each of 32 levels between the faintest and the brightest pixel,
    in equal ratios (in equal steps where the faintest is not positive, or where the parts would
    be too many), fall into connected groups. A group in which a higher level finds several is
    replaced by these. The last groups are flooded downhill until they fill the object, and
    the faintest is given up, again and again, until all of them have the least flux.

    References
    ----------
    Bertin, E. & Arnouts, S. 1996, A&AS, 117, 393 (the levels and the contrast).

    Beucher, S. & Meyer, F. 1993, in Mathematical Morphology in Image Processing, 433 (flooding).
    """
    values = image[inside]
    low, high = values.min(), values.max()
    if values.size < 2 * npixels or low == high or _has_one_peak(image, inside):
        return None
    peaks = None
    if low > 0:
        steps = np.linspace(low, high, _LEVELS + 2)
        fractions = (steps - low) / (high - low)
        peaks = _peaks(image, inside, npixels, low * (high / low) ** fractions)
    if low <= 0 or (peaks is not None and peaks.max() > _TOO_MANY):
        peaks = _peaks(image, inside, npixels, np.linspace(low, high, _LEVELS + 2))
    if peaks is None:
        return None
    return _flooded(image, inside, peaks, contrast * values.sum())


def _has_one_peak(image: NDArray[np.float32], inside: NDArray[np.bool_]) -> bool:
    """Tell whether only one pixel is as bright as all its neighbours."""
    ny, nx = image.shape
    framed = np.full((ny + 2, nx + 2), -np.inf, dtype=image.dtype)
    framed[1:-1, 1:-1][inside] = image[inside]
    middle = framed[1:-1, 1:-1]
    highest = inside.copy()
    for y in range(3):
        for x in range(3):
            highest &= middle >= framed[y : y + ny, x : x + nx]
    return np.count_nonzero(highest) == 1


def _peaks(
    image: NDArray[np.float32],
    inside: NDArray[np.bool_],
    npixels: int,
    levels: NDArray[np.float32],
) -> NDArray[np.int32] | None:
    """Return the numbers of the groups that no higher level divides; `None` for one alone."""
    groups = None
    for level in levels[1:-1]:
        numbers, _ = scipy.ndimage.label((image > level) & inside, structure=_DIAGONAL)
        large = np.bincount(numbers.ravel()) >= npixels
        large[0] = False
        if np.count_nonzero(large) < 2:
            continue
        numbers[~large[numbers]] = 0
        groups = numbers if groups is None else _divided(groups, numbers)
    return None if groups is None else scipy.ndimage.label(groups, structure=_DIAGONAL)[0]


def _divided(groups: NDArray[np.int32], above: NDArray[np.int32]) -> NDArray[np.int32]:
    """Replace the groups in which there are several of a higher level."""
    # Each of those is part of one group.
    there, first = np.unique(above, return_index=True)
    parents = groups.ravel()[first[there > 0]]
    several = np.bincount(parents, minlength=groups.max() + 1) > 1
    if not several.any():
        return groups
    left = np.where(several[groups], above > 0, groups > 0)
    return scipy.ndimage.label(left, structure=_DIAGONAL)[0]


def _flooded(
    image: NDArray[np.float32],
    inside: NDArray[np.bool_],
    parts: NDArray[np.int32],
    least: float,
) -> NDArray[np.int32] | None:
    """Let the parts grow until they fill the object, without those that are too faint."""
    from skimage.segmentation import watershed  # noqa: PLC0415 (heavy)

    while True:
        parts = watershed(-image, parts, mask=inside, connectivity=_DIAGONAL)
        flux = np.bincount(parts[inside], weights=image[inside])
        (numbers,) = np.nonzero(np.bincount(parts[inside]))
        if numbers.size == 1:
            return None
        if not (flux[numbers] < least).any():
            break
        parts[parts == numbers[np.argmin(flux[numbers])]] = 0
    consecutive = np.zeros(flux.size, dtype=parts.dtype)
    consecutive[numbers] = np.arange(1, numbers.size + 1)
    return consecutive[parts]
