"""Headers of exposures, and what they say of the pixels."""

from __future__ import annotations

import re
from pathlib import Path

from astropy.io import fits

from ..instrument import Detector
from ._first_image import read_first_header

__all__ = ["expected_shape", "read_header"]

EXPOSURE = "a raw EMIR exposure (FITS)"
"""What a file should have been, for errors."""


def read_header(path: str | Path) -> fits.Header:
    """Read the header of an exposure, not its pixels.

    Parameters
    ----------
    path : str or `~pathlib.Path`
        FITS file, as for `read_frame`.

    Returns
    -------
    `~astropy.io.fits.Header`
        Header of the first HDU with an image, filled up with the keywords of
        the primary one.

    Raises
    ------
    FrameError
        If the file does not exist or does not start with a FITS header.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from emirimg.io import read_header
    >>> from emirimg.simulation import Scene, write_tutorial
    >>> scene = Scene(shape=(32, 32), n_exposures=1, n_stars=1, n_galaxies=0)
    >>> with TemporaryDirectory() as directory:
    ...     tree = write_tutorial(directory, scene)
    ...     print(read_header(tree.exposures[0])["DATE-OBS"])
    2018-12-17T23:57:24.72
    """
    return read_first_header(Path(path), EXPOSURE)


def expected_shape(header: fits.Header, detector: Detector) -> tuple[int, int]:
    """Return the shape (ny, nx) of an exposure: that of the detector, or of DETSEC in it.

    Examples
    --------
    >>> from astropy.io.fits import Header
    >>> from emirimg.instrument import HAWAII2
    >>> from emirimg.io import expected_shape
    >>> expected_shape(Header(), HAWAII2)
    (2048, 2048)
    >>> expected_shape(Header({"DETSEC": "[1:512,1:256]"}), HAWAII2)
    (256, 512)
    """
    section = re.fullmatch(
        r"\[(\d+):(\d+),(\d+):(\d+)\]", str(header.get("DETSEC", "")).replace(" ", "")
    )
    if section is None:
        return detector.shape
    x1, x2, y1, y2 = map(int, section.groups())
    ny, nx = detector.shape
    if not (1 <= x1 <= x2 <= nx and 1 <= y1 <= y2 <= ny):
        return detector.shape
    return (y2 - y1 + 1, x2 - x1 + 1)
