"""The other detector and the other ways to resample, by numina with PyEmir and by emirimg."""

import pytest
from tree import assert_positions_agree, assert_step_1_agrees, assert_step_2_agrees

from emirimg.io import find_image


@pytest.fixture(scope="module")
def h2rg(make_tree):
    return make_tree("H2RG").step_1()


@pytest.fixture(scope="module")
def hawaii2(make_tree):
    return make_tree("HAWAII-2")


def test_step_1_of_the_h2rg(h2rg, note):
    assert_step_1_agrees(note, "interp, H2RG", h2rg)


def test_step_2_of_the_h2rg(h2rg, note):
    (path,) = h2rg.source.glob("dithered_v5*.yaml")
    block = path.read_text().split("---\n")[-1].splitlines()[0].removeprefix("id: ")
    assert_step_2_agrees(note, "v5, H2RG", h2rg, path.name, block, "v5")


@pytest.mark.parametrize("method", ["adaptive", "exact"])
def test_other_resampling(hawaii2, method, note):
    block = hawaii2.blocks_of_step_1()[0]
    text = (hawaii2.source / "dithered_ini.yaml").read_text().split("---\n")[0]
    images = []
    for program in ("emirimg", "numina"):
        place = hawaii2.copy(f"{program}_{method}")
        (place / "one.yaml").write_text(text.replace("interp", method))
        hawaii2.run(program, "one.yaml", place)
        images.append(find_image(place / f"obsid{block}_results"))
    assert_positions_agree(note, f"{method} {block}", *images)
