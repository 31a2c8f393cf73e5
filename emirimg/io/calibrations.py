"""Master calibrations from files."""

from __future__ import annotations

from pathlib import Path

import astropy.units as u
import numpy as np
from astropy.nddata import CCDData
from numpy.typing import NDArray

from .._parallel import parallel_map
from ..calibration.calibrations import Calibrations
from .checksum import sha256
from .frames import read_image

__all__ = ["read_calibrations"]


def read_calibrations(
    *,
    bad_pixels: str | Path | None = None,
    dark: str | Path | None = None,
    flat: str | Path | None = None,
) -> Calibrations:
    """Read master calibrations.

    Parameters
    ----------
    bad_pixels : str or `~pathlib.Path`, optional
        Mask; pixels other than 0 are bad.
    dark : str or `~pathlib.Path`, optional
        Dark signal, in adu per second.
    flat : str or `~pathlib.Path`, optional
        Response of the pixels, around 1.

    Returns
    -------
    Calibrations
        With the names and checksums of the files.

    Raises
    ------
    FrameError
        If a file does not exist, is not FITS, is damaged, or has no image of
        two axes.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from emirimg.io import read_calibrations
    >>> from emirimg.simulation import Scene, write_tutorial
    >>> scene = Scene(shape=(32, 32), n_exposures=1, n_stars=1, n_galaxies=0)
    >>> with TemporaryDirectory() as directory:
    ...     tree = write_tutorial(directory, scene)
    ...     calibrations = read_calibrations(bad_pixels=tree.bad_pixel_mask, flat=tree.flat)
    >>> int(calibrations.bad_pixels.sum()), calibrations.dark is None
    (14, True)
    >>> kind, name, checksum = calibrations.inputs[0]
    >>> kind, name
    ('bad_pixels', 'master_bpm.fits')
    """
    units = {
        "bad_pixels": u.dimensionless_unscaled,
        "dark": u.adu / u.s,
        "flat": u.dimensionless_unscaled,
    }
    paths = {"bad_pixels": bad_pixels, "dark": dark, "flat": flat}
    named = {kind: Path(path) for kind, path in paths.items() if path}

    def read(kind: str, path: Path) -> tuple[CCDData, str]:
        return read_image(path, unit=units[kind]), sha256(path)

    done = parallel_map(read, named, named.values())
    images = {kind: image for kind, (image, _) in zip(named, done, strict=True)}
    mask = images.get("bad_pixels")
    return Calibrations(
        bad_pixels=None if mask is None else _is_bad(mask),
        dark=images.get("dark"),
        flat=images.get("flat"),
        inputs=tuple(
            (kind, path.name, digest)
            for (kind, path), (_, digest) in zip(named.items(), done, strict=True)
        ),
    )


def _is_bad(mask: CCDData) -> NDArray[np.bool_]:
    bad = mask.data != 0
    return bad if mask.mask is None else bad | mask.mask
