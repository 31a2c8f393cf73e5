"""One small field, its ideal stack and a perfect mosaic, for all tests of the score."""

import numpy as np
import pytest

from emirimg.projection.grid import MosaicGrid
from emirimg.simulation import Scene, ScoredImage, ideal_stack
from emirimg.simulation.scoring.field import Field
from emirimg.simulation.scoring.figures import measure_figures

SCENE = Scene(
    shape=(440, 440), n_exposures=7, n_stars=80, n_galaxies=3, faintest=2e4, brightest=6e5,
    dither_scale=0.3, seed=4,
)  # fmt: skip


@pytest.fixture(scope="session")
def ideal():
    truth = SCENE.truth
    wcss = [truth.wcs(index) for index in range(SCENE.n_exposures)]
    grid = MosaicGrid.covering(wcss, [SCENE.frame_shape] * len(wcss))
    return ideal_stack(truth, grid)


@pytest.fixture(scope="session")
def image(ideal):
    perfect = ScoredImage.from_mosaic(ideal.observed())
    for plane in (perfect.data, perfect.variance, perfect.mask):
        plane.flags.writeable = False
    return perfect


@pytest.fixture(scope="session")
def field(image, ideal):
    return Field.prepare(image, ideal.truth, ideal=ideal)


@pytest.fixture(scope="session")
def values(field):
    return measure_figures(field, field.image)[0]


@pytest.fixture
def rescore(ideal):
    """Return a function that gives the figures of another image on the same grid."""

    def figures(changed, unrejected=None):
        field = Field.prepare(changed, ideal.truth, ideal=ideal)
        return measure_figures(field, unrejected)[0]

    return figures


@pytest.fixture
def random():
    return np.random.default_rng(8)
