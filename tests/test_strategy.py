from typing import Literal

import astropy.units as u
import pydantic
import pytest

from emirimg._strategy import Strategy, by_name, explain_unknown, quantity_field


class Mean(Strategy):
    name: Literal["mean"] = "mean"
    width: float = pydantic.Field(1.0, gt=0)


class Clip(Strategy):
    name: Literal["clip"] = "clip"
    limit: quantity_field(u.arcsec) = 2 * u.arcsec


class Chosen(pydantic.BaseModel):
    how: by_name(Mean, Clip) = Mean()


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("clip", Clip()),
        ({"name": "mean", "width": 3}, Mean(width=3)),
        (Mean(width=2), Mean(width=2)),
    ],
)
def test_a_strategy_is_chosen_by_name_mapping_or_object(given, expected):
    assert Chosen(how=given).how == expected


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("meen", "unknown strategy 'meen': did you mean 'mean'?"),
        ({"name": "zzz"}, "known are 'clip', 'mean'"),
        ({"name": "mean", "witdh": 1}, "Mean has no parameter 'witdh': did you mean 'width'?"),
        ({"name": "mean", "width": -1}, "greater than 0"),
    ],
)
def test_what_is_wrong_is_said(given, message):
    with pytest.raises(pydantic.ValidationError, match=message.replace("?", r"\?")):
        Chosen(how=given)


def test_strategies_are_frozen():
    with pytest.raises(pydantic.ValidationError, match="frozen"):
        Mean().width = 3


def test_the_repr_can_be_typed_back():
    assert repr(Mean()) == "Mean()"
    assert eval(repr(Mean(width=2.5))) == Mean(width=2.5)


def test_equal_quantities_make_equal_strategies():
    assert Clip(limit=1 * u.arcmin) == Clip(limit="60 arcsec") == Clip(limit=60)
    with pytest.raises(pydantic.ValidationError, match="not convertible"):
        Clip(limit=1 * u.s)


def test_unknown_words():
    assert explain_unknown("iteratons", ["iterations", "method"]) == "did you mean 'iterations'?"
    assert explain_unknown("q", ["b", "a"]) == "known are 'a', 'b'"
