import astropy.units as u
import numpy as np
from scipy.spatial import cKDTree

from emirimg.objects import make_catalogue

from .mosaics import SCALE, SHAPE, SIGMA, moffat, mosaic_of, random_sources, sources


def test_sources_are_measured():
    rng = np.random.default_rng(1)
    x, y, flux = random_sources(rng, 20, low=8e3)
    mosaic = mosaic_of(sources(x, y, flux) + 7.0, rng)
    table = make_catalogue(mosaic)
    distance, index = cKDTree(np.column_stack([table["x"], table["y"]])).query(
        np.column_stack([x, y])
    )
    assert distance.max() < 0.15
    np.testing.assert_array_equal(table["id"], np.arange(1, len(table) + 1))
    assert np.all(np.diff(table["flux"]) <= 0)
    # Kron apertures hold 90 to 100 % of the light.
    ratio = table["flux"][index] / flux
    assert 0.88 < np.median(ratio) < 1.0
    sky = mosaic.grid.wcs.wcs_pix2world(x, y, 0)
    np.testing.assert_allclose(table["ra"][index].to_value(u.deg), sky[0], atol=1e-5)
    np.testing.assert_allclose(table["dec"][index].to_value(u.deg), sky[1], atol=1e-5)
    # The wings of a Moffat profile raise its moments.
    assert 1.0 < np.median(table["fwhm"].to_value(u.arcsec)) / (4 * SCALE) < 1.6
    np.testing.assert_allclose(
        table["mag_error"], 1.0857 * table["flux_error"] / table["flux"], rtol=1e-3
    )


def test_shape_is_measured():
    rng = np.random.default_rng(2)
    image = moffat(SHAPE, 100, 100, 2e5, 8.0, ratio=2.0) + moffat(SHAPE, 200, 200, 1e5, 8.0)
    table = make_catalogue(mosaic_of(image, rng))
    assert table["ellipticity"][0] > 0.3 > table["ellipticity"][1]
    # The major axis is along y, which is north.
    angle = table["position_angle"][0].to_value(u.deg)
    assert min(angle, 180 - angle) < 3


def test_options_change_the_catalogue():
    rng = np.random.default_rng(3)
    image = sources([100.0, 109.0, 200.0], [100.0, 100.0, 220.0], [2e4, 1e4, 1.5e3])
    mosaic = mosaic_of(image, rng)
    table = make_catalogue(mosaic)
    assert len(table) == 3
    assert len(make_catalogue(mosaic, deblend=False)) == 2
    assert len(make_catalogue(mosaic, threshold=150.0)) < 3
    assert len(make_catalogue(mosaic, npixels=60)) < 3
    brighter = make_catalogue(mosaic, zero_point=26.5)
    np.testing.assert_allclose(brighter["mag"] - table["mag"], 1.5)


def test_empty_sky_has_an_empty_catalogue():
    mosaic = mosaic_of(np.zeros(SHAPE), np.random.default_rng(4), sigma=SIGMA)
    table = make_catalogue(mosaic, threshold=8.0)
    assert len(table) == 0
    assert table.colnames == make_catalogue(mosaic_of(
        sources([100.0], [100.0], 1e5), np.random.default_rng(4)
    )).colnames  # fmt: skip
    assert table["ra"].unit == u.deg


def test_pixels_without_data_hold_no_source():
    empty = np.zeros(SHAPE, dtype=bool)
    empty[:, :100] = True
    mosaic = mosaic_of(sources([200.0], [150.0], 1e5), np.random.default_rng(5), mask=empty)
    mosaic.data[empty] = 1e6
    assert make_catalogue(mosaic)["x"].min() > 99
