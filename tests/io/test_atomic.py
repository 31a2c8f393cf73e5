import pytest

from emirimg.exceptions import InputError
from emirimg.io import replacing


def test_a_file_appears_when_it_is_complete(tmp_path):
    path = tmp_path / "a.fits.gz"
    with replacing(path) as temporary:
        temporary.write_text("new")
        assert temporary.parent == tmp_path
        assert temporary.name.endswith(".fits.gz")
        assert not path.exists()
    assert path.read_text() == "new"
    assert list(tmp_path.iterdir()) == [path]


def test_an_error_leaves_the_old_file(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old")

    def fail():
        with replacing(path, overwrite=True) as temporary:
            temporary.write_text("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_overwrite(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old")
    with pytest.raises(InputError, match=r"a\.txt exists already"), replacing(path):
        pass
    assert path.read_text() == "old"
    with replacing(path, overwrite=True) as temporary:
        temporary.write_text("new")
    assert path.read_text() == "new"


def test_a_file_that_appears_meanwhile_is_kept(tmp_path):
    path = tmp_path / "a.txt"

    def write():
        with replacing(path) as temporary:
            temporary.write_text("mine")
            path.write_text("theirs")

    with pytest.raises(InputError, match="exists already"):
        write()
    assert path.read_text() == "theirs"
    assert list(tmp_path.iterdir()) == [path]


def test_a_link_is_replaced_and_not_followed(tmp_path):
    raw = tmp_path / "raw.txt"
    raw.write_text("raw")
    link = tmp_path / "link.txt"
    link.symlink_to(raw)
    with pytest.raises(InputError, match="exists already"), replacing(link):
        pass
    with replacing(link, overwrite=True) as temporary:
        temporary.write_text("new")
    assert raw.read_text() == "raw"
    assert not link.is_symlink()


@pytest.mark.parametrize("name", ["missing/a.txt", "."])
def test_impossible_names(tmp_path, name):
    with (
        pytest.raises(InputError, match="cannot be written"),
        replacing(tmp_path / name, overwrite=True),
    ):
        pass
