"""``emirimg inject``: from options to products."""

import json

import numpy as np
import pytest
from astropy.table import QTable

from emirimg.cli import _inject
from emirimg.simulation import Recovery
from emirimg.sky import ConstantSky


@pytest.fixture
def recovery():
    magnitude = np.linspace(15.1, 20.1, 40)
    flux = 10 ** (-0.4 * (magnitude - 25))
    stars = QTable(
        {
            "ra": np.full(40, 40.0), "dec": np.zeros(40), "x": np.arange(40.0),
            "y": np.arange(40.0), "flux": flux, "magnitude": magnitude,
            "measured": 0.99 * flux, "kept": 0.98 * flux, "found": magnitude < 18.5,
        }
    )  # fmt: skip
    return Recovery(stars, 25.0, 4.0)


@pytest.fixture
def given(monkeypatch, recovery):
    options = {}

    def injection_test(paths, **arguments):
        options.update(arguments, paths=paths)
        return recovery

    monkeypatch.setattr(_inject, "injection_test", injection_test)
    return options


def test_options_and_products(tree, given, emirimg, tmp_path):
    result = emirimg(
        "inject", tree.root / "data", "-o", tmp_path / "test", "--stars", 50,
        "--magnitudes", 15, 20.5, "--seed", 4, "--sky", "constant",
    )  # fmt: skip
    assert result.exit_code == 0, result.stderr
    assert {key: given[key] for key in ("n_stars", "magnitudes", "seed", "sky")} == {
        "n_stars": 50, "magnitudes": (15.0, 20.5), "seed": 4, "sky": ConstantSky(),
    }  # fmt: skip
    assert given["calibrations"].flat is not None
    assert sorted(given["paths"]) == sorted(tree.exposures)
    products = {path.name for path in (tmp_path / "test").iterdir()}
    assert products == {"injection.ecsv", "stars.ecsv", "injection.json", "injection.png"}
    table = QTable.read(tmp_path / "test" / "injection.ecsv")
    np.testing.assert_allclose(table["lost"], 0.02)
    content = json.loads((tmp_path / "test" / "injection.json").read_text())
    assert content["limit"] == pytest.approx(18.5, abs=0.26)
    assert "-1.0" in result.output


@pytest.mark.usefixtures("given")
def test_earlier_products_are_respected(tree, emirimg, tmp_path):
    arguments = ("inject", tree.root / "data", "-o", tmp_path / "test")
    assert emirimg(*arguments).exit_code == 0
    assert emirimg(*arguments).exit_code == 1
    assert emirimg(*arguments, "--overwrite").exit_code == 0
