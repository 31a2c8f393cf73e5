"""Single bad pixels where too few exposures overlap to compare them."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from astropy.nddata import CCDData, VarianceUncertainty
from numpy.typing import NDArray

from ..combine import Mosaic

__all__ = ["FEWEST_FOR_A_REFERENCE", "flag_thinly_covered", "thinly_covered"]

FEWEST_FOR_A_REFERENCE = 3
"""Fewer exposures cannot tell by comparison which of them is the odd one."""

_BLOCK = 128
"""Pixels on a side of what is looked through at once."""
_TILE = 32
"""The same of what is searched, where something stands out."""
_MARGIN = 8
_STANDS_OUT = 4.4
"""Laplacian, in units of its noise, from which it is worth to look closer: the edges of a cosmic
ray are 1.12 times as significant as this, and must be so by 5 with a median taken off."""
_DEEP = 4.0
"""Depth of a hole below the sky, in units of the noise of its pixel: where the skirt of a star
bends, or the noise is sharp by chance, it is not so dark. Higher, it would leave out the fainter
pixels of holes that are larger than one."""


def thinly_covered(mosaic: Mosaic) -> NDArray[np.bool_]:
    """Return where in a mosaic fewer than three exposures overlap."""
    # Also where nothing is left: what was flagged before is judged anew.
    return mosaic.coverage < FEWEST_FOR_A_REFERENCE


def flag_thinly_covered(
    frame: CCDData,
    thin: NDArray[np.bool_],
    cosmic_rays: Callable[[CCDData], NDArray[np.bool_]],
) -> NDArray[np.bool_]:
    """Flag cosmic rays, and holes as sharp as them, in a part of a frame.

    Parameters
    ----------
    frame : `~astropy.nddata.CCDData`
        Sky-subtracted frame with a variance, shape (ny, nx).
    thin : `~numpy.ndarray` of bool
        Where they are looked for.
    cosmic_rays : callable
        Finds cosmic rays of a single exposure.

    Notes
    -----
    Only tiles in which a pixel stands out from its four neighbours are searched.
    """
    found = np.zeros(frame.shape, dtype=bool)
    mask = np.zeros(frame.shape, dtype=bool) if frame.mask is None else frame.mask
    for block in _parts((slice(0, frame.shape[0]), slice(0, frame.shape[1])), _BLOCK):
        wanted = thin[block] & ~mask[block]
        if not wanted.any():
            continue
        data, variance, _ = _around(frame, mask, block, 1)
        height = _laplacian(data) / np.sqrt(20 * variance[1:-1, 1:-1])
        data = data[1:-1, 1:-1]
        stands_out = wanted & (np.abs(height) > _STANDS_OUT) & (height * data > 0)
        if not stands_out.any():
            continue
        for tile in _parts(block, _TILE):
            here = tuple(
                slice(part.start - whole.start, part.stop - whole.start)
                for part, whole in zip(tile, block, strict=True)
            )
            for sign in (1, -1):
                if np.any(stands_out[here] & (sign * data[here] > 0)):
                    found[tile] |= _search(frame, mask, tile, sign, cosmic_rays) & wanted[here]
    return found


def _search(
    frame: CCDData,
    mask: NDArray[np.bool_],
    tile: tuple[slice, slice],
    sign: int,
    cosmic_rays: Callable[[CCDData], NDArray[np.bool_]],
) -> NDArray[np.bool_]:
    """Flag cosmic rays of a tile, or holes if ``sign`` is negative."""
    # The search leaves out the rims of what it is given.
    data, variance, hidden = _around(frame, mask, tile, _MARGIN)
    part = CCDData(
        sign * data, unit=frame.unit, mask=hidden, uncertainty=VarianceUncertainty(variance)
    )
    found = cosmic_rays(part)
    if sign < 0:
        # The skirts of stars are as sharp as holes when seen upside down.
        found &= part.data > _DEEP * np.sqrt(variance)
    return found[_MARGIN:-_MARGIN, _MARGIN:-_MARGIN]


def _parts(window: tuple[slice, slice], size: int) -> Iterator[tuple[slice, slice]]:
    """Yield the parts of a window, at most ``size`` pixels on a side."""
    rows, columns = window
    for y in range(rows.start, rows.stop, size):
        for x in range(columns.start, columns.stop, size):
            yield slice(y, min(y + size, rows.stop)), slice(x, min(x + size, columns.stop))


def _around(
    frame: CCDData, mask: NDArray[np.bool_], window: tuple[slice, slice], margin: int
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.bool_]]:
    """Return data (0 where masked), variance and mask of a window and of what lies around it.

    The frame is continued beyond its edges by reflection.
    """
    places = np.ix_(
        *(
            _reflected(np.arange(part.start - margin, part.stop + margin), length)
            for part, length in zip(window, frame.shape, strict=True)
        )
    )
    hidden = mask[places]
    data = frame.data[places]
    data[hidden] = 0
    return data, frame.uncertainty.array[places], hidden


def _reflected(places: NDArray[np.int_], length: int) -> NDArray[np.int_]:
    return np.abs(length - 1 - np.abs(length - 1 - places))


def _laplacian(data: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return four times each pixel less its four neighbours, of all but the outermost pixels."""
    rows = data[:-2, 1:-1] + data[2:, 1:-1]
    return 4 * data[1:-1, 1:-1] - rows - data[1:-1, :-2] - data[1:-1, 2:]
