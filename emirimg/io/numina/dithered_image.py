"""The combined image, in the layout that ``numina`` gives it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
from astropy.io import fits
from astropy.wcs import WCS
from numpy.typing import NDArray

from .._fits import for_writing
from ._signed import now, plain_header, sign, write_hdus

__all__ = ["write_dithered_image"]


def write_dithered_image(
    path: str | Path,
    data: NDArray[np.float32],
    variance: NDArray[np.float32],
    coverage: NDArray[np.int16],
    *,
    wcs: WCS,
    children: Iterable[fits.Header],
    shape: tuple[int, int],
    method: str,
    history: Iterable[str] = (),
    pipeline: str = "default",
) -> str:
    """Write the result of the mode FULL_DITHERED_IMAGE.

    Parameters
    ----------
    path : path
        FITS file to write.
    data, variance, coverage : `~numpy.ndarray`
        Image, its variance and the number of exposures, shape (ny, nx).
    wcs : `~astropy.wcs.WCS`
        WCS of the image.
    children : iterable of `~astropy.io.fits.Header`
        Headers of the images that were combined, in order of time.
    shape : tuple of int
        Shape (ny, nx) of the images that were combined.
    method : str
        How they were combined.
    history : iterable of str, optional
        Further remarks.
    pipeline : str, optional
        Name of a set of recipes.

    Returns
    -------
    str
        UUID of the image.

    Notes
    -----
    The extensions are VARIANCE and MAP (int16). NVALREGI says which part of
    the image, ``[y0:y1,x0:x1]`` (0-based, ends excluded), the first exposure
    covers.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> import numpy as np
    >>> from astropy.io import fits
    >>> from emirimg.io import write_dithered_image
    >>> from emirimg.simulation import Scene
    >>> scene = Scene(shape=(32, 32), n_stars=0, n_galaxies=0, n_exposures=2)
    >>> frames = [scene.exposure(index) for index in range(2)]
    >>> mean = (frames[0].data + frames[1].data) / 2
    >>> with TemporaryDirectory() as directory:
    ...     path = f"{directory}/reduced_image.fits"
    ...     _ = write_dithered_image(
    ...         path, mean, mean / 10, np.full((32, 32), 2, "i2"), wcs=frames[0].wcs,
    ...         children=[frame.header for frame in frames], shape=(32, 32), method="mean",
    ...     )
    ...     print(fits.getheader(path)["NUM-NCOM"])
    2
    """
    children = list(children)
    first = children[0]
    header = plain_header(first)
    for key in ("HISTORY", "COMMENT"):
        header.remove(key, ignore_missing=True, remove_all=True)
    dx, dy = np.rint(wcs.wcs.crpix - [first["CRPIX1"], first["CRPIX2"]]).astype(int)
    header["CRPIX1"], header["CRPIX2"] = map(float, wcs.wcs.crpix)
    header["OBSMODE"] = "FULL_DITHERED_IMAGE"
    if "TSUTC2" in children[-1]:
        header["TSUTC2"] = children[-1]["TSUTC2"]
    name = sign(header, "full_dithered_image", len(children), pipeline)
    ny, nx = shape
    header["NVALREGI"] = (f"[{dy}:{dy + ny},{dx}:{dx + nx}]", "place of the first exposure (y, x)")
    header.add_history(f"Combined {len(children)} images using '{method}'")
    header.add_history(f"Combination time {now()}")
    for child in children:
        header.add_history(f"Image {child.get('UUID', '')}")
    for text in history:
        header.add_history(text)
    hdus = fits.HDUList(
        [
            fits.PrimaryHDU(for_writing(data, np.float32), header=header),
            fits.ImageHDU(for_writing(variance, np.float32), name="VARIANCE"),
            fits.ImageHDU(for_writing(coverage, np.int16), name="MAP"),
        ]
    )
    write_hdus(path, hdus)
    return name
