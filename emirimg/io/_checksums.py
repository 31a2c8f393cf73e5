"""Checksums of files, some of them worked out before they are asked for."""

from __future__ import annotations

import hashlib
import mmap
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from ._directories import fits_files

__all__ = ["checksum", "checksums_beside"]

_PIECE = 2**23

_State = tuple[Path, int, int]
_known: dict[_State, str] = {}
"""Checksums of files as they were, each for the first who asks."""


def checksum(path: Path) -> str:
    """Return the SHA-256 checksum of a file, in hexadecimal digits."""
    found = _known.pop(_state(path), None) if _known else None
    return _worked_out(path) if found is None else found


@contextmanager
def checksums_beside(paths: Iterable[Path]) -> Iterator[None]:
    """Work out checksums that are going to be asked for, while something else is done.

    To load modules keeps one processor busy; another one does this meanwhile.

    Parameters
    ----------
    paths : iterable of `~pathlib.Path`
        Files, and directories whose FITS files may be exposures. What is not done in
        the end, or cannot be read, is left to `checksum`.
    """
    over = threading.Event()

    def work() -> None:
        try:
            for path in paths:
                for file in fits_files(path) if path.is_dir() else [path]:
                    if over.is_set():
                        return
                    state = _state(file)
                    _known[state] = _worked_out(file)
        except OSError:
            return  # whoever needs the file says so better

    thread = threading.Thread(target=work, name="checksums", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()


def _state(path: Path) -> _State:
    """Return what is different if the file is another one, or was written anew."""
    state = path.stat()
    return path.resolve(), state.st_size, state.st_mtime_ns


def _worked_out(path: Path) -> str:
    found = hashlib.sha256()
    # In few steps: after each of them, a thread that loads modules may have to be waited for.
    # Memory of that size, unless it comes from the system itself, would stay with the thread.
    with (
        mmap.mmap(-1, _PIECE) as memory,
        memoryview(memory) as piece,
        path.open("rb", buffering=0) as stream,
    ):
        while n := stream.readinto(piece):
            found.update(piece[:n])
    return found.hexdigest()
