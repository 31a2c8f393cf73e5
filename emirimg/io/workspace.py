"""The directories of a reduction: one to work in, one for the results."""

from __future__ import annotations

import json
import os
import secrets
import shutil
from collections.abc import Iterator, Mapping
from concurrent.futures import Executor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from .._parallel import parallel_map
from ..exceptions import InputError
from .atomic import replacing
from .checksum import sha256
from .json_file import write_json

__all__ = ["INDEX", "Workspace", "complete_directory", "gather", "index_files", "link_files"]

INDEX = "index.json"
"""Name of the file that keeps the checksums of what was copied or linked."""


@dataclass(frozen=True)
class Workspace:
    """Where a block is reduced, and where its results lie.

    Parameters
    ----------
    work : `~pathlib.Path`
        Directory of the inputs and of intermediate images.
    results : `~pathlib.Path`
        Directory of the results.

    Examples
    --------
    >>> from emirimg.io import Workspace
    >>> workspace = Workspace.of_block("_combined_v0", "night1")
    >>> workspace.work.as_posix(), workspace.results.as_posix()
    ('night1/obsid_combined_v0_work', 'night1/obsid_combined_v0_results')
    """

    work: Path
    results: Path

    @classmethod
    def of_block(cls, block_id: str, base: str | Path = ".") -> Workspace:
        """Return the directories of a block.

        Parameters
        ----------
        block_id : str
            Identifier of the block.
        base : path, optional
            Directory in which they are. Default: the current one.
        """
        return cls(Path(base) / f"obsid{block_id}_work", Path(base) / f"obsid{block_id}_results")

    def absolute(self) -> Workspace:
        """Return directories that are the same wherever one is.

        Examples
        --------
        >>> from emirimg.io import Workspace
        >>> Workspace.of_block("_1", "night1").absolute().work.is_absolute()
        True
        """
        return Workspace(self.work.absolute(), self.results.absolute())

    def require(self) -> None:
        """Refuse directories that cannot be made, before any work.

        Raises
        ------
        InputError
            If one of them is a file, or nothing may be written where it is to be.

        Examples
        --------
        >>> from tempfile import TemporaryDirectory
        >>> from emirimg.io import Workspace
        >>> with TemporaryDirectory() as directory:
        ...     Workspace.of_block("_1", directory).require()
        """
        for directory in (self.work, self.results):
            _require_directory(directory)


def gather(
    files: Mapping[str, Path],
    directory: str | Path,
    *,
    link: bool = False,
    executor: Executor | None = None,
) -> list[str]:
    """Copy files into a directory, or link to them.

    Parameters
    ----------
    files : mapping
        Name in the directory to path of the file.
    directory : path
        Where they shall be; it is made if it does not exist.
    link : bool, optional
        Whether symbolic links are made instead of copies.
    executor : `concurrent.futures.Executor`, optional
        Where checksums are worked out. Default: threads.

    Returns
    -------
    list of str
        The names of the files that were copied or linked now. Others were
        there already, with the checksum that the index says.

    Raises
    ------
    InputError
        If a file would be replaced by itself, or is a directory.

    Notes
    -----
    The file `INDEX` keeps the SHA-256 checksums of everything that was ever
    gathered in the directory.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> from emirimg.io import gather
    >>> with TemporaryDirectory() as directory:
    ...     file = Path(directory) / "e1.fits"
    ...     _ = file.write_bytes(b"...")
    ...     print(gather({"e1.fits": file}, Path(directory) / "work", link=True))
    ...     print(gather({"e1.fits": file}, Path(directory) / "work", link=True))  # it is there
    ['e1.fits']
    []
    """
    directory = Path(directory)
    directory.mkdir(parents=True, exist_ok=True)
    new = link_files(files, directory) if link else []
    index, written = _read_index(directory)
    digests = dict(
        zip(files, parallel_map(sha256, files.values(), executor=executor), strict=True)
    )
    for name, source in {} if link else files.items():
        target = directory / name
        if index.get(name) == digests[name] and _is_copy(target, source, written):
            continue
        _refuse_itself(target, source)
        with replacing(target, overwrite=True) as temporary:
            shutil.copyfile(source, temporary)
        new.append(name)
    _write_index(directory, {**index, **digests})
    return new


def link_files(files: Mapping[str, Path], directory: str | Path) -> list[str]:
    """Link to files from a directory, as `gather` does; `index_files` may follow later.

    Links are made without knowing the checksums, for which all files must be read.

    Parameters
    ----------
    files, directory
        As `gather` takes them.

    Returns
    -------
    list of str
        The names of the links that were made now.

    Raises
    ------
    InputError
        If a file would be replaced by itself, or is a directory.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> from emirimg.io import index_files, link_files
    >>> with TemporaryDirectory() as directory:
    ...     file = Path(directory) / "e1.fits"
    ...     _ = file.write_bytes(b"...")
    ...     work = Path(directory) / "work"
    ...     print(link_files({"e1.fits": file}, work))
    ...     index_files({"e1.fits": file}, work)
    ...     print(sorted(path.name for path in work.iterdir()))
    ['e1.fits']
    ['e1.fits', 'index.json']
    """
    directory = Path(directory)
    directory.mkdir(parents=True, exist_ok=True)
    new = []
    for name, source in files.items():
        target = directory / name
        if _is_link(target, source):
            continue
        _refuse_itself(target, source)
        with replacing(target, overwrite=True) as temporary:
            temporary.symlink_to(_relative(source, directory))
        new.append(name)
    return new


def index_files(files: Mapping[str, Path], directory: str | Path) -> None:
    """Add the checksums of files to the index of a directory, in this thread alone.

    Parameters
    ----------
    files, directory
        As `gather` takes them.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> from emirimg.io import INDEX, index_files
    >>> with TemporaryDirectory() as directory:
    ...     file = Path(directory) / "e1.fits"
    ...     _ = file.write_bytes(b"...")
    ...     index_files({"e1.fits": file}, directory)
    ...     print((Path(directory) / INDEX).read_text()[:20])
    {
      "e1.fits": "ab5d
    """
    directory = Path(directory)
    digests = {name: sha256(path) for name, path in files.items()}
    _write_index(directory, {**_read_index(directory)[0], **digests})


@contextmanager
def complete_directory(target: str | Path) -> Iterator[Path]:
    """Lend a new directory that gets its final name when everything is in it.

    Parameters
    ----------
    target : path
        Final name. What is in a directory of that name and not made anew
        stays.

    Yields
    ------
    `~pathlib.Path`
        A directory beside the final one. When an error leaves the block, it
        is removed, and the old directory is as it was.

    Raises
    ------
    InputError
        If a file has the final name.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> from emirimg.io import complete_directory
    >>> with TemporaryDirectory() as directory:
    ...     with complete_directory(Path(directory) / "results") as new:
    ...         _ = (new / "a.txt").write_text("1")
    ...     print([path.name for path in (Path(directory) / "results").iterdir()])
    ['a.txt']
    """
    target = Path(target).resolve()
    _require_directory(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    mark = secrets.token_hex(4)
    new, old = (target.with_name(f".{target.name}-{word}-{mark}") for word in ("new", "old"))
    new.mkdir()
    try:
        yield new
        if target.exists():
            target.rename(old)
        new.rename(target)
    finally:
        shutil.rmtree(new, ignore_errors=True)
        if old.exists() and not target.exists():
            old.rename(target)
    if old.exists():
        for path in old.iterdir():
            if not (target / path.name).exists():
                path.rename(target / path.name)
        shutil.rmtree(old)


def _read_index(directory: Path) -> tuple[dict[str, str], float]:
    """Return the checksums of an earlier run and their time; none if damaged."""
    path = directory / INDEX
    try:
        index = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}, 0.0
    return (index, path.stat().st_mtime) if isinstance(index, dict) else ({}, 0.0)


def _write_index(directory: Path, index: Mapping[str, str]) -> None:
    write_json(directory / INDEX, dict(sorted(index.items())), overwrite=True)


def _refuse_itself(target: Path, source: Path) -> None:
    if target.exists() and not target.is_symlink() and target.samefile(source):
        msg = f"{source} lies in the directory of intermediate files {target.parent}; move it"
        raise InputError(msg)


def _is_link(target: Path, source: Path) -> bool:
    return target.is_symlink() and target.exists() and target.samefile(source)


def _is_copy(target: Path, source: Path, written: float) -> bool:
    """Tell whether a copy is there and was not changed since the index was written."""
    if target.is_symlink() or not target.is_file():
        return False
    found = target.stat()
    return found.st_size == source.stat().st_size and found.st_mtime <= written


def _relative(source: Path, directory: Path) -> str:
    """Return the path of a file as seen from a directory, so that a tree can be moved."""
    return os.path.relpath(source.absolute(), directory.resolve())


def _require_directory(target: Path) -> None:
    """Refuse a directory that is a file, or that cannot be made anew beside itself."""
    target = target.resolve()
    there = next(place for place in target.parents if place.exists())
    for place in (target, there):
        if place.exists() and not place.is_dir():
            msg = f"{place} is a file; a directory was expected"
            raise InputError(msg)
    if not os.access(there, os.W_OK | os.X_OK):
        msg = f"{target} cannot be made: {there} cannot be written to"
        raise InputError(msg)
