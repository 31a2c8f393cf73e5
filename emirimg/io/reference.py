"""Catalogues of reference stars."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from pathlib import Path

import astropy.units as u
import numpy as np
from astropy.coordinates import Angle
from astropy.table import MaskedColumn, Table
from numpy.typing import NDArray

from ..alignment import ReferenceCatalogue
from ..exceptions import InputError
from .checksum import sha256

__all__ = ["read_reference_catalogue"]

_FORMATS = {".fits": "fits", ".fit": "fits", ".ecsv": "ascii.ecsv", ".csv": "ascii.csv"}
_RA = ("ra", "raj2000", "ra_icrs", "_raj2000", "ra_deg", "radeg", "alpha_j2000")
_DEC = ("dec", "dej2000", "de_icrs", "_dej2000", "dec_deg", "dedeg", "delta_j2000", "decj2000")
_BANDS = {"K": ("k", "ks"), "KS": ("ks", "k"), "KSHORT": ("ks", "k")}


def read_reference_catalogue(path: str | Path, filter_name: str = "") -> ReferenceCatalogue:
    """Read places and magnitudes of stars from a table.

    Parameters
    ----------
    path : str or `~pathlib.Path`
        Table in FITS, ECSV or CSV (suffix .fits, .ecsv, .csv).
    filter_name : str, optional
        Filter of the exposures. Its first word chooses the column of the
        magnitudes, see Notes. Default: unknown.

    Returns
    -------
    ReferenceCatalogue
        Entries without a place are left out.

    Raises
    ------
    InputError
        If the file cannot be read or has no columns of right ascension and
        declination.

    Notes
    -----
    Columns are known by their names, in any case: ``ra``, ``RAJ2000``,
    ``RA_ICRS``, ... and ``dec``, ``DEJ2000``, ``DE_ICRS``, ...; magnitudes, for the
    filter J for example, ``Jmag``, ``j_m`` (as 2MASS calls them), ``mag_J``, ``J``,
    then ``mag``; their errors ``e_Jmag``, ``j_msigcom``, ``mag_err``, ... Places
    without a unit are degrees; texts are hours and degrees.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from astropy.table import Table
    >>> from emirimg.io import read_reference_catalogue
    >>> table = Table({"RAJ2000": [40.01], "DEJ2000": [-1.5], "Jmag": [15.2], "Hmag": [14.9]})
    >>> with TemporaryDirectory() as directory:
    ...     table.write(f"{directory}/2mass.ecsv")
    ...     catalogue = read_reference_catalogue(f"{directory}/2mass.ecsv", "J")
    >>> catalogue.magnitude
    array([15.2])
    """
    path = Path(path)
    if path.suffix.lower() not in _FORMATS:
        msg = f"{path}: a catalogue was expected in a file of suffix {', '.join(_FORMATS)}"
        raise InputError(msg)
    try:
        with warnings.catch_warnings():
            # Units that astropy does not know are no reason to refuse a catalogue.
            warnings.simplefilter("ignore", u.UnitsWarning)
            table = Table.read(path, format=_FORMATS[path.suffix.lower()])
    except (OSError, ValueError) as error:
        msg = f"{path} cannot be read as a table: {error}"
        raise InputError(msg) from error
    columns = {name.lower(): name for name in table.colnames}
    places = []
    for names, unit in ((_RA, u.hourangle), (_DEC, u.deg)):
        name = _first(columns, names)
        if name is None:
            msg = (
                f"{path} has no column {' or '.join(names[:3])}; it has"
                f" {', '.join(table.colnames)}"
            )
            raise InputError(msg)
        places.append(_degrees(table[name], unit))
    ra, dec = places
    magnitude, error_of_magnitude = _magnitudes(table, columns, filter_name)
    known = np.isfinite(ra) & np.isfinite(dec)
    stars = (values[known] for values in (ra, dec, magnitude, error_of_magnitude))
    return ReferenceCatalogue(path.name, *stars, sha256(path))


def _magnitudes(
    table: Table, columns: dict[str, str], filter_name: str
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    band = filter_name.strip().partition(" ")[0].upper()
    stems = [
        form.format(letter)
        for letter in (_BANDS.get(band, (band.lower(),)) if band else ())
        for form in ("{}mag", "{}_m", "mag_{}", "{}_mag", "{}")
    ]
    name = _first(columns, [*stems, "mag", "magnitude"])
    unknown = np.full(len(table), np.nan)
    if name is None:
        return unknown, unknown
    stem = name.lower()
    forms = ("e_{}", "{}sigcom", "{}_err", "{}_error", "{}err", "err_{}", "{}sig")
    of_error = _first(columns, [form.format(stem) for form in forms])
    return _numbers(table[name]), unknown if of_error is None else _numbers(table[of_error])


def _first(columns: dict[str, str], names: Iterable[str]) -> str | None:
    return next((columns[name] for name in names if name in columns), None)


def _degrees(column: MaskedColumn, unit_of_text: u.UnitBase) -> NDArray[np.float64]:
    if column.dtype.kind in "US":
        return Angle(list(column), unit=unit_of_text).to_value(u.deg)
    unit = getattr(column, "unit", None)
    numbers = _numbers(column)
    if isinstance(unit, u.UnitBase) and unit.is_equivalent(u.deg):
        return (numbers * unit).to_value(u.deg)
    return numbers


def _numbers(column: MaskedColumn) -> NDArray[np.float64]:
    """Return floats, NaN where the table has no value."""
    values = getattr(column, "value", column)
    return np.ma.filled(np.ma.asarray(values).astype(float), np.nan)
