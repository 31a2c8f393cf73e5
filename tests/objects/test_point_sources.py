import numpy as np
import pytest

from emirimg.objects import make_catalogue
from emirimg.objects.point_sources import aperture_fluxes

from .mosaics import SHAPE, mosaic_of, sources


@pytest.fixture
def grid_of_stars():
    """Stars far from each other and from the border, one beside it."""
    x, y = (
        axis.ravel() for axis in np.meshgrid(np.arange(30.0, 230, 40), np.arange(30.0, 260, 40))
    )
    flux = np.geomspace(5e3, 5e5, x.size)
    return np.append(x, 2.0), np.append(y, 100.0), np.append(flux, 1e5)


def test_stars_lose_all_the_same_part(grid_of_stars):
    x, y, flux = grid_of_stars
    mosaic = mosaic_of(sources(x, y, flux) + 7.0, np.random.default_rng(1))
    found = np.sort(aperture_fluxes(mosaic, 4.0))
    # The one whose aperture does not fit is left out.
    assert found.size == flux.size - 1
    part = found / np.sort(flux[:-1])
    assert 0.7 < np.median(part) < 1
    assert np.abs(part / np.median(part) - 1).max() < 0.05
    assert aperture_fluxes(mosaic, 8.0).sum() > 1.05 * found.sum()


def test_they_are_the_sources_of_the_catalogue(grid_of_stars):
    x, y, flux = grid_of_stars
    mosaic = mosaic_of(sources(x, y, flux), np.random.default_rng(2))
    mosaic.mask[60:80, 60:80] = True  # takes one away
    table = make_catalogue(mosaic, deblend=False)
    inside = (table["x"] > 4) & (table["x"] < SHAPE[1] - 5)
    assert aperture_fluxes(mosaic, 4.0).size == np.count_nonzero(inside) == flux.size - 2


def test_nothing_is_found_where_nothing_is():
    rng = np.random.default_rng(3)
    assert aperture_fluxes(mosaic_of(np.zeros(SHAPE), rng), 4.0).size == 0
    assert aperture_fluxes(mosaic_of(np.zeros(SHAPE), rng, sigma=0.0), 4.0).size == 0
