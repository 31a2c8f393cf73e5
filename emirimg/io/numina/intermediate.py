"""Images on the way to a result, kept where observers look for them."""

from __future__ import annotations

from pathlib import Path

from astropy.io import fits
from astropy.nddata import CCDData

from ..._lazy import Plane
from ...calibration._frames import changed, variance_of
from .._stored import write_plane
from .._wcs import wcs_header
from ..atomic import replacing

__all__ = ["write_intermediate_image"]


def write_intermediate_image(directory: str | Path, name: str, image: CCDData) -> CCDData:
    """Write an intermediate image for the eyes of the observer.

    Parameters
    ----------
    directory : path
        Where to write.
    name : str
        Name of the file, without ``.fits``.
    image : `~astropy.nddata.CCDData`
        Image, of which the data are written with their WCS, and the variance,
        where there is one, to the extension VARIANCE.

    Returns
    -------
    `~astropy.nddata.CCDData`
        The same image, but data and variance are read from the file when their
        rows are wanted.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from emirimg.io import write_intermediate_image
    >>> from emirimg.simulation import Scene
    >>> raw = Scene(shape=(32, 32), n_stars=0, n_galaxies=0).exposure(0)
    >>> with TemporaryDirectory() as directory:
    ...     image = write_intermediate_image(directory, "result_i0", raw)
    ...     print(bool((image.data[:4] == raw.data[:4]).all()))
    True
    """
    path = Path(directory) / f"{name}.fits"
    header = None if image.wcs is None else wcs_header(image.wcs)
    variance: Plane | None = variance_of(image)
    with replacing(path, overwrite=True) as temporary, temporary.open("wb") as stream:
        data = write_plane(stream, path, image.data, fits.PrimaryHDU, header=header)
        if variance is not None:
            variance = write_plane(stream, path, variance, fits.ImageHDU, name="VARIANCE")
    return changed(image, data=data, variance=variance)
