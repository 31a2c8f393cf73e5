"""Directories appear whole or not at all."""

import pytest

from emirimg.cli._output import output_directory
from emirimg.exceptions import InputError

PRODUCTS = ("image.fits", "log")


def fail_with(error, target):
    with output_directory(target, PRODUCTS, overwrite=True) as workplace:
        (workplace / "log").write_text("half")
        raise error


def test_directory_appears_at_the_end(tmp_path):
    target = tmp_path / "new" / "results"
    with output_directory(target, PRODUCTS) as workplace:
        (workplace / "log").write_text("done")
        assert not target.exists()
        assert workplace.parent.parent == target.parent
    assert (target / "log").read_text() == "done"
    assert list(target.parent.iterdir()) == [target]


def test_permissions_are_the_usual_ones(tmp_path):
    usual = tmp_path / "usual"
    usual.mkdir()
    with output_directory(tmp_path / "results", PRODUCTS):
        pass
    assert (tmp_path / "results").stat().st_mode == usual.stat().st_mode


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_failure_leaves_nothing(tmp_path, error):
    with pytest.raises(error):
        fail_with(error, tmp_path / "results")
    assert not list(tmp_path.iterdir())


def test_failure_leaves_old_products(tmp_path):
    (tmp_path / "log").write_text("old")
    with pytest.raises(ValueError):
        fail_with(ValueError, tmp_path)
    assert (tmp_path / "log").read_text() == "old"


def test_products_are_not_replaced(tmp_path):
    (tmp_path / "image.fits").touch()
    with (
        pytest.raises(InputError, match=r"already has image\.fits.*--overwrite"),
        output_directory(tmp_path, PRODUCTS),
    ):
        pytest.fail("no work should be done")


def test_products_are_replaced_when_asked_for(tmp_path):
    (tmp_path / "log").write_text("old")
    (tmp_path / "notes").write_text("mine")
    with output_directory(tmp_path, PRODUCTS, overwrite=True) as workplace:
        (workplace / "log").write_text("new")
    assert (tmp_path / "log").read_text() == "new"
    assert (tmp_path / "notes").read_text() == "mine"


def test_directory_without_products_is_used(tmp_path):
    (tmp_path / "notes").write_text("mine")
    with output_directory(tmp_path, PRODUCTS) as workplace:
        (workplace / "log").write_text("new")
    assert sorted(file.name for file in tmp_path.iterdir()) == ["log", "notes"]


def test_work_is_done_on_the_file_system_of_a_directory_that_is_there(tmp_path):
    (tmp_path / "other_disk").mkdir()
    (tmp_path / "results").symlink_to(tmp_path / "other_disk")
    with output_directory(tmp_path / "results", PRODUCTS) as workplace:
        assert workplace.resolve().parent.parent == tmp_path / "other_disk"
        (workplace / "log").touch()
    assert [path.name for path in (tmp_path / "other_disk").iterdir()] == ["log"]


def test_a_link_that_leads_nowhere_is_refused(tmp_path):
    (tmp_path / "results").symlink_to(tmp_path / "gone")
    with (
        pytest.raises(InputError, match=r"results is a link to .*gone, which does not exist"),
        output_directory(tmp_path / "results", PRODUCTS),
    ):
        pytest.fail("no work should be done")


def test_a_directory_of_others_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("os.access", lambda *_: False)  # root may write anywhere
    with (
        pytest.raises(InputError, match="cannot be written to: Permission denied"),
        output_directory(tmp_path, PRODUCTS),
    ):
        pytest.fail("no work should be done")


def test_file_is_refused(tmp_path):
    (tmp_path / "results").touch()
    with (
        pytest.raises(InputError, match="results is a file; a directory"),
        output_directory(tmp_path / "results", PRODUCTS),
    ):
        pytest.fail("no work should be done")


def test_a_directory_that_cannot_be_made(tmp_path):
    (tmp_path / "file").touch()
    target = tmp_path / "file" / "results"
    with (
        pytest.raises(InputError, match=r"file/results cannot be made: "),
        output_directory(target, PRODUCTS),
    ):
        pass
