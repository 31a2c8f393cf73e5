"""A small simulated sequence, and a way to run the command."""

import pytest
from astropy.io import fits
from click.testing import CliRunner
from night import calls, place, step1  # noqa: F401 (fixtures)

from emirimg.cli import _scenes, main
from emirimg.simulation import Scene, write_tutorial


@pytest.fixture(scope="session")
def small_scene():
    """Four exposures with the central part of the detector."""
    return Scene(
        seed=2,
        n_exposures=4,
        shape=(256, 256),
        n_stars=60,
        n_galaxies=10,
        dither_scale=0.4,
        cosmic_rays=5,
    )


@pytest.fixture(scope="session")
def tree(tmp_path_factory, small_scene):
    """A tutorial tree of four small exposures; not to be changed."""
    return write_small(tmp_path_factory.mktemp("tree") / "sequence", small_scene)


@pytest.fixture(autouse=True)
def without_charts(monkeypatch):
    """Leave the charts of reports out, which take seconds."""
    monkeypatch.setattr("emirimg.report.page._figures", lambda *_: {})


@pytest.fixture
def small(monkeypatch, small_scene):
    """Let the commands simulate small exposures; tell with which options."""
    given = {}

    class Small:
        def replace(self, **options):
            given.update(options)
            return small_scene.replace(**options)

    class Scenes:
        def __getitem__(self, name):
            given["scene"] = name
            return Small()

    monkeypatch.setattr(_scenes, "SCENES", Scenes())
    monkeypatch.setattr(_scenes, "write_tutorial", write_small)
    return given


def write_small(directory, scene, **options):
    """Write a tree whose exposures say which part of the detector they show."""
    paths = write_tutorial(directory, scene, **options)
    for path in paths.exposures:
        fits.setval(path, "DETSEC", value="[897:1152,897:1152]")
    return paths


@pytest.fixture
def emirimg():
    """Run ``emirimg`` with arguments of any type."""

    def run(*arguments):
        return CliRunner().invoke(main, [str(argument) for argument in arguments])

    return run
