"""Mosaics and other results."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from astropy.io import fits
from astropy.table import Table

from .._version import version
from ..combine.mosaic import Mosaic
from ..exceptions import FrameError, InputError
from ..instrument import clean_wcs_header, frame_wcs
from ..projection.grid import MosaicGrid
from ._fits import for_writing, forget_storage, open_fits, wcs_header
from .atomic import replacing

__all__ = [
    "read_mosaic",
    "read_provenance",
    "sha256",
    "write_json",
    "write_mosaic",
    "write_table",
]

_MOSAIC = "a mosaic written by emirimg (FITS)"
_PLANES = {
    "UNCERT": ("variance", np.float32, "adu2"),
    "MASK": ("mask", np.uint8, ""),
    "MAP": ("coverage", np.int16, ""),
    "EXPTIME": ("exposure", np.float32, "s"),
}
_PIECE = 2**23
_TABLE_FORMATS = {".ecsv": "ascii.ecsv", ".fits": "fits", ".csv": "ascii.csv"}


def write_mosaic(
    path: str | Path,
    mosaic: Mosaic,
    *,
    provenance: Iterable[tuple[str, str, str]] = (),
    overwrite: bool = False,
) -> Path:
    """Write a mosaic with all its planes.

    Parameters
    ----------
    path : str or `~pathlib.Path`
        FITS file to write.
    mosaic : Mosaic
        What to write.
    provenance : iterable of tuple of str, optional
        Rows (kind, name, value) of the table PROVENANCE: of an input its
        kind, the name of its file and its sha256; of a strategy the word
        ``strategy``, its role and its parameters as JSON.
    overwrite : bool, optional
        Whether a file of that name may be replaced. Default: no.

    Returns
    -------
    `~pathlib.Path`
        The file.

    Notes
    -----
    The image is in the primary HDU, so that `~astropy.nddata.CCDData.read`
    opens the file as it is, with its variance (extension UNCERT) and its mask
    (MASK, 1: do not use). The other extensions are MAP, the number of
    exposures, and EXPTIME, the time on the sky in seconds. Every HDU has the
    keywords CHECKSUM and DATASUM.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> import numpy as np
    >>> from astropy.io.fits import Header
    >>> from astropy.nddata import CCDData
    >>> from emirimg.combine import Mosaic
    >>> from emirimg.io import write_mosaic
    >>> from emirimg.projection import MosaicGrid
    >>> from emirimg.simulation import Scene
    >>> grid = MosaicGrid.covering([Scene(shape=(32, 32)).truth.wcs(0)], [(32, 32)])
    >>> one = np.ones(grid.shape, dtype="f4")
    >>> mosaic = Mosaic(grid, one, one, one > 1, one.astype("i2"), 30 * one, Header())
    >>> with TemporaryDirectory() as directory:
    ...     path = write_mosaic(f"{directory}/mosaic.fits", mosaic)
    ...     image = CCDData.read(path)
    >>> image.unit, image.uncertainty.uncertainty_type
    (Unit("adu"), 'var')
    """
    path = Path(path)
    place = wcs_header(mosaic.grid.wcs)
    header = clean_wcs_header(mosaic.header)
    forget_storage(header)
    header.update(place)
    header["BUNIT"] = ("adu", "in the scale of one exposure")
    header["EMIRIMG"] = (version, "version of emirimg")
    hdus = fits.HDUList([fits.PrimaryHDU(for_writing(mosaic.data, np.float32), header=header)])
    for name, (attribute, dtype, unit) in _PLANES.items():
        plane = fits.ImageHDU(
            for_writing(getattr(mosaic, attribute), dtype), header=place.copy(), name=name
        )
        if unit:
            plane.header["BUNIT"] = unit
        hdus.append(plane)
    hdus["UNCERT"].header["UTYPE"] = ("VarianceUncertainty", "what the uncertainties are")
    hdus.append(_provenance_table(provenance))
    with replacing(path, overwrite=overwrite) as temporary:
        hdus.writeto(temporary, checksum=True)
    return path


def read_mosaic(path: str | Path) -> Mosaic:
    """Read a mosaic that `write_mosaic` has written.

    Parameters
    ----------
    path : str or `~pathlib.Path`
        FITS file.

    Returns
    -------
    Mosaic

    Raises
    ------
    FrameError
        If the file is damaged or some of its planes are missing.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> import numpy as np
    >>> from astropy.io.fits import Header
    >>> from emirimg.combine import Mosaic
    >>> from emirimg.io import read_mosaic, write_mosaic
    >>> from emirimg.projection import MosaicGrid
    >>> from emirimg.simulation import Scene
    >>> grid = MosaicGrid.covering([Scene(shape=(32, 32)).truth.wcs(0)], [(32, 32)])
    >>> one = np.ones(grid.shape, dtype="f4")
    >>> mosaic = Mosaic(grid, one, one, one > 1, one.astype("i2"), 30 * one, Header())
    >>> with TemporaryDirectory() as directory:
    ...     again = read_mosaic(write_mosaic(f"{directory}/mosaic.fits", mosaic))
    >>> float(again.exposure.max()), int(again.coverage.max())
    (30.0, 1)
    """
    path = Path(path)
    with open_fits(path, _MOSAIC) as hdus:
        missing = [name for name in _PLANES if name not in hdus]
        if missing or hdus[0].data is None or hdus[0].data.ndim != 2:
            lacks = f"extensions {', '.join(missing)}" if missing else "image"
            msg = f"{path} has no {lacks}; {_MOSAIC} was expected"
            raise FrameError(msg)
        shapes = {hdu.name: hdu.shape for hdu in (hdus[0], *(hdus[name] for name in _PLANES))}
        if len(set(shapes.values())) > 1:
            msg = f"{path} has planes of different shapes: {shapes}"
            raise FrameError(msg)
        planes = {
            attribute: for_writing(hdus[name].data, dtype)
            for name, (attribute, dtype, _) in _PLANES.items()
        }
        data = for_writing(hdus[0].data, np.float32)
        header = hdus[0].header.copy()
    planes["mask"] = planes["mask"].astype(bool)
    try:
        grid = MosaicGrid(frame_wcs(header), data.shape)
    except ValueError as error:
        msg = f"{path} has no usable WCS: {error}"
        raise FrameError(msg) from error
    header = clean_wcs_header(header)
    forget_storage(header)
    return Mosaic(grid=grid, data=data, header=header, **planes)


def read_provenance(path: str | Path) -> list[tuple[str, str, str]]:
    """Read the rows (kind, name, value) of the provenance of a mosaic.

    Raises
    ------
    FrameError
        If the file is damaged or has no such table.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> import numpy as np
    >>> from astropy.io.fits import Header
    >>> from emirimg.combine import Mosaic
    >>> from emirimg.io import read_provenance, write_mosaic
    >>> from emirimg.projection import MosaicGrid
    >>> from emirimg.simulation import Scene
    >>> grid = MosaicGrid.covering([Scene(shape=(32, 32)).truth.wcs(0)], [(32, 32)])
    >>> one = np.ones(grid.shape, dtype="f4")
    >>> mosaic = Mosaic(grid, one, one, one > 1, one.astype("i2"), 30 * one, Header())
    >>> with TemporaryDirectory() as directory:
    ...     path = f"{directory}/mosaic.fits"
    ...     _ = write_mosaic(path, mosaic, provenance=[("flat", "flat_J.fits", "0a1b")])
    ...     print(read_provenance(path))
    [('flat', 'flat_J.fits', '0a1b')]
    """
    path = Path(path)
    with open_fits(path, _MOSAIC) as hdus:
        if "PROVENANCE" not in hdus:
            msg = f"{path} has no extension PROVENANCE; {_MOSAIC} was expected"
            raise FrameError(msg)
        rows = hdus["PROVENANCE"].data
        return [(str(row["KIND"]), str(row["NAME"]), str(row["VALUE"])) for row in rows]


def sha256(path: str | Path) -> str:
    """Return the SHA-256 checksum of a file, in hexadecimal digits.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> from emirimg.io import sha256
    >>> with TemporaryDirectory() as directory:
    ...     path = Path(directory) / "a.txt"
    ...     _ = path.write_text("flat")
    ...     print(sha256(path)[:16])
    5dc27af287fa554a
    """
    found = hashlib.sha256()
    # In few steps: after each of them, a thread that loads modules may have to be waited for.
    piece = memoryview(bytearray(_PIECE))
    with Path(path).open("rb", buffering=0) as stream:
        while n := stream.readinto(piece):
            found.update(piece[:n])
    return found.hexdigest()


def write_json(path: str | Path, content: Any, *, overwrite: bool = False) -> Path:
    """Write numbers, texts, lists and mappings as JSON.

    Parameters
    ----------
    path : str or `~pathlib.Path`
        File to write.
    content : object
        What to write; numbers must be finite.
    overwrite : bool, optional
        Whether a file of that name may be replaced. Default: no.

    Returns
    -------
    `~pathlib.Path`
        The file.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from emirimg.io import write_json
    >>> with TemporaryDirectory() as directory:
    ...     path = write_json(f"{directory}/numbers.json", {"seeing": 0.81})
    ...     print(path.read_text())
    {
      "seeing": 0.81
    }
    <BLANKLINE>
    """
    path = Path(path)
    text = json.dumps(content, indent=2, allow_nan=False)
    with replacing(path, overwrite=overwrite) as temporary:
        temporary.write_text(text + "\n", encoding="utf-8")
    return path


def write_table(path: str | Path, table: Table, *, overwrite: bool = False) -> Path:
    """Write a table in the format that the suffix names: .ecsv, .fits or .csv.

    Parameters
    ----------
    path : str or `~pathlib.Path`
        File to write.
    table : `~astropy.table.Table`
        What to write.
    overwrite : bool, optional
        Whether a file of that name may be replaced. Default: no.

    Returns
    -------
    `~pathlib.Path`
        The file.

    Raises
    ------
    InputError
        If the suffix is another one.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from astropy.table import Table
    >>> from emirimg.io import write_table
    >>> with TemporaryDirectory() as directory:
    ...     path = write_table(f"{directory}/stars.ecsv", Table({"mag": [15.2, 16.1]}))
    ...     print(Table.read(path)["mag"].tolist())
    [15.2, 16.1]
    """
    path = Path(path)
    if path.suffix not in _TABLE_FORMATS:
        known = ", ".join(_TABLE_FORMATS)
        msg = f"{path}: tables are not written as {path.suffix!r}; known are {known}"
        raise InputError(msg)
    with replacing(path, overwrite=overwrite) as temporary:
        table.write(temporary, format=_TABLE_FORMATS[path.suffix])
    return path


def _provenance_table(rows: Iterable[tuple[str, str, str]]) -> fits.BinTableHDU:
    columns = list(zip(*rows, strict=True)) or [(), (), ()]
    return fits.BinTableHDU.from_columns(
        [
            fits.Column(name, f"{max([1, *map(len, texts)])}A", array=np.array(texts, dtype="S"))
            for name, texts in zip(("KIND", "NAME", "VALUE"), map(_ascii, columns), strict=True)
        ],
        name="PROVENANCE",
    )


def _ascii(texts: Iterable[str]) -> list[bytes]:
    """Encode as FITS tables must; other letters become escapes such as \\xe9."""  # noqa: D301
    return [text.encode("ascii", "backslashreplace") for text in texts]
