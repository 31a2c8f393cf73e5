"""Any image of any FITS file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from astropy.io import fits
from numpy.typing import NDArray

from ..exceptions import FrameError, InputError
from ._fits import open_fits

__all__ = ["read_list", "read_plane"]


def read_plane(
    path: str | Path, extension: int | str | None = None
) -> tuple[NDArray[Any], fits.Header]:
    """Read one image of a FITS file as it is.

    Parameters
    ----------
    path : path
        FITS file.
    extension : int or str, optional
        Number of the HDU, from 0, or its name. Default: the first that has an
        image.

    Returns
    -------
    data : `~numpy.ndarray`
        Image, shape (ny, nx), in the type of the file.
    header : `~astropy.io.fits.Header`
        Its header, filled up with the keywords of the primary one.

    Raises
    ------
    FrameError
        If the file is damaged or has no such image.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from emirimg.io import read_plane
    >>> from emirimg.simulation import Scene, write_tutorial
    >>> scene = Scene(shape=(32, 32), n_exposures=1, n_stars=1, n_galaxies=0)
    >>> with TemporaryDirectory() as directory:
    ...     tree = write_tutorial(directory, scene)
    ...     data, header = read_plane(tree.bad_pixel_mask)
    >>> data.dtype.name, int(data.max())
    ('uint8', 1)
    """
    path = Path(path)
    with open_fits(path, "an image (FITS)") as hdus:
        known = ", ".join(f"{i} {hdu.name}".strip() for i, hdu in enumerate(hdus))
        if extension is None:
            extension = next((i for i, hdu in enumerate(hdus) if _is_image(hdu)), 0)
        try:
            hdu = hdus[extension]
        except (KeyError, IndexError):
            msg = f"{path} has no extension {extension!r}; it has (from 0) {known}"
            raise FrameError(msg) from None
        if not _is_image(hdu):
            msg = f"{path} has no image of two axes in extension {extension!r}; it has {known}"
            raise FrameError(msg)
        header = hdu.header.copy()
        header.extend(hdus[0].header, unique=True)
        return np.require(hdu.data, requirements="W"), header


def read_list(path: str | Path) -> list[Path]:
    r"""Read the names of files: the first word of each line that does not start with #.

    Raises
    ------
    InputError
        If the file cannot be read or has no names.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> from emirimg.io import read_list
    >>> with TemporaryDirectory() as directory:
    ...     path = Path(directory) / "list.txt"
    ...     _ = path.write_text("# exposures\ne1.fits J\ne2.fits J\n")
    ...     print([one.name for one in read_list(path)])
    ['e1.fits', 'e2.fits']
    """
    path = Path(path)
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        msg = f"{path} cannot be read ({error}); a list of files was expected"
        raise InputError(msg) from None
    names = [line.split()[0] for line in lines if line.strip() and not line.startswith("#")]
    if not names:
        msg = f"{path} names no files"
        raise InputError(msg)
    return [Path(name) for name in names]


def _is_image(hdu: Any) -> bool:
    return hdu.is_image and hdu.header["NAXIS"] == 2 and hdu.size > 0
