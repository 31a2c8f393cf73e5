"""The names that the command line offers are those of the strategies."""

import inspect
from importlib import import_module

import pytest

from emirimg import DitherReducer, Strategy
from emirimg.cli._strategies import STRATEGIES, make_strategies

MEMBERS = [(family, name) for family, members in STRATEGIES.items() for name in members]

NOT_OFFERED = {
    "cross_correlation": "for exposures that are undistorted already",
    "integer_shift": "for exposures that are undistorted already",
    "reference_object": "needs positions",
    "undistortion": "makes undistorted exposures, not a mosaic",
}
"""Strategies for parameter files and scripts, and why they are no option of a command."""


@pytest.mark.parametrize(("family", "name"), MEMBERS)
def test_name_is_that_of_the_class(family, name):
    (strategy,) = make_strategies({family: name}).values()
    assert strategy.name == name


@pytest.mark.parametrize("family", STRATEGIES)
def test_first_is_the_default_of_the_reducer(family):
    default = inspect.signature(DitherReducer).parameters[family].default
    assert default.name == next(iter(STRATEGIES[family]))


@pytest.mark.parametrize(
    ("family", "package"),
    [("alignment", "alignment"), ("resampler", "projection"), ("combiner", "combine")],
)
def test_members_are_offered_unless_there_is_a_reason(family, package):
    names = {
        thing.model_fields["name"].default
        for thing in vars(import_module(f"emirimg.{package}")).values()
        if inspect.isclass(thing) and issubclass(thing, Strategy) and "name" in thing.model_fields
    }
    assert names - set(NOT_OFFERED) == set(STRATEGIES[family])


def test_what_was_not_chosen_is_left_to_the_reducer():
    assert make_strategies({"sky": None, "combiner": None}) == {}
