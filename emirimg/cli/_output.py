"""Directories that appear whole or not at all."""

from __future__ import annotations

import os
import shlex
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from ..exceptions import InputError

__all__ = ["headings", "output_directory", "refuse_products", "typed_command"]


def refuse_products(target: Path, products: Sequence[str], *, overwrite: bool = False) -> None:
    """Refuse a directory in which products must not be written.

    Raises
    ------
    InputError
        If ``target`` is a file, a link that leads nowhere, or a directory that
        cannot be written to or holds products that must not be replaced.
    """
    if target.is_symlink() and not target.exists():
        msg = f"{target} is a link to {target.readlink()}, which does not exist; remove it"
        raise InputError(msg)
    if target.exists() and not target.is_dir():
        msg = f"{target} is a file; a directory for the products was expected"
        raise InputError(msg)
    found = [name for name in products if (target / name).exists()]
    if target.is_dir() and not os.access(target, os.W_OK | os.X_OK):
        msg = f"{target} cannot be written to: Permission denied"
        raise InputError(msg)
    if found and not overwrite:
        msg = (
            f"{target} already has {', '.join(found)}:"
            " choose another directory, or allow it with --overwrite"
        )
        raise InputError(msg)


@contextmanager
def output_directory(
    target: Path, products: Sequence[str], *, overwrite: bool = False
) -> Iterator[Path]:
    """Lend a new directory whose files move to ``target`` when all went well.

    Parameters
    ----------
    target : `~pathlib.Path`
        Where the files shall be. Other files that are there already stay.
    products : sequence of str
        Names of the files that will be made.
    overwrite : bool, optional
        Whether products that are there already may be replaced.

    Yields
    ------
    `~pathlib.Path`
        A hidden directory, removed if the work fails: within ``target`` if that
        is there already, which may be on another file system, else beside it.

    Raises
    ------
    InputError
        If ``target`` is a file, cannot be made, or holds products that must not
        be replaced.
    """
    target = target.absolute()
    refuse_products(target, products, overwrite=overwrite)
    place = target if target.exists() else target.parent
    try:
        place.mkdir(parents=True, exist_ok=True)
        made = tempfile.TemporaryDirectory(
            dir=place, prefix=f".{target.name}-", ignore_cleanup_errors=True
        )
    except OSError as error:
        msg = f"{target} cannot be made: {error.strerror or error}"
        raise InputError(msg) from error
    with made as room:
        workplace = Path(room) / target.name
        workplace.mkdir()  # unlike the room itself, with the permissions of the user's choice
        yield workplace
        if target.exists():
            for file in workplace.iterdir():
                file.replace(target / file.name)
        else:
            workplace.rename(target)


def typed_command(*words: str) -> str:
    """Return what can be pasted into a shell to run this command, or that of ``words``, again."""
    return (
        f"cd {shlex.quote(str(Path.cwd()))}\n{shlex.join(['emirimg', *(words or sys.argv[1:])])}"
    )


def headings(paths: Sequence[Path]) -> list[str]:
    """Name files by their stems, or by their directories where those are alike."""
    stems = [path.stem for path in paths]
    if len(set(stems)) == len(paths):
        return stems
    parents = [path.parent.name for path in paths]
    if len(set(parents)) == len(paths):
        return parents
    return [str(number) for number, _ in enumerate(paths, start=1)]
