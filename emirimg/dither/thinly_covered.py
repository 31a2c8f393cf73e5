"""Single bad pixels where too few exposures overlap to compare them."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from astropy.nddata import CCDData, VarianceUncertainty
from numpy.typing import NDArray

from ..combine import Mosaic
from ..projection import project_mask

__all__ = ["FEWEST_FOR_A_REFERENCE", "flag_thinly_covered", "thinly_covered"]

FEWEST_FOR_A_REFERENCE = 3
"""Fewer exposures cannot tell by comparison which of them is the odd one."""

_TILE = 64
_MARGIN = 8
_STANDS_OUT = 4.0
"""Laplacian, in units of its noise, from which it is worth to look closer."""


def thinly_covered(mosaic: Mosaic, frame: CCDData) -> NDArray[np.bool_]:
    """Return where on a frame fewer than three exposures overlap, shape (ny, nx)."""
    # Also where nothing is left: what was flagged before is judged anew.
    thin = mosaic.coverage < FEWEST_FOR_A_REFERENCE
    return project_mask(thin, mosaic.grid, frame.wcs, frame.shape)


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
    for tile, wide, inner in _tiles(frame.shape):
        wanted = thin[tile] & ~mask[tile]
        if not wanted.any():
            continue
        # The search leaves out the rims of what it is given, so the frame is continued.
        beyond = tuple(
            (_MARGIN - inside.start, _MARGIN - (whole.stop - whole.start - inside.stop))
            for whole, inside in zip(wide, inner, strict=True)
        )
        inner = tuple(  # noqa: PLW2901
            slice(_MARGIN, _MARGIN + part.stop - part.start) for part in tile
        )
        hidden = np.pad(mask[wide], beyond, mode="reflect")
        variance = np.pad(frame.uncertainty.array[wide], beyond, mode="reflect")
        data = np.pad(frame.data[wide], beyond, mode="reflect")
        data[hidden] = 0
        significance = _laplacian(data) / np.sqrt(20 * variance)
        for sign in (1, -1):
            suspect = (sign * significance > _STANDS_OUT) & (sign * data > 0)
            if suspect[inner][wanted].any():
                part = CCDData(
                    sign * data,
                    unit=frame.unit,
                    mask=hidden,
                    uncertainty=VarianceUncertainty(variance),
                )
                # The skirts of stars are as sharp as holes when seen upside down.
                deep = part.data > _STANDS_OUT * np.sqrt(variance)
                found[tile] |= (cosmic_rays(part) & (deep | (sign > 0)))[inner] & wanted
    return found


def _tiles(shape: tuple[int, int]) -> Iterator[tuple[tuple[slice, slice], ...]]:
    """Yield tiles, the same with a margin, and where the tile lies in that."""
    for y in range(0, shape[0], _TILE):
        for x in range(0, shape[1], _TILE):
            tile, wide, inner = zip(
                *(_span(start, size) for start, size in zip((y, x), shape, strict=True)),
                strict=True,
            )
            yield tile, wide, inner


def _span(start: int, size: int) -> tuple[slice, slice, slice]:
    stop = min(start + _TILE, size)
    low, high = max(start - _MARGIN, 0), min(stop + _MARGIN, size)
    return slice(start, stop), slice(low, high), slice(start - low, stop - low)


def _laplacian(data: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return four times each pixel less its four neighbours; edges are repeated."""
    wide = np.pad(data, 1, mode="edge")
    return 4 * data - wide[:-2, 1:-1] - wide[2:, 1:-1] - wide[1:-1, :-2] - wide[1:-1, 2:]
