"""Progress, notes and the log."""

import warnings

import pytest

from emirimg.cli._reporter import Reporter
from emirimg.exceptions import SkyWarning


def test_warning_of_emirimg_becomes_a_note(capsys):
    with Reporter() as reporter:
        for _ in range(2):
            warnings.warn("a.fits: the sky of\n two frames", SkyWarning, stacklevel=1)
    assert capsys.readouterr().err == "emirimg: note: a.fits: the sky of two frames\n"
    assert [line.partition(" ")[2] for line in reporter.log] == [
        "note: a.fits: the sky of two frames"
    ]


@pytest.mark.parametrize("verbose", [False, True])
def test_other_warnings_are_logged(verbose, capsys):
    with Reporter(verbose=verbose) as reporter:
        warnings.warn("divide by zero", RuntimeWarning, stacklevel=1)
    assert ("divide by zero" in capsys.readouterr().err) == verbose
    assert "divide by zero" in reporter.log[0]


def test_warnings_are_as_before_afterwards():
    before = warnings.showwarning
    with Reporter():
        assert warnings.showwarning != before
    assert warnings.showwarning is before


def test_quiet_prints_nothing(capsys):
    with Reporter(quiet=True) as reporter:
        reporter.say("result")
        reporter.step("step")
        warnings.warn("sky", SkyWarning, stacklevel=1)
    assert capsys.readouterr() == ("", "")
    assert len(reporter.log) == 2


def test_progress_yields_the_items_and_logs_the_step(capsys):
    with Reporter() as reporter:
        assert list(reporter.progress(iter("abc"), "estimating the sky", 3)) == ["a", "b", "c"]
    assert "estimating the sky (3): 0.0 s" in reporter.log[0]
    assert capsys.readouterr() == ("", "")


def test_verbose_prints_the_steps(capsys):
    with Reporter(verbose=True) as reporter:
        list(reporter.progress([1], "estimating the sky", 1))
    assert "estimating the sky (1)" in capsys.readouterr().err


def test_progress_can_be_nested_and_interrupted():
    with Reporter() as reporter:
        for _ in reporter.progress([1, 2], "outer", 2):
            for _ in reporter.progress([1, 2], "inner", 2):
                break
        for _ in reporter.progress([1], "after that", 1):
            pass
    assert "after that (1)" in reporter.log[-1]


def test_brackets_in_paths_are_printed_as_they_are(capsys):
    with Reporter() as reporter:
        reporter.say("/data/[red]/" + 100 * "x")
    assert capsys.readouterr().out == "/data/[red]/" + 100 * "x" + "\n"
