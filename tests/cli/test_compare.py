"""``emirimg compare``."""

import json

import pytest
from astropy.io import fits

from emirimg.io import write_mosaic
from emirimg.projection import MosaicGrid
from emirimg.simulation import Truth, perfect_mosaic


@pytest.fixture(scope="session")
def pair(tree, tmp_path_factory):
    truth = Truth.read(tree.root)
    wcss = [truth.wcs(index) for index in range(truth.scene.n_exposures)]
    grid = MosaicGrid.covering(wcss, [truth.scene.frame_shape] * len(wcss))
    directory = tmp_path_factory.mktemp("pair")
    first = write_mosaic(directory / "one.fits", perfect_mosaic(truth, grid))
    with fits.open(first) as hdus:
        fits.writeto(directory / "two.fits", 1.03 * hdus[0].data, hdus[0].header)
    return first, directory / "two.fits"


def test_table_and_picture(pair, emirimg, tmp_path, monkeypatch):
    png = tmp_path / "both.png"
    result = emirimg("compare", *pair, "--png", png)
    assert result.exit_code == 0, result.stderr
    assert "flux ratio" in result.output
    assert png.read_bytes().startswith(b"\x89PNG")
    assert emirimg("compare", *pair, "--png", png, "--overwrite").exit_code == 0
    monkeypatch.setattr("emirimg.report.compare_images", None)  # nothing is measured in vain
    again = emirimg("compare", *pair, "--png", png)
    assert again.exit_code == 1
    assert "both.png" in again.stderr


def test_page(pair, emirimg, tmp_path):
    page = tmp_path / "both.html"
    result = emirimg("compare", *pair, "--html", page)
    assert result.exit_code == 0, result.stderr
    text = page.read_text(encoding="utf-8")
    assert text.count('<img class="layer-') == 3
    assert text.count("<svg ") == 3
    assert "flux ratio" in text
    assert emirimg("compare", *pair, "--html", page).exit_code == 1


def test_json(pair, emirimg):
    result = emirimg("compare", *pair, "--json")
    content = json.loads(result.stdout)
    assert content["flux_ratio"] == pytest.approx(1.03, rel=1e-5)
    assert content["second"] == str(pair[1])


def test_what_is_no_image(pair, tree, emirimg):
    result = emirimg("compare", pair[0], tree.control)
    assert result.exit_code == 1
    assert "control.yaml" in result.stderr
