"""Look at files before any work is done with them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from astropy.io import fits

from ..exceptions import FrameError
from ..instrument import Detector, ExposureMetadata, read_metadata
from ._first_image import read_first_header
from .headers import read_header, require_exposure_shape

__all__ = ["ExposureFacts", "image_shape", "inspect_exposure", "shape_of"]


@dataclass(frozen=True)
class ExposureFacts:
    """What the header of an exposure says.

    Parameters
    ----------
    metadata : ExposureMetadata
        Its keywords.
    shape : tuple of int
        Shape (ny, nx) of its image.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from emirimg.io import inspect_exposure
    >>> from emirimg.simulation import Scene, write_tutorial
    >>> scene = Scene(shape=(32, 32), n_exposures=1, n_stars=1, n_galaxies=0)
    >>> with TemporaryDirectory() as directory:
    ...     tree = write_tutorial(directory, scene)
    ...     facts = inspect_exposure(tree.exposures[0])
    >>> facts.shape, facts.metadata.filter_name
    ((32, 32), 'F1230')
    """

    metadata: ExposureMetadata
    shape: tuple[int, int]


def inspect_exposure(path: str | Path, *, detector: Detector | None = None) -> ExposureFacts:
    """Read the header of a raw exposure and refuse what `read_frame` would refuse.

    Parameters
    ----------
    path : path
        FITS file.
    detector : Detector, optional
        The detector that took it. Default: what the header says.

    Returns
    -------
    ExposureFacts

    Raises
    ------
    FrameError
        If the file does not exist, is not FITS, or has no image of the shape
        of its detector or no celestial WCS.
    MetadataError
        If a keyword that the reduction needs is missing or impossible.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from emirimg.exceptions import EmirimgError
    >>> from emirimg.io import inspect_exposure
    >>> from emirimg.simulation import Scene, write_tutorial
    >>> scene = Scene(shape=(32, 32), n_exposures=1, n_stars=1, n_galaxies=0)
    >>> with TemporaryDirectory() as directory:
    ...     tree = write_tutorial(directory, scene)
    ...     print(inspect_exposure(tree.exposures[0]).shape)
    ...     try:
    ...         inspect_exposure(tree.flat)
    ...     except EmirimgError as error:
    ...         print(str(error).partition(tree.flat.name)[2])
    (32, 32)
     has the shape (32, 32), but an exposure of the detector HAWAII-2 has the shape ...
    """
    header = read_header(path)
    if detector is not None:
        header["INSCONF"] = detector.uuid
    metadata = read_metadata(header, source=str(path))
    shape = shape_of(header, path)
    require_exposure_shape(shape, Path(path), header, metadata.detector)
    types = [str(header.get(f"CTYPE{axis}", "")) for axis in (1, 2)]
    if not (types[0].startswith("RA--") and types[1].startswith("DEC-")):
        msg = f"{path} has no celestial WCS: CTYPE1 and CTYPE2 are {types}"
        raise FrameError(msg)
    return ExposureFacts(metadata, shape)


def image_shape(path: str | Path) -> tuple[int, int]:
    """Return the shape (ny, nx) of the image in a file, by its header.

    Raises
    ------
    FrameError
        If the file does not exist, is not FITS or has no image of two axes.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from emirimg.io import image_shape
    >>> from emirimg.simulation import Scene, write_tutorial
    >>> scene = Scene(shape=(32, 48), n_exposures=1, n_stars=1, n_galaxies=0)
    >>> with TemporaryDirectory() as directory:
    ...     tree = write_tutorial(directory, scene)
    ...     print(image_shape(tree.flat))
    (32, 48)
    """
    return shape_of(read_first_header(Path(path), "an image (FITS)"), path)


def shape_of(header: fits.Header, path: str | Path) -> tuple[int, int]:
    """Return the shape (ny, nx) of the image whose header was read from a file.

    Raises
    ------
    FrameError
        If it has not two axes.

    Examples
    --------
    >>> from astropy.io import fits
    >>> from emirimg.io import shape_of
    >>> shape_of(fits.Header({"NAXIS": 2, "NAXIS1": 48, "NAXIS2": 32}), "e1.fits")
    (32, 48)
    """
    if header.get("NAXIS") != 2:
        msg = f"{path} has an image of {header.get('NAXIS')} axes; 2 were expected"
        raise FrameError(msg)
    return int(header["NAXIS2"]), int(header["NAXIS1"])
