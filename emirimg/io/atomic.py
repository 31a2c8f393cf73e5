"""Files that appear under their name only when they are complete."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..exceptions import InputError

__all__ = ["replacing", "require_place"]


@contextmanager
def replacing(path: str | Path, *, overwrite: bool = False) -> Iterator[Path]:
    """Lend a temporary name for a file, and rename the file when it is complete.

    Parameters
    ----------
    path : str or `~pathlib.Path`
        Final name. A symbolic link of that name is replaced, not followed.
    overwrite : bool, optional
        Whether an existing file may be replaced. Default: no.

    Yields
    ------
    `~pathlib.Path`
        A name in the same directory with the same suffixes. When the block
        ends well, that file gets its final name in one step; when an error
        leaves the block, the file is removed and the old one is untouched.

    Raises
    ------
    InputError
        If the file exists and must not be replaced, or its directory does
        not exist.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from emirimg.io import replacing
    >>> from pathlib import Path
    >>> with TemporaryDirectory() as directory:
    ...     path = Path(directory) / "table.txt"
    ...     with replacing(path) as temporary:
    ...         _ = temporary.write_text("1 2 3")
    ...         print(path.exists())
    ...     print(path.exists())
    False
    True
    """
    path = Path(path)
    require_place(path, overwrite=overwrite)
    temporary = path.with_name(f".{secrets.token_hex(4)}-{path.name}")
    try:
        yield temporary
        require_place(path, overwrite=overwrite)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def require_place(path: Path, *, overwrite: bool = False) -> None:
    """Refuse a name that `replacing` would refuse: before long work, not after it.

    Parameters
    ----------
    path : `~pathlib.Path`
        Name of a file that is to be written.
    overwrite : bool, optional
        Whether an existing file may be replaced. Default: no.

    Raises
    ------
    InputError
        As from `replacing`.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> from emirimg.exceptions import InputError
    >>> from emirimg.io import require_place
    >>> with TemporaryDirectory() as directory:
    ...     require_place(Path(directory) / "scores.json")
    ...     try:
    ...         require_place(Path(directory))
    ...     except InputError as error:
    ...         print(str(error).partition(": ")[2])
    a directory has that name
    """
    if not path.parent.is_dir():
        msg = f"{path} cannot be written: the directory {path.parent} does not exist"
        raise InputError(msg)
    if path.is_dir():
        msg = f"{path} cannot be written: a directory has that name"
        raise InputError(msg)
    if not overwrite and (path.exists() or path.is_symlink()):
        msg = f"{path} exists already and is not replaced unless overwrite is asked for"
        raise InputError(msg)
