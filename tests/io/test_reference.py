"""Catalogues of reference stars in their common dresses."""

import numpy as np
import pytest
from astropy.table import MaskedColumn, Table

from emirimg.exceptions import InputError
from emirimg.io import read_reference_catalogue


def write(path, **columns):
    Table(columns).write(
        path, format={"fits": "fits", "csv": "csv"}.get(path.suffix[1:], "ascii.ecsv")
    )
    return path


@pytest.mark.parametrize("suffix", ["fits", "csv", "ecsv"])
def test_plain_columns(tmp_path, suffix):
    path = write(tmp_path / f"stars.{suffix}", ra=[10.0, 11.0], dec=[-1.0, 2.0], mag=[14.0, 15.5])
    found = read_reference_catalogue(path)
    assert found.name == path.name
    assert len(found) == 2
    np.testing.assert_allclose(found.ra, [10, 11])
    np.testing.assert_allclose(found.dec, [-1, 2])
    np.testing.assert_allclose(found.magnitude, [14, 15.5])
    assert np.isnan(found.magnitude_error).all()


def test_columns_of_2mass(tmp_path):
    path = write(
        tmp_path / "2mass.csv", RAJ2000=[10.0], DEJ2000=[-1.0], j_m=[15.0], h_m=[14.5], k_m=[14.0],
        k_msigcom=[0.03],
    )  # fmt: skip
    assert read_reference_catalogue(path, "J").magnitude[0] == 15.0
    short = read_reference_catalogue(path, "Ks")
    assert short.magnitude[0] == 14.0
    assert short.magnitude_error[0] == 0.03
    assert np.isnan(read_reference_catalogue(path, "Y").magnitude[0])


def test_columns_of_vizier(tmp_path):
    path = write(
        tmp_path / "vizier.fits", RAJ2000=[10.0], DEJ2000=[1.0], Jmag=[15.0], e_Jmag=[0.1]
    )
    found = read_reference_catalogue(path, "J")
    assert (found.magnitude[0], found.magnitude_error[0]) == (15.0, 0.1)


def test_hours_as_texts_and_gaps(tmp_path):
    mag = MaskedColumn([14.0, 15.0], mask=[False, True])
    path = write(
        tmp_path / "t.ecsv", ra=["02:40:00", "02:40:04"], dec=["-01:30:00", "-01:30:30"], mag=mag
    )
    found = read_reference_catalogue(path)
    np.testing.assert_allclose(found.ra, [40, 40 + 1 / 60])
    np.testing.assert_allclose(found.dec[0], -1.5)
    np.testing.assert_array_equal(np.isnan(found.magnitude), [False, True])


def test_what_is_no_catalogue(tmp_path):
    with pytest.raises(InputError, match="no column ra or raj2000"):
        read_reference_catalogue(write(tmp_path / "a.csv", x=[1.0], dec=[2.0]))
    with pytest.raises(InputError, match=r"suffix .fits"):
        read_reference_catalogue(tmp_path / "a.txt")
    broken = tmp_path / "broken.fits"
    broken.write_text("no table")
    with pytest.raises(InputError, match="cannot be read as a table"):
        read_reference_catalogue(broken)
