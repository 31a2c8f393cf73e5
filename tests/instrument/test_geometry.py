import numpy as np
import pytest
from astropy.io.fits import Header

from emirimg.instrument import clean_wcs_header, frame_wcs, pixel_area, pixel_scale, undistorted


@pytest.fixture
def header():
    return Header(
        {
            "CTYPE1": "RA---ZPN",
            "CTYPE2": "DEC--ZPN",
            "CRPIX1": 1022.46,
            "CRPIX2": 1016.55,
            "CRVAL1": 39.97,
            "CRVAL2": -1.57,
            "CD1_1": -5.396e-5,
            "CD1_2": 0.0,
            "CD2_1": 0.0,
            "CD2_2": 5.396e-5,
            "PV2_1": 1.0,
            "PV2_3": 14584.8,
            "PV2_4": 6.9e-310,
            "PV2_5": 1755295542.4,
            "RADESYS": "FK5",
            "OBJECT": "TEST",
            "CDELTX": 3,
            "MJD-OBS": "junk",
        }
    )


def test_denormal_coefficients_are_zero(header):
    assert (2, 4, 0.0) in frame_wcs(header).wcs.get_pv()
    assert header["PV2_4"] != 0


def test_distortion_is_34_to_43_pixels_in_the_corner(header):
    wcs = frame_wcs(header)
    sky = wcs.wcs_pix2world([[0, 0]], 0)
    moved = undistorted(wcs).wcs_world2pix(sky, 0)
    assert 30 < np.hypot(*moved[0]) < 45
    centre = [[header["CRPIX1"], header["CRPIX2"]]]
    np.testing.assert_allclose(
        undistorted(wcs).wcs_pix2world(centre, 1), wcs.wcs_pix2world(centre, 1)
    )


def test_area_agrees_with_the_derivative_of_the_radial_polynomial(header):
    # Solid angle of a ring of pixels: for a radially symmetric projection it is
    # sin(theta) d theta / (r dr), with r the polynomial of theta.
    wcs = frame_wcs(header)
    theta = np.radians(np.linspace(0.001, 0.075, 40))
    terms = {m: v for i, m, v in wcs.wcs.get_pv() if i == 2}
    r = sum(v * theta**m for m, v in terms.items())
    dr = sum(m * v * theta ** (m - 1) for m, v in terms.items() if m > 0)
    expected = np.sin(theta) / (r * dr)
    x = header["CRPIX1"] - 1 + np.degrees(r) / 5.396e-5 * np.cos(0.3)
    y = header["CRPIX2"] - 1 + np.degrees(r) / 5.396e-5 * np.sin(0.3)
    np.testing.assert_allclose(pixel_area(wcs, x, y), expected, rtol=2e-7)


@pytest.mark.parametrize("declination", [0.0, -1.57, 60.0, 89.0])
def test_area_does_not_depend_on_the_place_on_the_sky(header, declination):
    header["CRVAL1"], header["CRVAL2"] = 359.99, declination
    x, y = np.meshgrid([0.0, 1000.0, 2047.0], [0.0, 700.0, 2047.0])
    area = pixel_area(frame_wcs(header), x, y)
    header["CRVAL1"], header["CRVAL2"] = 180.0, 0.0
    np.testing.assert_allclose(area, pixel_area(frame_wcs(header), x, y), rtol=2e-6)


def test_area_is_smooth(header):
    area = pixel_area(frame_wcs(header), np.arange(200.0), 5.0)
    assert np.abs(np.diff(area, 2)).max() < 2e-7


def test_scale(header):
    assert pixel_scale(frame_wcs(header)).to_value("arcsec") == pytest.approx(0.194256)


def test_a_header_without_its_wcs(header):
    cleaned = clean_wcs_header(header)
    assert cleaned["OBJECT"] == "TEST"
    assert cleaned["CDELTX"] == 3
    assert not frame_wcs(cleaned).has_celestial
    assert not {"PV2_3", "CD1_1", "CTYPE1", "RADESYS", "CRPIX2"} & set(cleaned)
    assert "CTYPE1" in header
