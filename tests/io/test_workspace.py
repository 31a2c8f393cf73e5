"""Directories that are complete or absent, and copies that are not made twice."""

import json
import os

import pytest

from emirimg.exceptions import InputError
from emirimg.io import (
    Workspace,
    complete_directory,
    gather,
    index_files,
    link_files,
    sha256,
)
from emirimg.io.workspace import INDEX


def names(directory):
    return sorted(path.name for path in directory.iterdir())


def write_and_fail(target):
    with complete_directory(target) as directory:
        (directory / "a").write_text("new")
        raise RuntimeError


@pytest.fixture
def files(tmp_path):
    data = tmp_path / "data"
    data.mkdir()
    for name in ("a.fits", "b.fits"):
        (data / name).write_text(f"content of {name}")
    return {name: data / name for name in ("a.fits", "b.fits")}


def test_names_of_the_directories(tmp_path):
    space = Workspace.of_block("_0001877553", tmp_path)
    assert space.work == tmp_path / "obsid_0001877553_work"
    assert space.results == tmp_path / "obsid_0001877553_results"


def test_copies(tmp_path, files):
    work = tmp_path / "deep" / "work"
    assert gather(files, work) == ["a.fits", "b.fits"]
    assert (work / "a.fits").read_text() == "content of a.fits"
    assert not (work / "a.fits").is_symlink()
    index = json.loads((work / INDEX).read_text())
    assert index == {name: sha256(path) for name, path in files.items()}


def test_unchanged_files_are_not_copied_again(tmp_path, files):
    gather(files, tmp_path / "work")
    assert gather(files, tmp_path / "work") == []
    files["a.fits"].write_text("Content of a.fits")
    assert gather(files, tmp_path / "work") == ["a.fits"]
    assert (tmp_path / "work" / "a.fits").read_text() == "Content of a.fits"


@pytest.mark.parametrize("change", ["content of b.fitz", "more than it was before"])
def test_a_copy_that_was_changed_is_made_again(tmp_path, files, change):
    work = tmp_path / "work"
    gather(files, work)
    (work / "b.fits").write_text(change)
    later = (work / INDEX).stat().st_mtime + 10
    os.utime(work / "b.fits", (later, later))
    assert gather(files, work) == ["b.fits"]
    assert (work / "b.fits").read_text() == "content of b.fits"


def test_links_are_relative(tmp_path, files):
    work = tmp_path / "work"
    assert gather(files, work, link=True) == ["a.fits", "b.fits"]
    assert str((work / "a.fits").readlink()) == "../data/a.fits"
    assert (work / "a.fits").read_text() == "content of a.fits"
    assert sorted(json.loads((work / INDEX).read_text())) == ["a.fits", "b.fits"]
    assert gather(files, work, link=True) == []


def test_links_from_a_directory_that_is_itself_a_link(tmp_path, files):
    (tmp_path / "far" / "away").mkdir(parents=True)
    (tmp_path / "work").symlink_to(tmp_path / "far" / "away")
    gather(files, tmp_path / "work", link=True)
    assert (tmp_path / "work" / "a.fits").read_text() == "content of a.fits"


@pytest.mark.parametrize("first", [True, False])
def test_copies_and_links_replace_each_other(tmp_path, files, first):
    work = tmp_path / "work"
    gather(files, work, link=first)
    assert gather(files, work, link=not first) == ["a.fits", "b.fits"]
    assert (work / "a.fits").is_symlink() == (not first)
    assert files["a.fits"].read_text() == "content of a.fits"


def test_a_broken_link_is_replaced(tmp_path, files):
    work = tmp_path / "work"
    work.mkdir()
    (work / "a.fits").symlink_to(tmp_path / "gone.fits")
    assert gather(files, work, link=True) == ["a.fits", "b.fits"]
    assert (work / "a.fits").exists()


@pytest.mark.parametrize("damage", ["", "[1]", "{"])
def test_a_damaged_index_is_made_anew(tmp_path, files, damage):
    work = tmp_path / "work"
    gather(files, work)
    (work / INDEX).write_text(damage)
    assert gather(files, work) == ["a.fits", "b.fits"]
    assert len(json.loads((work / INDEX).read_text())) == 2


def test_a_file_is_not_replaced_by_itself(tmp_path):
    (tmp_path / "work").mkdir()
    own = tmp_path / "work" / "c.fits"
    own.write_text("c")
    with pytest.raises(InputError, match="move it"):
        gather({"c.fits": own}, tmp_path / "work", link=True)
    assert own.read_text() == "c"


def test_a_complete_directory_appears_at_the_end(tmp_path):
    target = tmp_path / "deep" / "results"
    with complete_directory(target) as directory:
        (directory / "a").write_text("new")
        assert not target.exists()
    assert (target / "a").read_text() == "new"
    assert names(tmp_path / "deep") == ["results"]


def test_a_failure_leaves_the_old_directory(tmp_path):
    target = tmp_path / "results"
    target.mkdir()
    (target / "a").write_text("old")
    with pytest.raises(RuntimeError):
        write_and_fail(target)
    assert (target / "a").read_text() == "old"
    assert names(tmp_path) == ["results"]


def test_a_failure_leaves_nothing_where_nothing_was(tmp_path):
    with pytest.raises(RuntimeError):
        write_and_fail(tmp_path / "results")
    assert names(tmp_path) == []


def test_other_files_of_the_old_directory_stay(tmp_path):
    target = tmp_path / "results"
    target.mkdir()
    (target / "a").write_text("old")
    (target / "notes.txt").write_text("mine")
    with complete_directory(target) as directory:
        (directory / "a").write_text("new")
    assert names(target) == ["a", "notes.txt"]
    assert (target / "a").read_text() == "new"
    assert names(tmp_path) == ["results"]


def test_a_file_in_the_place_of_the_directory(tmp_path):
    (tmp_path / "results").write_text("")
    with (
        pytest.raises(InputError, match="results is a file"),
        complete_directory(tmp_path / "results"),
    ):
        pass


def test_links_may_be_indexed_later(tmp_path, files):
    work = tmp_path / "work"
    assert link_files(files, work) == ["a.fits", "b.fits"]
    assert names(work) == ["a.fits", "b.fits"]
    index_files({"a.fits": files["a.fits"]}, work)
    index_files({"b.fits": files["b.fits"]}, work)
    index = json.loads((work / INDEX).read_text())
    assert index == {name: sha256(path) for name, path in files.items()}
    assert link_files(files, work) == []
