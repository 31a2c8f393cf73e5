"""Where exposures claim to look, and whether that can be."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import astropy.units as u
import numpy as np
from astropy.coordinates import SkyCoord
from astropy.wcs import WCS
from numpy.typing import NDArray

from ...instrument import NOMINAL_SCALE, pixel_scale
from ..roles import are_few, are_strays, beside_by_pointing
from .findings import Finding, Severity

__all__ = ["Placed", "check_places", "pointing_offsets"]

_SCALE_WRONG, _SCALE_DOUBTFUL = 0.2, 0.02
"""Relative differences from the nominal scale."""
_TURNED = 1.0 * u.deg
_BEYOND = 60 * u.arcsec
"""Pointings that lie farther outside of the frame than this are not rounding."""
_JUMP = 3.0
"""A pointing is a jump if it is so much farther out than the typical one,"""
_PART = 0.25
"""and by this part of the field at least."""
_NO_DITHER = 2 * u.arcsec


@dataclass(frozen=True)
class Placed:
    """An exposure as far as its place is concerned.

    Parameters
    ----------
    name : str
        Name of the file.
    wcs : `~astropy.wcs.WCS`
        Its celestial WCS.
    shape : tuple of int
        Shape (ny, nx).
    pointing : `~astropy.coordinates.SkyCoord` or None
        Where the telescope was sent.

    Examples
    --------
    >>> from emirimg.dither import Placed
    >>> from emirimg.simulation import Scene
    >>> frame = Placed("e1.fits", Scene().truth.wcs(0), (2048, 2048), None)
    >>> print(frame.centre.to_string("hmsdms", precision=0), f"{frame.field.to('arcmin'):.1f}")
    02h39m54s -01d34m31s 6.6 arcmin
    """

    name: str
    wcs: WCS
    shape: tuple[int, int]
    pointing: SkyCoord | None

    @property
    def centre(self) -> SkyCoord:
        """The sky at the middle of the frame."""
        ny, nx = self.shape
        return SkyCoord(*self.wcs.wcs_pix2world((nx - 1) / 2, (ny - 1) / 2, 0), unit="deg")

    @property
    def field(self) -> u.Quantity:
        """Length of the shorter side on the sky."""
        return min(self.shape) * pixel_scale(self.wcs)


def pointing_offsets(frames: Sequence[Placed]) -> NDArray[np.float64]:
    """Return the ways (east, north) from the typical pointing, shape (n, 2), in arcsec.

    Examples
    --------
    >>> from emirimg.dither import Placed, pointing_offsets
    >>> from emirimg.simulation import Scene
    >>> wcss = [Scene().truth.wcs(index) for index in range(3)]
    >>> frames = [Placed(f"e{n}", wcs, (2048, 2048), None) for n, wcs in enumerate(wcss, 1)]
    >>> pointing_offsets(frames).round()
    array([[ 37.,   0.],
           [  0., -36.],
           [-14.,  14.]])
    """
    first = frames[0].centre
    offsets = np.array(
        [
            [angle.to_value(u.arcsec) for angle in first.spherical_offsets_to(frame.centre)]
            for frame in frames
        ]
    )
    return offsets - np.median(offsets, axis=0)


def check_places(frames: Sequence[Placed]) -> Iterator[Finding]:
    """Check the scale, handedness and pointings of exposures of one group.

    Parameters
    ----------
    frames : sequence of Placed
        The exposures, in order of time.

    Yields
    ------
    Finding

    Examples
    --------
    >>> from emirimg.dither import Placed, check_places
    >>> from emirimg.simulation import Scene
    >>> wcss = [Scene().truth.wcs(index) for index in range(3)]
    >>> wcss[2].wcs.crval[0] += 5  # degrees
    >>> frames = [Placed(f"e{n}", wcs, (2048, 2048), None) for n, wcs in enumerate(wcss, 1)]
    >>> [finding.topic for finding in check_places(frames)]
    ['pointing']
    """
    yield from _check_matrices(frames)
    for frame in frames:
        distance = _outside(frame)
        if distance > _BEYOND:
            text = (
                f"RA and DEC lie {distance.to_value(u.arcmin):.1f} arcmin outside of the frame"
                " that the WCS describes: the target may not be on it"
            )
            yield Finding(Severity.WARNING, "pointing", text, (frame.name,))
    if len(frames) < 2:
        return
    beside = beside_by_pointing([frame.wcs for frame in frames], frames[0].shape)
    if beside.any():
        names = tuple(f.name for f, is_beside in zip(frames, beside, strict=True) if is_beside)
        text = "does not overlap with the others: " + (
            "it would be left out" if are_strays(beside) else "taken as sky beside the target"
        )
        yield Finding(
            Severity.WARNING if are_few(beside) else Severity.NOTE, "pointing", text, names
        )
    yield from _check_dither(
        [frame for frame, is_beside in zip(frames, beside, strict=True) if not is_beside]
    )


def _check_matrices(frames: Sequence[Placed]) -> Iterator[Finding]:
    matrices = np.array([frame.wcs.pixel_scale_matrix for frame in frames])
    mirrored = np.linalg.det(matrices) > 0
    names = tuple(frame.name for frame, bad in zip(frames, mirrored, strict=True) if bad)
    if names:
        text = (
            "the WCS is mirrored (the determinant of its matrix is positive): axes are swapped,"
            " or a sign is wrong"
        )
        yield Finding(Severity.ERROR, "wcs", text, names)
    for frame in frames:
        ratio = (pixel_scale(frame.wcs) / NOMINAL_SCALE).to_value(u.dimensionless_unscaled)
        if abs(ratio - 1) > _SCALE_DOUBTFUL:
            severity = Severity.ERROR if abs(ratio - 1) > _SCALE_WRONG else Severity.WARNING
            text = (
                f"the pixel scale is {ratio * NOMINAL_SCALE.to_value(u.arcsec):.4g} arcsec, that"
                f" of the camera {NOMINAL_SCALE.to_value(u.arcsec):g}"
            )
            yield Finding(severity, "wcs", text, (frame.name,))
    # The direction in which the rows grow; its typical value as a mean of directions.
    directions = np.array([complex(m[0, 1], m[1, 1]) / abs(complex(*m[:, 1])) for m in matrices])
    middle = complex(np.median(directions.real), np.median(directions.imag))
    turned = np.degrees(np.abs(np.angle(directions / middle))) if middle else np.zeros(len(frames))
    for frame, angle, bad in zip(frames, turned, mirrored, strict=True):
        if angle > _TURNED.to_value(u.deg) and not bad:
            text = f"turned by {angle:.1f} deg against the others"
            yield Finding(Severity.WARNING, "wcs", text, (frame.name,))


def _outside(frame: Placed) -> u.Quantity:
    """Return how far the pointing lies outside of the frame; 0 where it lies on it."""
    if frame.pointing is None:
        return 0 * u.arcsec
    ra, dec = frame.pointing.ra.deg, frame.pointing.dec.deg
    apart = frame.centre.separation(frame.pointing)
    if apart > 1 * u.deg:  # the distortion is not defined so far out
        return apart
    place = np.array(frame.wcs.celestial.wcs_world2pix(ra, dec, 0))
    if not np.isfinite(place).all():
        return apart
    last = np.array(frame.shape[::-1]) - 1
    return np.hypot(*(place - np.clip(place, 0, last))) * pixel_scale(frame.wcs).to(u.arcsec)


def _check_dither(frames: Sequence[Placed]) -> Iterator[Finding]:
    if len(frames) < 3:
        return
    ways = np.hypot(*pointing_offsets(frames).T) * u.arcsec
    if ways.max() < _NO_DITHER:
        text = (
            f"all pointings lie within {_NO_DITHER}: without a dither, the sky cannot be told"
            " from the objects"
        )
        yield Finding(Severity.WARNING, "pointing", text)
    limit = max(_JUMP * np.median(ways), _PART * frames[0].field)
    for frame, way in zip(frames, ways, strict=True):
        if way > limit:
            text = f"jumps {way.to_value(u.arcsec):.0f} arcsec away from the other pointings"
            yield Finding(Severity.WARNING, "pointing", text, (frame.name,))
