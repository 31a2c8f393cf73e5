import pytest
from pydantic import ValidationError

from emirimg.blocks import (
    CALIBRATION_TYPES,
    CalibrationChoice,
    DitherRequirements,
    ObservationBlock,
    RejectionLimits,
    StareRequirements,
    StrategyRequirements,
)
from emirimg.exceptions import InputError
from emirimg.instrument import H2RG, HAWAII2


def stare(**changes):
    return ObservationBlock(
        **{"id": "_1", "instrument": "EMIR", "mode": "STARE_IMAGE", "frames": ["a.fits"]} | changes
    )


def dither(**changes):
    return ObservationBlock(
        **{"id": "_c", "instrument": "EMIR", "mode": "FULL_DITHERED_IMAGE", "children": ["_1"]}
        | changes
    )


def test_defaults():
    assert stare().requirements == StareRequirements(reprojection_method="interp")
    requirements = dither().requirements
    assert requirements == DitherRequirements()
    assert not requirements.is_modern
    assert requirements.model_dump(exclude=set(StrategyRequirements.model_fields)) == {
        "iterations": 0, "sky_images": 0, "sky_images_sep_time": 10.0, "offsets": None,
        "refine_offsets": False, "fit_doughnut": False, "extinction": 0.0, "method": "sigmaclip",
        "method_kwargs": {"low": 3.0, "high": 3.0}, "nside_adhoc_sky_correction": 0,
        "adhoc_sky_correction_h2rg": False,
    }  # fmt: skip
    assert stare().enabled
    assert stare().pipeline == "default"


def test_raw_exposures_are_wanted_by_positions_and_by_strategies():
    assert stare().takes_raw
    assert not dither(requirements={"iterations": 1, "sky_images": 6}).takes_raw
    assert dither(requirements={"passes": 2}).takes_raw


def test_frozen_and_equal():
    with pytest.raises(ValidationError, match="frozen"):
        stare().id = "x"
    assert stare() == stare()
    assert stare() != stare(enabled=False)


def test_requirements_of_the_other_mode_are_refused():
    with pytest.raises(ValidationError, match="unknown key"):
        stare(requirements={"iterations": 0})
    with pytest.raises(ValidationError, match="DitherRequirements"):
        dither(requirements=StareRequirements())
    assert dither(requirements=DitherRequirements(extinction=0.1)).requirements.extinction == 0.1


def test_disabled_blocks_need_no_inputs():
    assert stare(frames=[], enabled=False).frames == ()
    with pytest.raises(ValidationError, match="needs frames"):
        stare(frames=[])


BAD_NAMES = [
    "", " ", ".", "..", "../a", "a/b", "/a", "a\\b", "..\\a", "C:\\a", "a\0b", "a\nb", "a\x1b[0m",
    "x" * 201,
]  # fmt: skip


@pytest.mark.parametrize("name", BAD_NAMES)
def test_names_stay_in_their_directory(name):
    for bad in ({"id": name}, {"frames": [name]}, {"parent": name}):
        with pytest.raises(ValidationError):
            stare(**bad)
    with pytest.raises(ValidationError):
        dither(children=[name])
    with pytest.raises(ValidationError):
        DitherRequirements(offsets=name)


@pytest.mark.parametrize("name", ["", "..", "../a", "a/../b", "/a", "C:\\a", "C:a", "\\a", "a\0b"])
def test_paths_stay_below_their_directory(name):
    with pytest.raises(ValidationError):
        CalibrationChoice(type="MasterDark", content=name)


@pytest.mark.parametrize("name", ["a.fits", "sub/a.fits", "...a", "a b.fits", "caf\u00e9.fits"])
def test_good_paths(name):
    assert CalibrationChoice(type="MasterDark", content=name).content == name


@pytest.mark.parametrize("kind", CALIBRATION_TYPES)
def test_calibration_types(kind):
    assert CalibrationChoice(type=kind, content="a").type == kind


@pytest.mark.parametrize(
    "values",
    [
        {"iterations": 1},
        {"sky_images": 6},
        {"iterations": 1, "sky_images": 6, "nside_adhoc_sky_correction": 10,
         "adhoc_sky_correction_h2rg": True},
        {"method": "median", "method_kwargs": {"low": 3.0}},
        {"method": "mean", "method_kwargs": {"high": 2.0}},
        {"method": "average"},
        {"iterations": -1, "sky_images": 6},
        {"iterations": True, "sky_images": 6},
        {"iterations": "1", "sky_images": 6},
        {"sky_images_sep_time": 0},
        {"sky_images_sep_time": float("inf")},
        {"extinction": -0.1},
        {"extinction": True},
        {"refine_offsets": 1},
        {"method_kwargs": {"low": 0}},
    ],
)  # fmt: skip
def test_refused_requirements(values):
    with pytest.raises(ValidationError):
        DitherRequirements(**values)


@pytest.mark.parametrize(
    "values",
    [
        {"iterations": 1, "sky_images": 5},
        {"method": "median", "method_kwargs": {}},
        {"method_kwargs": RejectionLimits(low=2, high=5.5)},
        {"offsets": "user_offsets.txt"},
        {"sky_images_sep_time": 5},
    ],
)
def test_accepted_requirements(values):
    DitherRequirements(**values)


def test_the_word_none():
    assert DitherRequirements(offsets="None").offsets is None


@pytest.mark.parametrize(
    ("values", "good", "bad"),
    [
        ({"nside_adhoc_sky_correction": 10}, HAWAII2, H2RG),
        ({"adhoc_sky_correction_h2rg": True}, H2RG, HAWAII2),
    ],
)
def test_corrections_belong_to_a_detector(values, good, bad):
    requirements = DitherRequirements(**values)
    requirements.check_detector(good)
    DitherRequirements().check_detector(bad)
    with pytest.raises(InputError, match=f"{next(iter(values))} is not meant .* {bad.name}"):
        requirements.check_detector(bad)


def test_all_problems_are_reported_with_hints():
    with pytest.raises(ValidationError) as caught:
        dither(requirements={"iteratons": 1, "extinction": "x{}"}, enable=True, id="..")
    found = {error["loc"]: error["msg"] for error in caught.value.errors()}
    assert found == {
        ("requirements", "iteratons"): "unknown key: did you mean 'iterations'?",
        ("requirements", "extinction"): "found 'x{}', expected a valid number",
        ("enable",): "unknown key: did you mean 'enabled'?",
        ("id",): "'..' leads out of its directory; a name without '/' or '\\' was expected",
    }


def test_with_defaults():
    block = dither(requirements={"extinction": 0.1}, labels={"a": 1})
    filled = block.with_defaults({"extinction": 0.5, "offsets": "a.txt"})
    assert filled.requirements == DitherRequirements(extinction=0.1, offsets="a.txt")
    assert filled.labels == {"a": 1}
    assert block.requirements.offsets is None
    with pytest.raises(ValidationError, match="sky_images must be"):
        block.with_defaults({"iterations": 1})
