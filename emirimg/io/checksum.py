"""Checksums of files."""

from __future__ import annotations

import hashlib
from pathlib import Path

__all__ = ["sha256"]

_PIECE = 2**23


def sha256(path: str | Path) -> str:
    """Return the SHA-256 checksum of a file, in hexadecimal digits.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> from emirimg.io import sha256
    >>> with TemporaryDirectory() as directory:
    ...     path = Path(directory) / "a.txt"
    ...     _ = path.write_text("flat")
    ...     print(sha256(path)[:16])
    5dc27af287fa554a
    """
    found = hashlib.sha256()
    # In few steps: after each of them, a thread that loads modules may have to be waited for.
    piece = memoryview(bytearray(_PIECE))
    with Path(path).open("rb", buffering=0) as stream:
        while n := stream.readinto(piece):
            found.update(piece[:n])
    return found.hexdigest()
