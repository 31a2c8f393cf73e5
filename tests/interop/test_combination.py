"""The exposures of the HAWAII-2, combined in all ways by numina with PyEmir and by emirimg."""

import pytest
from tree import VERSIONS, assert_mosaics_agree, assert_step_1_agrees, assert_step_2_agrees

from emirimg.io import find_image


@pytest.fixture(scope="module")
def tree(make_tree):
    return make_tree("HAWAII-2").step_1()


def test_step_1(tree, note):
    assert_step_1_agrees(note, "interp", tree)


@pytest.mark.parametrize("version", VERSIONS)
def test_step_2(tree, version, note):
    file, block = f"dithered_{version}.yaml", f"_combined_{version}"
    assert_step_2_agrees(note, version, tree, file, block, version)


@pytest.mark.parametrize("version", ["v0", "v5"])
@pytest.mark.parametrize(("first", "second"), [("emirimg", "numina"), ("numina", "emirimg")])
def test_one_program_takes_over_from_the_other(tree, version, first, second, note):
    place = tree.copy(f"{second}_after_{first}_{version}", results_of=first)
    file, block = f"dithered_{version}.yaml", f"_combined_{version}"
    tree.run(second, file, place)
    mixed = find_image(place / f"obsid{block}_results")
    for program in ("numina", "emirimg"):
        if not (tree.source.with_name(program) / f"obsid{block}_results").exists():
            tree.run(program, file)
        name = f"{version}: {second} after {first}, to {program}"
        assert_mosaics_agree(note, name, mixed, tree.image(program, block), version)
