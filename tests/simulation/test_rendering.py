"""Profiles on pixels, against slow integration and against theory."""

import astropy.units as u
import numpy as np
import pytest
from astropy.table import QTable
from astropy.wcs import WCS

from emirimg.simulation import MoffatPSF, Scene
from emirimg.simulation.pointing import jacobian
from emirimg.simulation.profiles import draw_catalogue, psf_image
from emirimg.simulation.rendering import add_gaussians, add_moffats

SCALE = 0.1943


def moffat_by_oversampling(shape, x, y, peak, matrix, beta, n=25):
    """Integrate every pixel with n x n points."""
    steps = (np.arange(n) + 0.5) / n - 0.5
    ny, nx = shape
    px = (np.arange(nx)[:, None] + steps).ravel() - x
    py = (np.arange(ny)[:, None] + steps).ravel() - y
    t = (
        matrix[0, 0] * px**2
        + 2 * matrix[0, 1] * px * py[:, None]
        + matrix[1, 1] * py[:, None] ** 2
    )
    return (peak * (1 + t) ** -beta).reshape(ny, n, nx, n).mean(axis=(1, 3))


@pytest.mark.parametrize("beta", [3.0, 2.5])
def test_moffat_against_oversampling(beta):
    matrix = np.array([[0.08, 0.01], [0.01, 0.06]])
    image = np.zeros((41, 37), dtype=np.float32)
    arguments = np.array([18.3]), np.array([20.7]), np.array([1000.0]), matrix[None]
    add_moffats(image, *arguments, beta, np.array([1e6]))
    expected = moffat_by_oversampling(image.shape, 18.3, 20.7, 1000.0, matrix, beta)
    np.testing.assert_allclose(image, expected, rtol=2e-3, atol=0.01)
    np.testing.assert_allclose(image.sum(), expected.sum(), rtol=1e-5)


def test_moffat_ends_at_its_limit():
    matrix = 0.0625 * np.eye(2)
    image = np.zeros((61, 61), dtype=np.float32)
    add_moffats(
        image, np.array([30.0]), np.array([30.0]), np.ones(1), matrix[None], 3.0, np.array([9.0])
    )
    y, x = np.nonzero(image)
    distance = np.hypot(x - 30, y - 30)
    assert 11.5 < distance.max() < 12.0


def test_profiles_are_cut_at_the_edges():
    image = np.zeros((20, 20), dtype=np.float32)
    matrix = 0.0625 * np.eye(2)[None]
    big = np.zeros((60, 60), dtype=np.float32)
    add_moffats(
        image, np.array([-1.0]), np.array([19.5]), np.ones(1), matrix, 3.0, np.array([50.0])
    )
    add_moffats(big, np.array([19.0]), np.array([39.5]), np.ones(1), matrix, 3.0, np.array([50.0]))
    np.testing.assert_array_equal(image, big[20:40, 20:40])
    add_gaussians(image, 300.0, 300.0, np.ones(1), 4 * np.eye(2)[None], 1e-3)
    np.testing.assert_array_equal(image, big[20:40, 20:40])


def test_gaussian_against_its_formula():
    image = np.zeros((51, 51), dtype=np.float32)
    covariance = np.array([[9.0, 2.0], [2.0, 5.0]])
    add_gaussians(image, 25.2, 24.6, np.array([500.0]), covariance[None], 1e-5)
    y, x = np.mgrid[:51, :51]
    offset = np.stack([x - 25.2, y - 24.6], axis=-1)
    exponent = np.einsum("...i,ij,...j", offset, np.linalg.inv(covariance), offset)
    expected = 500 * np.exp(-0.5 * exponent) / (2 * np.pi * np.sqrt(np.linalg.det(covariance)))
    np.testing.assert_allclose(image, expected, atol=2e-5)


def one_source(wcs, x, y, flux=1e5, kind="star", radius=0.0, axis_ratio=1.0, angle=0.0):
    ra, dec = wcs.wcs_pix2world([x], [y], 0)
    return QTable(
        {
            "type": [kind], "ra": ra * u.deg, "dec": dec * u.deg, "flux": [flux],
            "radius": [radius] * u.arcsec, "axis_ratio": [axis_ratio],
            "position_angle": [angle] * u.deg,
        }
    )  # fmt: skip


@pytest.mark.parametrize("place", [(1020.0, 1015.0), (60.3, 60.8), (1990.1, 70.4)])
@pytest.mark.parametrize("flux", [200.0, 3e5])
def test_flux_of_a_star_does_not_depend_on_its_place(place, flux):
    wcs = Scene().truth.wcs(0)
    image = np.zeros((2048, 2048), dtype=np.float32)
    draw_catalogue(image, wcs, one_source(wcs, *place, flux), MoffatPSF(0.8, 3.0, 0.05, 30.0))
    assert image.sum(dtype=float) == pytest.approx(flux, rel=1.05e-3)


def test_star_has_its_width_on_the_sky_not_on_the_detector():
    wcs = Scene().truth.wcs(0)
    to_sky = jacobian(wcs, np.array([40.0]), np.array([2000.0]))[0]
    image = psf_image(MoffatPSF(0.8, 3.0), to_sky, 40).astype(float)
    y, x = np.mgrid[-40:41, -40:41]
    east, north = np.tensordot(to_sky, [x, y], axes=1)
    window = np.exp(-0.5 * (east**2 + north**2) / 0.4**2)  # round on the sky
    moments = [np.sum(image * window * axis**2) for axis in (east, north)]
    assert moments[0] == pytest.approx(moments[1], rel=2e-3)
    area = abs(np.linalg.det(to_sky)) / (3600 * 5.396e-5) ** 2
    assert area == pytest.approx(0.88, abs=0.02)
    assert image.max() / area == pytest.approx(
        psf_image(MoffatPSF(0.8, 3.0), SCALE * np.diag([-1.0, 1.0]), 40).max(), rel=0.02
    )


def test_ellipticity_and_angle_of_a_star():
    east_is_left = SCALE * np.diag([-1.0, 1.0])
    image = psf_image(MoffatPSF(1.5, 3.0, 0.3, 45.0), east_is_left, 60).astype(float)
    y, x = np.mgrid[-60:61, -60:61]
    window = image * np.exp(-0.5 * (x**2 + y**2) / 4.0**2)
    # Position angle 45 deg: towards north and east, which is up and left.
    assert np.sum(window * x * y) < 0
    round_image = psf_image(MoffatPSF(1.5, 3.0), east_is_left, 60)
    assert image.max() == pytest.approx(round_image.max(), rel=0.01)  # the same geometric mean


@pytest.mark.parametrize(("kind", "tolerance"), [("disc", 0.02), ("spheroid", 0.06)])
def test_galaxy_flux_and_half_light_radius(kind, tolerance):
    wcs = WCS(naxis=2)
    wcs.wcs.ctype, wcs.wcs.crpix = ["RA---TAN", "DEC--TAN"], [151, 151]
    wcs.wcs.cdelt = [-SCALE / 3600, SCALE / 3600]
    image = np.zeros((301, 301), dtype=np.float32)
    sharp = MoffatPSF(0.05, 3.0)
    draw_catalogue(image, wcs, one_source(wcs, 150, 150, 1e6, kind, radius=3.0), sharp)
    assert image.sum() == pytest.approx(1e6, rel=0.01)
    y, x = np.mgrid[-150:151, -150:151]
    inside = image[np.hypot(x, y) < 3.0 / SCALE].sum() / 1e6
    assert inside == pytest.approx(0.5, abs=tolerance)


def test_elongated_galaxy():
    wcs = WCS(naxis=2)
    wcs.wcs.ctype, wcs.wcs.crpix = ["RA---TAN", "DEC--TAN"], [51, 51]
    wcs.wcs.cdelt = [-SCALE / 3600, SCALE / 3600]
    image = np.zeros((101, 101), dtype=np.float32)
    source = one_source(wcs, 50, 50, 1e5, "disc", radius=2.0, axis_ratio=0.4, angle=0.0)
    draw_catalogue(image, wcs, source, MoffatPSF(0.8, 3.0), scale=0.5)
    assert image.sum() == pytest.approx(5e4, rel=0.01)
    assert image[70, 50] > 3 * image[50, 70]  # along north
