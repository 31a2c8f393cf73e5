"""Offsets between frames from one place that all of them show."""

from __future__ import annotations

from typing import Literal

import astropy.units as u
import numpy as np
from astropy.wcs import WCS
from numpy.typing import NDArray

from .._strategy import Strategy
from .._wording import counted
from ..exceptions import AlignmentError
from ..stack import DitherStack
from .plane import wcss_of
from .solution import Alignment

__all__ = ["ReferenceObjectAlignment", "shifted_alignment"]


class ReferenceObjectAlignment(Strategy):
    """Shift the frames such that one point of the sky falls on one place.

    Parameters
    ----------
    positions : tuple of tuple of float, optional
        Position (x, y) of one object in each frame, in pixels (only their
        differences matter). Default: the headers tell where the sky at pixel
        (nx / 2, ny / 2), counted from 1, of the first frame lies in the others.

    Notes
    -----
    The frames must have no distortion, one scale and one orientation. They
    all get the WCS of the first one, shifted: its pointing, with its error, is
    that of the solution. Headers of EMIR err by several pixels and drift.

    Examples
    --------
    >>> from emirimg.alignment import ReferenceObjectAlignment
    >>> ReferenceObjectAlignment(positions=((1393.99, 861.67), (1205.92, 1046.15)))
    ReferenceObjectAlignment(positions=((1393.99, 861.67), (1205.92, 1046.15)))
    """

    name: Literal["reference_object"] = "reference_object"
    positions: tuple[tuple[float, float], ...] | None = None

    def __call__(self, stack: DitherStack, /) -> Alignment:
        """Return the WCS of the first frame, shifted to each frame.

        Raises
        ------
        AlignmentError
            If a frame has no WCS, or there is not one position for each frame.
        """
        wcss_of(stack)  # there must be one of each frame
        if self.positions is None:
            return shifted_alignment(stack, _header_offsets(stack), "header")
        if len(self.positions) != len(stack):
            msg = (
                f"found {counted(len(self.positions), 'position')} of the reference object;"
                f" {len(stack)}, one for each frame, were expected"
            )
            raise AlignmentError(msg)
        places = np.array(self.positions, dtype=float)
        return shifted_alignment(stack, places[0] - places, self.name)


def shifted_alignment(
    stack: DitherStack,
    offsets: NDArray[np.float64],
    method: str,
    *,
    methods: tuple[str, ...] | None = None,
    n_matched: NDArray[np.int_] | None = None,
) -> Alignment:
    """Return the alignment that consists of shifts of the first frame's WCS.

    Parameters
    ----------
    stack : DitherStack
        The frames.
    offsets : `~numpy.ndarray`
        Shape (n, 2): where pixel (0, 0) of each frame lies in the first one,
        x and y, in pixels.
    method : str
        How the frames were placed.
    methods : tuple of str, optional
        The same for each frame, where they differ.
    n_matched : `~numpy.ndarray` of int, optional
        Stars used for each frame. Default: none.

    Examples
    --------
    >>> import numpy as np
    >>> from emirimg.alignment import shifted_alignment
    >>> from emirimg.simulation import Scene
    >>> from emirimg.stack import DitherStack
    >>> scene = Scene(n_exposures=2, shape=(32, 32), n_stars=0, n_galaxies=0)
    >>> stack = DitherStack.from_frames([scene.exposure(index) for index in range(2)])
    >>> alignment = shifted_alignment(stack, np.array([[0.0, 0.0], [12.5, -3.0]]), "by eye")
    >>> place = alignment.wcss[1].pixel_to_world(0, 0)
    >>> [round(float(one), 2) for one in alignment.wcss[0].world_to_pixel(place)]
    [12.5, -3.0]
    >>> alignment.methods
    ('by eye', 'by eye')
    """
    n = len(stack)
    header = _header_offsets(stack)
    return Alignment(
        wcss=tuple(_shifted(stack[0].wcs, offset) for offset in offsets),
        methods=(method,) * n if methods is None else methods,
        shifts=offsets - header,
        residuals=np.full(n, np.nan) * u.arcsec,
        n_matched=np.zeros(n, dtype=int) if n_matched is None else n_matched,
        transparency=np.ones(n),
        fwhm=np.full(n, np.nan) * u.arcsec,
        ellipticity=np.full(n, np.nan),
        reference=0,
    )


def _header_offsets(stack: DitherStack) -> NDArray[np.float64]:
    middle = np.array(stack.shape[::-1]) / 2 - 1
    sky = stack[0].wcs.wcs_pix2world([middle], 0)
    places = np.array([frame.wcs.wcs_world2pix(sky, 0)[0] for frame in stack])
    return places[0] - places


def _shifted(wcs: WCS, offset: NDArray[np.float64]) -> WCS:
    wcs = wcs.deepcopy()
    wcs.wcs.crpix = wcs.wcs.crpix - offset
    wcs.wcs.set()
    return wcs
