"""Mosaics as different programs write them."""

import numpy as np
import pytest
from astropy.io import fits
from astropy.wcs import WCS

from emirimg.exceptions import FrameError
from emirimg.io import read_image_planes

SHAPE = (5, 6)


def place(ctype="TAN", scale=0.2):
    wcs = WCS(naxis=2)
    wcs.wcs.ctype = [f"RA---{ctype}", f"DEC--{ctype}"]
    wcs.wcs.crval, wcs.wcs.crpix = [40.0, -1.5], [3.0, 3.0]
    wcs.wcs.cdelt = [-scale / 3600, scale / 3600]
    return wcs.to_header()


def written(path, *planes, header=None, first=0):
    """Write an image of numbers from 1 with named planes, the image in HDU ``first``."""
    data = np.arange(1, 31, dtype=np.float32).reshape(SHAPE)
    header = place() if header is None else header
    hdus = [fits.PrimaryHDU()] * first
    hdus.append((fits.ImageHDU if first else fits.PrimaryHDU)(data, header=header))
    for name, plane, *cards in planes:
        hdu = fits.ImageHDU(np.broadcast_to(plane, SHAPE), name=name)
        hdu.header.update(cards)
        hdus.append(hdu)
    fits.HDUList(hdus).writeto(path)
    return path


@pytest.mark.parametrize(
    ("name", "value", "cards", "variance"),
    [
        ("VARIANCE", 4.0, (), 4.0),
        ("UNCERT", 4.0, (("UTYPE", "VarianceUncertainty"),), 4.0),
        ("UNCERT", 4.0, (("UTYPE", "StdDevUncertainty"),), 16.0),
        ("UNCERT", 4.0, (("UTYPE", "InverseVariance"),), 0.25),
        ("ERR", 3.0, (), 9.0),
        ("WEIGHT", 4.0, (), 0.25),
    ],
)
def test_noise_by_any_name(name, value, cards, variance, tmp_path):
    image = read_image_planes(written(tmp_path / "a.fits", (name, value, *cards)))
    np.testing.assert_array_equal(image.variance, np.full(SHAPE, variance, np.float32))
    assert not image.mask.any()


def test_nothing_but_an_image(tmp_path):
    image = read_image_planes(written(tmp_path / "a.fits", first=1))
    assert image.variance is None
    assert image.data.dtype == np.float32
    assert image.wcs.wcs_pix2world(2, 2, 0)[0] == pytest.approx(40)


@pytest.mark.parametrize(
    ("name", "inside", "outside"), [("MASK", 0, 1), ("BPM", 0, 3), ("MAP", 7, 0), ("IVAR", 2.0, 0)]
)
def test_where_there_is_no_value(name, inside, outside, tmp_path):
    plane = np.full(SHAPE, inside)
    plane[1, 2] = outside
    image = read_image_planes(written(tmp_path / "a.fits", (name, plane)))
    assert np.argwhere(image.mask).tolist() == [[1, 2]]


@pytest.mark.parametrize("value", [0, np.nan, np.inf])
def test_pixels_that_say_nothing(value, tmp_path):
    path = written(tmp_path / "a.fits")
    with fits.open(path, mode="update") as hdus:
        hdus[0].data[2, 3] = value
    assert np.argwhere(read_image_planes(path).mask).tolist() == [[2, 3]]


def test_weight_map_beside_the_image_or_named(tmp_path):
    path = written(tmp_path / "coadd.fits", ("VARIANCE", 9.0))
    weight = np.full(SHAPE, 0.5)
    weight[0, 0] = 0
    fits.writeto(tmp_path / "coadd.weight.fits", weight)
    fits.writeto(tmp_path / "other.fits", 2 * weight)
    found, named = (
        read_image_planes(path),
        read_image_planes(path, weights=tmp_path / "other.fits"),
    )
    assert (found.variance[1, 1], named.variance[1, 1]) == (2, 1)
    assert np.argwhere(found.mask).tolist() == [[0, 0]]


def test_projections_of_other_programs(tmp_path):
    header = place("TPV")
    header["PV1_1"], header["PV2_1"] = 1.01, 1.01
    tpv = read_image_planes(written(tmp_path / "tpv.fits", header=header)).wcs
    header = place("TAN-SIP")
    header["A_ORDER"], header["B_ORDER"], header["A_2_0"] = 2, 2, 1e-3
    sip = read_image_planes(written(tmp_path / "sip.fits", header=header)).wcs
    plain = read_image_planes(written(tmp_path / "tan.fits")).wcs
    ra = [wcs.all_pix2world(5, 2, 0)[0] for wcs in (plain, tpv, sip)]
    assert ra[1] - 40 == pytest.approx(1.01 * (ra[0] - 40), rel=1e-6)
    assert ra[2] - 40 == pytest.approx((3 + 9e-3) / 3 * (ra[0] - 40), rel=1e-6)


def test_planes_that_do_not_fit(tmp_path):
    path = written(tmp_path / "a.fits")
    fits.append(path, np.ones((2, 2)), fits.Header({"EXTNAME": "MAP"}))
    with pytest.raises(FrameError, match=r"a.fits: MAP has the shape \(2, 2\), but the image"):
        read_image_planes(path)
    fits.writeto(tmp_path / "w.fits", np.ones((3, 3)))
    with pytest.raises(FrameError, match=r"w.fits: weight map has the shape"):
        read_image_planes(written(tmp_path / "b.fits"), weights=tmp_path / "w.fits")


def test_no_place_on_the_sky(tmp_path):
    with pytest.raises(FrameError, match=r"a.fits has no celestial WCS: CTYPE1 and CTYPE2 are"):
        read_image_planes(written(tmp_path / "a.fits", header=fits.Header()))
    with pytest.raises(FrameError, match=r"b.fits has an unusable WCS"):
        read_image_planes(written(tmp_path / "b.fits", header=fits.Header({"CTYPE1": "RA---TAN"})))
