"""Single bad pixels where too few exposures overlap to compare them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TypeAlias

import numpy as np
from astropy.nddata import CCDData, VarianceUncertainty
from numpy.typing import NDArray

from ..combine import Mosaic

__all__ = ["FEWEST_FOR_A_REFERENCE", "flag_thinly_covered", "thinly_covered"]

FEWEST_FOR_A_REFERENCE = 3
"""Fewer exposures cannot tell by comparison which of them is the odd one."""

_BLOCK = 128
"""Pixels on a side of what is looked through at once."""
_TILE = 8
"""The same of what is searched, where something stands out."""
_ENDS = 2
"""Pixels beyond a tile to which the weaker ends of what is in it reach."""
_TOGETHER = 512
"""Tiles that are searched together."""
_MARGIN = 8
_STANDS_OUT = 4.4
"""Laplacian, in units of its noise, from which it is worth to look closer: the edges of a cosmic
ray are 1.12 times as significant as this, and must be so by 5 with a median taken off."""
_DEEP = 4.0
"""Depth of a hole below the sky, in units of the noise of its pixel: where the skirt of a star
bends, or the noise is sharp by chance, it is not so dark. Higher, it would leave out the fainter
pixels of holes that are larger than one."""

_Suspect: TypeAlias = tuple[tuple[slice, slice], int]


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
    Only tiles in which a pixel stands out from its four neighbours are searched, many of
    them at once.
    """
    found = np.zeros(frame.shape, dtype=bool)
    mask = np.zeros(frame.shape, dtype=bool) if frame.mask is None else frame.mask
    tiles = list(_suspects(frame, mask, thin))
    for start in range(0, len(tiles), _TOGETHER):
        some = tiles[start : start + _TOGETHER]
        for (tile, _), seen in zip(some, _search(frame, mask, some, cosmic_rays), strict=True):
            part, own = _with_ends(tile, frame.shape)
            found[part] |= seen[own] & thin[part] & ~mask[part]
    return found


def _suspects(
    frame: CCDData, mask: NDArray[np.bool_], thin: NDArray[np.bool_]
) -> Iterator[_Suspect]:
    """Yield the tiles in which something stands out, and whether it is bright or dark."""
    for block in _parts((slice(0, frame.shape[0]), slice(0, frame.shape[1])), _BLOCK):
        if not thin[block].any():
            continue
        data, variance, hidden = _around(frame, mask, block, 1)
        height = _laplacian(data) / np.sqrt(20 * variance[1:-1, 1:-1])
        data, wanted = data[1:-1, 1:-1], thin[block] & ~hidden[1:-1, 1:-1]
        y, x = np.nonzero(wanted & (np.abs(height) > _STANDS_OUT) & (height * data > 0))
        signs = np.where(data[y, x] > 0, 1, -1)
        for row, column, sign in sorted({*zip(y // _TILE, x // _TILE, signs, strict=True)}):
            rows, columns = (
                slice(part.start + _TILE * place, min(part.start + _TILE * (place + 1), part.stop))
                for part, place in zip(block, (row, column), strict=True)
            )
            yield (rows, columns), int(sign)


def _search(
    frame: CCDData,
    mask: NDArray[np.bool_],
    tiles: Sequence[_Suspect],
    cosmic_rays: Callable[[CCDData], NDArray[np.bool_]],
) -> NDArray[np.bool_]:
    """Flag cosmic rays of tiles and `_MARGIN` around, or holes if the sign is negative."""
    side = _TILE + 2 * _MARGIN
    # One below the other, apart by a masked row.
    shape = (len(tiles), side + 1, side)
    data, variance = np.zeros(shape, np.float32), np.ones(shape, np.float32)
    hidden = np.ones(shape, dtype=bool)
    for number, (tile, sign) in enumerate(tiles):
        values, noise, unknown = _around(frame, mask, tile, _MARGIN)
        place = (number, *(slice(0, length) for length in values.shape))
        data[place], variance[place], hidden[place] = sign * values, noise, unknown
    flat = (-1, side)
    uncertainty = VarianceUncertainty(variance.reshape(flat), copy=False)
    part = CCDData(
        data.reshape(flat), unit=frame.unit, mask=hidden.reshape(flat), uncertainty=uncertainty
    )
    found = cosmic_rays(part).reshape(shape)
    dark = np.array([sign < 0 for _, sign in tiles])
    # The skirts of stars are as sharp as holes when seen upside down.
    found[dark] &= data[dark] > _DEEP * np.sqrt(variance[dark])
    return found


def _with_ends(
    tile: tuple[slice, slice], shape: tuple[int, int]
) -> tuple[tuple[slice, ...], tuple[slice, ...]]:
    """Return what the search of a tile tells of a frame, and where it is in what was searched.

    Of what lies further out it does not know the surroundings.
    """
    part = tuple(
        slice(max(along.start - _ENDS, 0), min(along.stop + _ENDS, length))
        for along, length in zip(tile, shape, strict=True)
    )
    own = tuple(
        slice(seen.start - along.start + _MARGIN, seen.stop - along.start + _MARGIN)
        for seen, along in zip(part, tile, strict=True)
    )
    return part, own


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
    places: tuple = tuple(slice(part.start - margin, part.stop + margin) for part in window)
    if any(
        place.start < 0 or place.stop > length
        for place, length in zip(places, frame.shape, strict=True)
    ):
        places = np.ix_(
            *(
                _reflected(np.arange(place.start, place.stop), length)
                for place, length in zip(places, frame.shape, strict=True)
            )
        )
    hidden = mask[places]
    return (
        np.where(hidden, np.float32(0), frame.data[places]),
        frame.uncertainty.array[places],
        hidden,
    )


def _reflected(places: NDArray[np.int_], length: int) -> NDArray[np.int_]:
    return np.abs(length - 1 - np.abs(length - 1 - places))


def _laplacian(data: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return four times each pixel less its four neighbours, of all but the outermost pixels."""
    rows = data[:-2, 1:-1] + data[2:, 1:-1]
    return 4 * data[1:-1, 1:-1] - rows - data[1:-1, :-2] - data[1:-1, 2:]
