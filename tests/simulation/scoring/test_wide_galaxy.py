"""A galaxy that is wider than the mesh of the background of a search for sources."""

from dataclasses import replace

import numpy as np
import pytest
from conftest import SCENE

from emirimg.exceptions import InputError
from emirimg.projection.grid import MosaicGrid
from emirimg.simulation import ScoredImage, ideal_stack
from emirimg.simulation.scoring.detections import measure_detections
from emirimg.simulation.scoring.field import Field
from emirimg.simulation.scoring.noise import measure_noise
from emirimg.simulation.scoring.photometry import measure_photometry


@pytest.fixture(scope="module")
def wide():
    truth = SCENE.replace(big_galaxy=True, big_galaxy_radius="14 arcsec", n_stars=150).truth
    wcss = [truth.wcs(index) for index in range(SCENE.n_exposures)]
    ideal = ideal_stack(truth, MosaicGrid.covering(wcss, [SCENE.frame_shape] * len(wcss)))
    return Field.prepare(ScoredImage.from_mosaic(ideal.observed()), truth, ideal=ideal)


def test_its_wings_are_no_sources(wide):
    found = measure_detections(wide, measure_noise(wide, 1.0))
    assert found.n_false == 0
    assert found.purity > 0.97


def test_a_false_source_on_it_is_seen(wide):
    data = wide.image.data.copy()
    galaxy = int(np.argmax(wide.truth.catalogue["radius"]))
    angle = np.linspace(0, 2 * np.pi, 60, endpoint=False)
    places = wide.positions[galaxy] + 80 * np.column_stack([np.cos(angle), np.sin(angle)])
    nearest = [np.sort(np.hypot(*(wide.positions - place).T))[0] for place in places]
    x, y = np.rint(places[np.argmax(nearest)]).astype(int)
    assert wide.ideal.model[y, x] > 20
    data[y - 1 : y + 2, x - 1 : x + 2] += 400
    changed = replace(wide, image=replace(wide.image, data=data))
    assert measure_detections(changed, measure_noise(changed, 1.0)).n_false == 1


def test_without_a_star_that_is_said(wide):
    with pytest.raises(InputError, match="no isolated star"):
        measure_photometry(replace(wide, stars=np.empty(0, dtype=int)))
