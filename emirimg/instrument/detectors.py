"""The two detectors that EMIR has had."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from astropy.time import Time
from numpy.typing import NDArray

from ..exceptions import MetadataError

__all__ = ["DETECTORS", "H2RG", "HAWAII2", "Detector", "detector_at", "detector_by_uuid"]


@dataclass(frozen=True)
class Detector:
    """A detector of EMIR and the time it was in use.

    Parameters
    ----------
    name : str
        Name of the device.
    uuid : str
        Identifier of the configuration in control files and the keyword
        INSCONF.
    shape : tuple of int
        Shape (ny, nx) of an exposure, in pixels.
    gain : float
        Default gain, in electrons per ADU, where a header has none.
    read_noise : float
        Default read noise of an exposure, in ADU, where a header has none.
    saturation : float
        Level, in ADU, from which a pixel is no longer to be trusted.
    valid_from, valid_until : str or None
        First and last date of use (ISO 8601, UTC); `None` is open-ended.
    channel_width : int
        Width of a readout channel, in pixels.
    in_quadrants : bool
        Whether the detector is read in four quadrants of eight channels each
        (otherwise it is read in vertical channels from side to side).
    reference_width : int
        Width, in pixels, of the rim of reference pixels, which see no light.

    Notes
    -----
    The published values of the gain disagree with each other, and the read
    noise of the H2RG has not been published: a header's own value, or one
    that the user gives, is always preferred to these.

    Examples
    --------
    >>> import numpy as np
    >>> from astropy.time import Time
    >>> from emirimg.instrument import H2RG, HAWAII2
    >>> HAWAII2.is_valid_at(Time("2018-12-17")), H2RG.is_valid_at(Time("2018-12-17"))
    (True, False)
    >>> image = np.zeros(HAWAII2.shape)
    >>> [image[where].shape for where in HAWAII2.quadrants()]
    [(1024, 1024), (1024, 1024), (1024, 1024), (1024, 1024)]
    >>> next(H2RG.channels())
    (slice(0, 2048, None), slice(0, 64, None))
    >>> H2RG.channel_numbers()[0, [0, 63, 64, 2047]]
    array([ 1,  1,  2, 32], dtype=uint8)
    """

    name: str
    uuid: str
    shape: tuple[int, int]
    gain: float
    read_noise: float
    saturation: float
    valid_from: str
    valid_until: str | None
    channel_width: int
    in_quadrants: bool
    reference_width: int = 0

    def is_valid_at(self, time: Time) -> bool:
        """Tell whether the detector was in use at ``time``."""
        if time < Time(self.valid_from, scale="utc"):
            return False
        return self.valid_until is None or time <= Time(self.valid_until, scale="utc")

    def quadrants(self) -> Iterator[tuple[slice, slice]]:
        """Yield the (y, x) slices of the four quadrants, lower left first."""
        ny, nx = self.shape
        for y in (slice(0, ny // 2), slice(ny // 2, ny)):
            for x in (slice(0, nx // 2), slice(nx // 2, nx)):
                yield y, x

    def channels(self) -> Iterator[tuple[slice, slice]]:
        """Yield the (y, x) slices of the 32 readout channels.

        On the HAWAII-2, the lower left and upper right quadrants have
        vertical channels, the two others horizontal ones.
        """
        width = self.channel_width
        if not self.in_quadrants:
            for start in range(0, self.shape[1], width):
                yield slice(0, self.shape[0]), slice(start, start + width)
            return
        for number, (y, x) in enumerate(self.quadrants()):
            vertical = number in (0, 3)
            low, high = (x.start, x.stop) if vertical else (y.start, y.stop)
            for start in range(low, high, width):
                strip = slice(start, start + width)
                yield (y, strip) if vertical else (strip, x)

    def channel_numbers(self) -> NDArray[np.uint8]:
        """Return an image, shape (ny, nx), of the channel (1 to 32) of each pixel."""
        numbers = np.zeros(self.shape, dtype=np.uint8)
        for number, (y, x) in enumerate(self.channels(), start=1):
            numbers[y, x] = number
        return numbers


HAWAII2 = Detector(
    name="HAWAII-2",
    uuid="225fcaf2-7f6f-49cc-972a-70fd0aee8e96",
    shape=(2048, 2048),
    gain=5.0,
    read_noise=5.69,
    saturation=55000.0,
    valid_from="2016-06-01T12:00:00",
    valid_until="2023-03-10T12:00:00",
    channel_width=128,
    in_quadrants=True,
)
"""The first detector."""

H2RG = Detector(
    name="H2RG",
    uuid="443fc0d1-e09a-48cc-a0fd-02be6f399da2",
    shape=(2048, 2048),
    gain=5.0,
    read_noise=5.69,
    saturation=55000.0,
    valid_from="2023-07-01T12:00:00",
    valid_until=None,
    channel_width=64,
    in_quadrants=False,
    reference_width=4,
)
"""The detector in use today."""

DETECTORS = (HAWAII2, H2RG)


def detector_by_uuid(uuid: str) -> Detector:
    """Return the detector with that configuration identifier.

    Raises
    ------
    MetadataError
        If there is none.

    Examples
    --------
    >>> from emirimg.instrument import detector_by_uuid
    >>> detector_by_uuid("443fc0d1-e09a-48cc-a0fd-02be6f399da2").name
    'H2RG'
    """
    for detector in DETECTORS:
        if detector.uuid == uuid.strip().lower():
            return detector
    known = ", ".join(f"{d.uuid} ({d.name})" for d in DETECTORS)
    msg = f"no EMIR detector has the uuid {uuid!r}; known are {known}"
    raise MetadataError(msg)


def detector_at(time: Time) -> Detector:
    """Return the detector that was in use at ``time``.

    Raises
    ------
    MetadataError
        If EMIR had no detector then.

    Examples
    --------
    >>> from astropy.time import Time
    >>> from emirimg.instrument import detector_at
    >>> detector_at(Time("2018-12-17")).name, detector_at(Time("2024-05-01")).name
    ('HAWAII-2', 'H2RG')
    """
    for detector in DETECTORS:
        if detector.is_valid_at(time):
            return detector
    epochs = "; ".join(
        f"{d.name} from {d.valid_from} to {d.valid_until or 'today'}" for d in DETECTORS
    )
    msg = f"EMIR had no detector in use at {time.isot}: {epochs}"
    raise MetadataError(msg)
