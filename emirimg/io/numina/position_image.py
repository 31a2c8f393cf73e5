"""The image of one position, in the layout that ``numina`` gives it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import astropy.units as u
import numpy as np
from astropy.io import fits
from astropy.nddata import CCDData
from numpy.typing import DTypeLike, NDArray

from ..._lazy import LazyFrame, each_row
from ..._parallel import row_bands
from ...exceptions import FrameError
from .._fits import for_writing, forget_storage, open_fits
from .._stored import stored_planes
from .._wcs import celestial_wcs
from ._signed import now, plain_header, sign, write_hdus

__all__ = ["PositionImage", "read_position_image", "write_position_image"]

_POSITION = "the image of one position (FITS)"
_OTHER_PLANES = ("BPM", "ICHANNEL")
_BAND = 256
_OF_DISTORTION = ("PV2_2", "PV2_3", "PV2_4", "PV2_5")
_KEYWORDS = {"bad_pixels": "NUM-BPM", "bias": "NUM-BS", "dark": "NUM-DK", "flat": "NUM-FF"}
_NAMES = {"bad_pixels": "BPM", "bias": "Bias", "dark": "Dark", "flat": "Flat-field"}


@dataclass(frozen=True)
class PositionImage:
    """The result of the mode STARE_IMAGE.

    Parameters
    ----------
    frame : `~astropy.nddata.CCDData`
        Image with its mask and WCS.
    channels : `~numpy.ndarray` of uint8 or None
        Readout channel (1 to 32) of each pixel, where it is known.

    Examples
    --------
    >>> import numpy as np
    >>> from astropy.nddata import CCDData
    >>> from emirimg.instrument import H2RG
    >>> from emirimg.io import PositionImage
    >>> frame = CCDData(np.zeros((2048, 2048), "f4"), unit="adu")
    >>> image = PositionImage(frame, channels=H2RG.channel_numbers())
    >>> int(image.channels.max())
    32
    """

    frame: CCDData
    channels: NDArray[np.uint8] | None = None


def write_position_image(
    path: str | Path,
    image: PositionImage,
    *,
    exposures: Iterable[str],
    calibrations: Mapping[str, str],
    method: str,
    pipeline: str = "default",
) -> str:
    """Write the result of the mode STARE_IMAGE.

    Parameters
    ----------
    path : path
        FITS file to write.
    image : PositionImage
        Image whose header is that of the first exposure.
    exposures : iterable of str
        Identifiers of the exposures.
    calibrations : mapping
        Kind (bad_pixels, bias, dark, flat) to identifier.
    method : str
        How it was resampled, or ``none``.
    pipeline : str, optional
        Name of a set of recipes.

    Returns
    -------
    str
        UUID of the image.

    Notes
    -----
    The extension BPM is 1 where a pixel must not be used; ICHANNEL, where the
    channels are known, holds their numbers.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from emirimg.io import PositionImage, read_position_image, write_position_image
    >>> from emirimg.simulation import Scene
    >>> raw = Scene(shape=(32, 32), n_stars=0, n_galaxies=0).exposure(0)
    >>> with TemporaryDirectory() as directory:
    ...     path = f"{directory}/reduced_image.fits"
    ...     uuid = write_position_image(
    ...         path, PositionImage(raw), exposures=["uuid:1"], calibrations={}, method="none"
    ...     )
    ...     image = read_position_image(path)
    >>> len(uuid), image.frame.shape
    (36, (32, 32))
    """
    exposures = list(exposures)
    header = plain_header(image.frame.meta)
    if method != "none":
        for key in _OF_DISTORTION:
            header.remove(key, ignore_missing=True)
    header["EXP"] = (0, "the exposures at this place were averaged")
    name = sign(header, "stare_image", len(exposures), pipeline)
    time = now()
    header.add_history(f"Combined {len(exposures)} images using 'mean'")
    header.add_history(f"Combination time {time}")
    for exposure in exposures:
        header.add_history(f"Image {exposure}")
    for kind, calibration in calibrations.items():
        header[_KEYWORDS[kind]] = calibration
        header.add_history(f"{_NAMES[kind]} correction with {calibration}")
    if method != "none":
        header.add_history(f"Reprojection using {method}")
        header.add_history(f"Reprojection time {time}")
    frame = image.frame
    mask = np.zeros(frame.shape, np.uint8) if frame.mask is None else frame.mask.astype(np.uint8)
    hdus = fits.HDUList(
        [
            fits.PrimaryHDU(for_writing(frame.data, np.float32), header=header),
            fits.ImageHDU(mask, name="BPM"),
        ]
    )
    if image.channels is not None:
        hdus.append(fits.ImageHDU(image.channels.astype(np.uint8), name="ICHANNEL"))
    write_hdus(path, hdus)
    return name


def read_position_image(path: str | Path, *, in_memory: bool = True) -> PositionImage:
    """Read the result of the mode STARE_IMAGE, whoever wrote it.

    Parameters
    ----------
    path : path
        FITS file.
    in_memory : bool, optional
        Whether the pixels are read at once. Otherwise they are looked through
        once, and stay in the file until some rows of them are wanted, unless
        the file is compressed. Default: at once.

    Returns
    -------
    PositionImage
        Image in adu, float32. The mask is `None` if the file has no extension
        BPM.

    Raises
    ------
    FrameError
        If the file is damaged, or its planes have different shapes.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from emirimg.io import PositionImage, read_position_image, write_position_image
    >>> from emirimg.simulation import Scene
    >>> raw = Scene(shape=(32, 32), n_stars=0, n_galaxies=0).exposure(0)
    >>> with TemporaryDirectory() as directory:
    ...     path = f"{directory}/reduced_image.fits"
    ...     _ = write_position_image(
    ...         path, PositionImage(raw), exposures=["uuid:1"], calibrations={}, method="none"
    ...     )
    ...     image = read_position_image(path, in_memory=False)  # rows are read when wanted
    ...     print(image.frame.data[3:5].shape)
    (2, 32)
    """
    path = Path(path)
    stored = None if in_memory else stored_planes(path, _POSITION)
    header, planes = stored or _read_planes(path)
    data = planes["PRIMARY"]
    for name in _OTHER_PLANES:
        plane = planes.get(name)
        if name in planes and (plane is None or plane.shape != data.shape):
            found = None if plane is None else plane.shape
            msg = f"{path} has an image of the shape {data.shape}, but {name} has {found}"
            raise FrameError(msg)
    made = _now_made if stored is None else each_row
    mask = made(_is_bad, planes["BPM"], dtype=bool) if "BPM" in planes else None
    bands = row_bands(data.shape[0], _BAND)
    if not all(np.isfinite(data[rows]).all() for rows in bands):
        lost = made(_is_lost, data, dtype=bool)
        mask = lost if mask is None else made(np.logical_or, mask, lost, dtype=bool)
        data = made(_without_lost, data, dtype=np.float32)
    forget_storage(header)
    kind = CCDData if stored is None else LazyFrame
    frame = kind(data, unit=u.adu, mask=mask, meta=header, wcs=celestial_wcs(path, header))
    return PositionImage(frame, planes.get("ICHANNEL"))


def _read_planes(path: Path) -> tuple[fits.Header, dict[str, NDArray]]:
    """Return the header and the planes of an image in memory."""
    with open_fits(path, _POSITION) as hdus:
        if hdus[0].header["NAXIS"] != 2:
            msg = f"{path} has no image of two axes; {_POSITION} was expected"
            raise FrameError(msg)
        planes = {"PRIMARY": np.ascontiguousarray(hdus[0].data, dtype=np.float32)}
        planes |= {name: hdus[name].data for name in _OTHER_PLANES if name in hdus}
        return hdus[0].header.copy(), planes


def _now_made(function: Callable[..., NDArray], *planes: NDArray, dtype: DTypeLike) -> NDArray:
    """Do now what `each_row` does when it is asked to."""
    return function(*planes).astype(dtype, copy=False)


def _is_bad(plane: NDArray) -> NDArray[np.bool_]:
    return plane != 0


def _is_lost(data: NDArray[np.float32]) -> NDArray[np.bool_]:
    return ~np.isfinite(data)


def _without_lost(data: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.where(np.isfinite(data), data, np.float32(0))
