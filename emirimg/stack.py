"""The exposures of one field, as every stage sees them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import overload

import astropy.units as u
import numpy as np
from astropy.nddata import CCDData
from numpy.typing import NDArray

from ._parallel import row_bands
from .exceptions import MixedExposuresError
from .instrument import ExposureMetadata, pixel_scale, read_metadata

__all__ = ["DitherStack"]

_BYTES_OF_A_PIXEL = 5
"""A value of float32 and the byte of its mask."""
_SAME_POINTING = 2 * u.arcsec
"""Less than any dither, more than a telescope that follows drifts."""


@dataclass(frozen=True)
class DitherStack(Sequence[CCDData]):
    """Exposures of one field, all of one shape, in order of time.

    Parameters
    ----------
    frames : sequence of `~astropy.nddata.CCDData`
        The exposures, detector plane, axis order (y, x). The mask is True
        where a pixel must not be used.
    names : tuple of str
        What to call the frames in messages, normally their file names.
    metadata : tuple of ExposureMetadata
        Their headers, typed.
    pointings : `~numpy.ndarray` of int
        For each frame, shape (n_frames,), a number that frames at the same place
        of the dither pattern share. Such frames show every object on the same pixels, so
        they are not independent samples of the sky.

    Examples
    --------
    >>> from emirimg.simulation import Scene
    >>> from emirimg.stack import DitherStack
    >>> scene = Scene(n_exposures=9, shape=(32, 32), n_stars=0, n_galaxies=0)
    >>> stack = DitherStack.from_frames([scene.exposure(index) for index in range(9)])
    >>> len(stack), stack.shape
    (9, (32, 32))
    >>> stack.pointings  # the eighth exposure is the first place of the pattern again
    array([0, 1, 2, 3, 4, 5, 6, 0, 1])
    >>> stack.seconds.round()
    array([ 15.,  62., 109., 145., 195., 245., 293., 345., 392.])
    >>> stack.bands(20)
    [slice(0, 20, None), slice(20, 32, None)]
    >>> values, mask = stack.band(slice(0, 4))
    >>> values.shape
    (9, 4, 32)
    >>> stack.select([0, 7]).names
    ('frame 1', 'frame 8')
    >>> darker = stack.with_frames([frame.multiply(0.5) for frame in stack])
    >>> bool((darker[0].data == stack[0].data / 2).all())
    True
    """

    frames: Sequence[CCDData]
    names: tuple[str, ...]
    metadata: tuple[ExposureMetadata, ...]
    pointings: NDArray[np.int_]

    @classmethod
    def from_frames(
        cls,
        frames: Sequence[CCDData],
        names: Sequence[str] | None = None,
        *,
        same_pointing: u.Quantity = _SAME_POINTING,
    ) -> DitherStack:
        """Make a stack of frames, whose headers and WCS are read.

        Parameters
        ----------
        frames : sequence of `~astropy.nddata.CCDData`
            At least one; all of one shape.
        names : sequence of str, optional
            Default: ``frame 1``, ``frame 2``, ...
        same_pointing : `~astropy.units.Quantity`, optional
            Frames whose WCS place the same pixel closer together than this
            are repeats of one pointing. Default: 2 arcsec.

        Raises
        ------
        MixedExposuresError
            If there are no frames or their shapes differ.
        MetadataError
            If a keyword that the reduction needs is missing or impossible.
        """
        if names is None:
            names = [f"frame {number}" for number in range(1, len(frames) + 1)]
        if not frames:
            msg = "no frames were given; at least one exposure was expected"
            raise MixedExposuresError(msg)
        for name, frame in zip(names, frames, strict=True):
            if frame.shape != frames[0].shape:
                msg = (
                    f"{name} has the shape {frame.shape}, but {names[0]} has {frames[0].shape}:"
                    " frames of different detectors or read-out windows cannot be combined"
                )
                raise MixedExposuresError(msg)
        metadata = tuple(
            read_metadata(frame.meta, source=name)
            for name, frame in zip(names, frames, strict=True)
        )
        return cls(frames, tuple(names), metadata, _pointings(frames, same_pointing))

    @property
    def shape(self) -> tuple[int, int]:
        """Shape (ny, nx) of every frame."""
        return self.frames[0].shape

    @property
    def seconds(self) -> NDArray[np.float64]:
        """Middle of each exposure, in seconds after the first one began, shape (n_frames,)."""
        first = min(item.start for item in self.metadata)
        return np.array([(item.middle - first).to_value("s") for item in self.metadata])

    def bands(self, height: int) -> list[slice]:
        """Return slices of at most ``height`` rows: the more frames, the fewer rows.

        What `band` returns of one slice for each processor has room in memory together.
        """
        ny, nx = self.shape
        return row_bands(ny, height, len(self) * nx * _BYTES_OF_A_PIXEL)

    def band(self, rows: slice) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """Return the values and masks of some rows of all frames.

        Parameters
        ----------
        rows : slice
            Which rows.

        Returns
        -------
        values : `~numpy.ndarray` of float32
            Shape (n_frames, n_rows, nx).
        mask : `~numpy.ndarray` of bool
            The same shape; True where a value must not be used.
        """
        n_rows = len(range(*rows.indices(self.shape[0])))
        values = np.empty((len(self), n_rows, self.shape[1]), dtype=np.float32)
        mask = np.zeros(values.shape, dtype=bool)
        for index, frame in enumerate(self.frames):
            values[index] = frame.data[rows]
            if frame.mask is not None:
                mask[index] = frame.mask[rows]
        return values, mask

    def with_frames(self, frames: Sequence[CCDData]) -> DitherStack:
        """Return the same stack with other pixels (or WCSs), one frame for each of its own."""
        return DitherStack(frames, self.names, self.metadata, self.pointings)

    def select(self, chosen: Sequence[int] | NDArray[np.int_]) -> DitherStack:
        """Return a stack of some of the frames, in the order in which they are named.

        Parameters
        ----------
        chosen : sequence of int
            Numbers of frames, from 0. Pointings keep their numbers.

        Raises
        ------
        MixedExposuresError
            If none is chosen.
        """
        if len(chosen) == 0:
            msg = "no frames were chosen from the stack; at least one was expected"
            raise MixedExposuresError(msg)
        return DitherStack(
            [self.frames[index] for index in chosen],
            tuple(self.names[index] for index in chosen),
            tuple(self.metadata[index] for index in chosen),
            self.pointings[np.asarray(chosen)],
        )

    @overload
    def __getitem__(self, index: int) -> CCDData: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[CCDData]: ...
    def __getitem__(self, index: int | slice) -> CCDData | Sequence[CCDData]:
        return self.frames[index]

    def __len__(self) -> int:
        return len(self.frames)

    def __iter__(self) -> Iterator[CCDData]:
        return iter(self.frames)


def _pointings(frames: Sequence[CCDData], same: u.Quantity) -> NDArray[np.int_]:
    """Number the distinct pointings in the order in which they appear."""
    groups = np.arange(len(frames))
    if any(frame.wcs is None for frame in frames):
        return groups
    wcs = frames[0].wcs
    centre = ((frames[0].shape[1] - 1) / 2, (frames[0].shape[0] - 1) / 2)
    places = np.array(
        [wcs.wcs_world2pix([frame.wcs.wcs_pix2world([centre], 0)[0]], 0)[0] for frame in frames]
    )
    limit = (same / pixel_scale(wcs)).to_value(u.dimensionless_unscaled)
    seen: list[NDArray[np.float64]] = []
    for index, place in enumerate(places):
        distances = [np.hypot(*(place - other)) for other in seen]
        if distances and min(distances) < limit:
            groups[index] = int(np.argmin(distances))
        else:
            groups[index] = len(seen)
            seen.append(place)
    return groups
