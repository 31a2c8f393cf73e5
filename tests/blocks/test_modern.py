"""Strategies that a block names."""

import pytest
from pydantic import ValidationError

from emirimg.blocks import DitherRequirements, StrategyRequirements
from emirimg.cli._strategies import STRATEGIES
from emirimg.dither import DitherReducer
from emirimg.projection import InterpResampler, LanczosResampler
from emirimg.sky import NeighbourSky

OPTIONAL = [
    "hidden_pixels", "residual", "outliers", "trails", "persistence", "cosmic_rays", "starflat",
    "objects",
]  # fmt: skip


def messages(**words):
    with pytest.raises(ValidationError) as caught:
        DitherRequirements(**words)
    return "; ".join(item["msg"] for item in caught.value.errors())


def test_names_and_parameters():
    requirements = DitherRequirements(
        resampler="interp", sky={"name": "neighbours", "n_frames": 4}, passes=2
    )
    assert requirements.is_modern
    assert requirements.strategies() == {
        "resampler": InterpResampler(), "sky": NeighbourSky(n_frames=4), "passes": 2,
    }  # fmt: skip


def test_nothing_is_stated():
    assert not DitherRequirements(iterations=1, sky_images=6).is_modern
    assert DitherRequirements().strategies() == {}


@pytest.mark.parametrize("word", OPTIONAL)
def test_a_step_is_left_out(word):
    for off in ("none", None):
        assert DitherRequirements(**{word: off}).strategies() == {word: None}


@pytest.mark.parametrize("word", sorted(set(StrategyRequirements.model_fields) - set(OPTIONAL)))
def test_a_step_that_is_needed(word):
    assert "cannot be left out" in messages(**{word: None})


def test_every_word_is_an_argument_of_the_reducer():
    for word in StrategyRequirements.model_fields:
        value = {"passes": 2, "gain": 2.0, "read_noise": 3.0}.get(word)
        if value is None and word not in OPTIONAL:
            continue
        DitherReducer(**DitherRequirements(**{word: value}).strategies())


@pytest.mark.parametrize("family", STRATEGIES)
def test_the_command_line_knows_the_same_names(family):
    for name, place in STRATEGIES[family].items():
        (strategy,) = DitherRequirements(**{family: name}).strategies().values()
        assert type(strategy).__name__ == place.partition(":")[2]


def test_round_trip():
    requirements = DitherRequirements(resampler="lanczos3", residual="none")
    stated = requirements.model_dump(exclude_unset=True)
    assert DitherRequirements(**stated) == requirements
    assert requirements.resampler == LanczosResampler()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({"resampler": "lanczos"}, "unknown strategy 'lanczos': did you mean 'lanczos3'?"),
        ({"resampler": 3}, "found 3, expected the name of a strategy"),
        ({"resampler": {"kernel": 3}}, "unknown strategy None: known are"),
        ({"sky": {"name": "neighbours", "n_frame": 3}}, "no parameter 'n_frame': did you mean"),
        ({"resample": "interp"}, "unknown key: did you mean 'resampler'"),
        (
            {"sky": {"name": "neighbours", "n_frames": 0, "clip": "x"}},
            "n_frames: found 0, expected greater than or equal to 1; clip: found 'x'",
        ),
        ({"passes": 0}, "found 0, expected greater than or equal to 1"),
        ({"gain": "high"}, "found 'high'"),
        ({"sky": "constant", "sky_images": 6, "iterations": 1}, "cannot be combined with sky"),
        ({"sky": "constant", "refine_offsets": True}, "refine_offsets cannot be combined"),
    ],
)
def test_what_is_wrong_is_said(words, message):
    assert message in messages(**words)


def test_the_words_of_a_generated_file_do_not_disturb():
    generated = {"iterations": 0, "sky_images": 0, "refine_offsets": False}
    assert DitherRequirements(**generated, resampler="interp").is_modern
