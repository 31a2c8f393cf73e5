"""Small trees of simulated exposures, written once for all tests."""

import pytest

from emirimg.simulation import Scene, write_tutorial


@pytest.fixture(scope="session")
def small_scene():
    return Scene(shape=(256, 256), dither_scale=0.25, n_stars=100, n_galaxies=3, brightest=1e5)


@pytest.fixture(scope="session")
def tree(small_scene, tmp_path_factory):
    """A tutorial tree of 14 small exposures; not to be changed."""
    directory = tmp_path_factory.mktemp("tutorial") / "tree"
    write_tutorial(directory, small_scene)
    return directory
