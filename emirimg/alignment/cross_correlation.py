"""Offsets refined by the cross-correlation of boxes around bright stars."""

from __future__ import annotations

import warnings
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from .._strategy import Strategy
from ..exceptions import AlignmentWarning
from ..stack import DitherStack
from .reference_object import shifted_alignment
from .solution import Alignment

__all__ = ["CrossCorrelation"]

_FIT = 3
"""Half a side of the square about the peak to which a surface is fitted."""


class CrossCorrelation(Strategy):
    r"""Refine whole-pixel offsets with boxes around some stars.

    Parameters
    ----------
    half_width : int, optional
        Half a side of the boxes, in pixels. Default: 20.
    max_deviation : float, optional
        A star whose offset is further than this from the median of the stars,
        in pixels, is left out for a frame. Default: 1.

    Notes
    -----
    The box of each frame, placed by its offset in whole pixels, is
    cross-correlated with that of the first frame. The offset of a star is the
    place of the highest value, in whole pixels, plus a third of the vertex,
    its axes exchanged, of a quadratic surface through the 7 x 7 values around
    it. The mean over the stars is subtracted from the offset that the frame
    had, before that was rounded. The third and the exchange are mistakes in
    the software whose results this strategy must reproduce; they change
    offsets by up to half a pixel, and it must not be used for more than shifts
    by whole pixels. `StarAlignment` places frames to a hundredth of a pixel.

    A star that leaves a frame, or whose correlation has its peak at the
    border, is not used for that frame. A frame without a star keeps its
    offset; so do all frames when the first one shows no star. Both are said
    in an `~emirimg.exceptions.AlignmentWarning`.

    Examples
    --------
    >>> from emirimg.alignment import CrossCorrelation
    >>> CrossCorrelation(half_width=15)
    CrossCorrelation(half_width=15)
    """

    name: Literal["cross_correlation"] = "cross_correlation"
    half_width: int = Field(default=20, ge=5)
    max_deviation: float = Field(default=1.0, gt=0)

    def __call__(
        self, stack: DitherStack, alignment: Alignment, stars: NDArray[np.float64], /
    ) -> Alignment:
        """Return the refined alignment.

        Parameters
        ----------
        stack : DitherStack
            Sky-subtracted frames without distortion.
        alignment : Alignment
            Shifts of the first frame's WCS, as from `ReferenceObjectAlignment`.
        stars : `~numpy.ndarray`
            Shape (n, 2): positions (x, y) of stars in the first frame, in
            pixels from 0.

        Warns
        -----
        AlignmentWarning
            If a frame could not be refined.
        """
        crpix = np.array([wcs.wcs.crpix for wcs in alignment.wcss])
        offsets = crpix[0] - crpix
        whole = np.rint(offsets).astype(int)
        boxes = [
            (star, box)
            for star in stars.astype(int)
            if (box := self._box(stack, 0, star)) is not None
        ]
        if not boxes:
            msg = (
                f"none of {len(stars)} stars lies well inside {stack.names[0]}:"
                " the offsets of the frames are not refined"
            )
            warnings.warn(msg, AlignmentWarning, stacklevel=2)
            return alignment
        found = np.zeros(len(stack), dtype=int)
        methods = list(alignment.methods)
        for index, name in enumerate(stack.names):
            shifts = []
            for star, reference in boxes:
                box = self._box(stack, index, star - whole[index])
                shift = None if box is None else _measure(reference, box)
                if shift is not None:
                    shifts.append(shift)
            if not shifts:
                msg = (
                    f"{name} shows none of the {len(boxes)} stars:"
                    f" its offset, by {methods[index]}, is not refined"
                )
                warnings.warn(msg, AlignmentWarning, stacklevel=2)
                continue
            shift, found[index] = self._agreed(np.array(shifts))
            offsets[index] -= shift
            methods[index] = self.name
        return shifted_alignment(
            stack, offsets, self.name, methods=tuple(methods), n_matched=found
        )

    def _box(
        self, stack: DitherStack, index: int, centre: NDArray[np.int_]
    ) -> NDArray[np.float64] | None:
        """Return the box about a pixel (x, y) of a frame; nothing where it leaves it."""
        half = self.half_width
        x, y = centre
        ny, nx = stack.shape
        if not (half <= x <= nx - half and half <= y <= ny - half):
            return None
        box = stack[index].data[y - half : y + half, x - half : x + half]
        return np.asarray(box, dtype=float) if np.any(box) else None

    def _agreed(self, shifts: NDArray[np.float64]) -> tuple[NDArray[np.float64], int]:
        """Return the mean of the shifts near their median, and how many these are."""
        distance = np.hypot(*(shifts - np.median(shifts, axis=0)).T)
        near = distance <= self.max_deviation
        if not near.any():
            near[np.argmin(distance)] = True
        return shifts[near].mean(axis=0), int(near.sum())


def _measure(
    reference: NDArray[np.float64], box: NDArray[np.float64]
) -> NDArray[np.float64] | None:
    """Return the shift (x, y) of ``box`` relative to ``reference``."""
    shape = [n + m - 1 for n, m in zip(box.shape, reference.shape, strict=True)]
    correlation = np.fft.irfft2(
        np.fft.rfft2(box, shape) * np.fft.rfft2(reference[::-1, ::-1], shape), shape
    )
    y, x = np.unravel_index(np.argmax(correlation), correlation.shape)
    around = correlation[y - _FIT : y + _FIT + 1, x - _FIT : x + _FIT + 1]
    if min(y, x) < _FIT or around.shape != (2 * _FIT + 1,) * 2:
        return None
    v, u = np.mgrid[-1 : 1 : (2 * _FIT + 1) * 1j, -1 : 1 : (2 * _FIT + 1) * 1j]
    terms = np.stack([np.ones_like(u), u, v, u * u, u * v, v * v], axis=-1).reshape(-1, 6)
    _, b, c, d, e, f = np.linalg.lstsq(terms, around.ravel(), rcond=None)[0]
    if not (d < 0 and 4 * d * f > e * e):
        return None
    vertex = np.linalg.solve([[2 * d, e], [e, 2 * f]], [-b, -c])
    whole = np.array([x, y]) - np.array(box.shape[::-1]) + 1
    # The vertex is in units of three pixels, and its axes are exchanged (see Notes).
    return whole + vertex[::-1]
