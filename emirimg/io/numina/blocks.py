"""Read observation blocks."""

from __future__ import annotations

import warnings
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from ..._strategy import explain_unknown
from ...blocks import MODES, ObservationBlock
from ...exceptions import InputError, MetadataWarning
from ._documents import Document, Place, Problems, only_mapping, read_documents
from .session import apply_session

__all__ = ["LocatedBlock", "children_first", "read_blocks", "read_located_blocks"]

_Read = Sequence[tuple[Document, ObservationBlock]]


@dataclass(frozen=True)
class LocatedBlock:
    """An observation block, and where in which file it stands.

    Parameters
    ----------
    block : ObservationBlock
        The block.
    path : `~pathlib.Path`
        The file.
    document : Document
        Its document in the file.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from emirimg.io import generate_blocks, read_located_blocks, write_blocks
    >>> with TemporaryDirectory() as directory:
    ...     path = write_blocks(f"{directory}/a.yaml", generate_blocks(["e1.fits"], step=0))
    ...     [found] = read_located_blocks([path])
    ...     print(found.at("frames", 0).removeprefix(directory))
    /a.yaml:5: (document 1)
    """

    block: ObservationBlock
    path: Path
    document: Document

    def at(self, *place: str | int) -> str:
        """Say where a part of the block stands, to begin a message with."""
        return f"{self.path}:{self.document.line_of(place)}: (document {self.document.number})"


def read_blocks(path: str | Path, *, known: Collection[str] = ()) -> list[ObservationBlock]:
    r"""Read the observation blocks of a file.

    Parameters
    ----------
    path : str or `~pathlib.Path`
        YAML file with one block in each document.
    known : collection of str, optional
        Identifiers of blocks of other files, which may be children here.

    Returns
    -------
    list of ObservationBlock
        In the order of the file.

    Raises
    ------
    InputError
        If anything is wrong; the message names the line of every problem.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> from emirimg.io import read_blocks
    >>> text = (
    ...     "id: _0001\ninstrument: EMIR\nmode: STARE_IMAGE\nframes: [e1.fits]\n"
    ...     "requirements: {reprojection_method: adaptive}\n"
    ... )
    >>> with TemporaryDirectory() as directory:
    ...     path = Path(directory) / "blocks.yaml"
    ...     _ = path.write_text(text)
    ...     [block] = read_blocks(path)
    >>> block.frames, block.requirements.reprojection_method
    (('e1.fits',), 'adaptive')
    """
    return [item.block for item in read_located_blocks([path], known=known)]


def read_located_blocks(
    paths: Iterable[str | Path],
    *,
    known: Collection[str] = (),
    changes: Mapping[str, Any] | None = None,
    loose: bool = False,
    session: bool = False,
) -> list[LocatedBlock]:
    """Read the observation blocks of several files that belong together.

    Parameters
    ----------
    paths : iterable of path
        YAML files. A block may have children in any of them.
    known : collection of str, optional
        Identifiers of blocks of other files, which may be children here.
    changes : mapping, optional
        Requirements that replace those of all blocks of a mode that knows
        them.
    loose : bool, optional
        Whether requirements that a mode does not know are left out with a
        warning. Default: they are an error.
    session : bool, optional
        Whether the first document of each file lists which blocks are run.

    Returns
    -------
    list of LocatedBlock
        In the order of the files.

    Raises
    ------
    InputError
        If anything is wrong; the message names the line of every problem.

    Warns
    -----
    MetadataWarning
        If a requirement was left out.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from emirimg.io import generate_blocks, read_located_blocks, write_blocks
    >>> with TemporaryDirectory() as directory:
    ...     path = write_blocks(f"{directory}/a.yaml", generate_blocks(["e1.fits"], step=0))
    ...     [found] = read_located_blocks([path], changes={"reprojection_method": "exact"})
    >>> found.block.requirements.reprojection_method
    'exact'
    """
    problems: list[Problems] = []
    names = set(known)
    located: list[LocatedBlock] = []
    for path in map(Path, paths):
        here = Problems(path)
        problems.append(here)
        read = _read_file(path, here, names, changes or {}, loose=loose, session=session)
        _check_identifiers(read, here)
        elsewhere = {item.block.id: item for item in located}
        for document, block in read:
            if block.id in elsewhere:
                text = f"id: {block.id!r} is the id of a block of {elsewhere[block.id].path}, too"
                here.add(document.line_of(("id",)), text, document.number)
        located += [LocatedBlock(block, path, document) for document, block in read]
    for here in problems:
        read = [(item.document, item.block) for item in located if item.path == here.path]
        _check_children(read, names, here)
    if not any(here.texts() for here in problems):
        _check_circles(located, problems)
    texts = [text for here in problems for text in here.texts()]
    if texts:
        raise InputError("\n".join(texts))
    return located


def children_first(blocks: Iterable[LocatedBlock]) -> list[LocatedBlock]:
    """Put blocks after their children, and leave the order as it is otherwise.

    Parameters
    ----------
    blocks : iterable of LocatedBlock
        Children that are not among them are passed over.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from emirimg.io import children_first, generate_blocks, read_located_blocks, write_blocks
    >>> blocks = generate_blocks(["e1.fits", "e2.fits"], step=1)
    >>> with TemporaryDirectory() as directory:
    ...     path = write_blocks(f"{directory}/a.yaml", reversed(blocks))
    ...     found = read_located_blocks([path])
    >>> [one.block.mode for one in found][0], [one.block.mode for one in children_first(found)][-1]
    ('FULL_DITHERED_IMAGE', 'FULL_DITHERED_IMAGE')
    """
    waiting = {item.block.id: item for item in blocks}
    ordered: list[LocatedBlock] = []

    def add(item: LocatedBlock) -> None:
        for child in item.block.children:
            if child in waiting:
                add(waiting.pop(child))
        ordered.append(item)

    while waiting:
        add(waiting.pop(next(iter(waiting))))
    return ordered


def _read_file(
    path: Path,
    problems: Problems,
    names: set[str],
    changes: Mapping[str, Any],
    *,
    loose: bool,
    session: bool,
) -> list[tuple[Document, ObservationBlock]]:
    """Read the blocks of one file as far as they are sound, and add to the names."""
    documents = read_documents(path, problems)
    if session:
        documents = apply_session(documents, problems)
    if not documents and not problems.texts():
        problems.add(1, "the file has no document; an observation block was expected")
    blocks: list[tuple[Document, ObservationBlock]] = []
    for document in documents:
        if not only_mapping(document, problems, ("id", "instrument", "mode")):
            continue
        _read_synonym(document, problems)
        _keep_written_identifiers(document)
        if loose:
            _leave_out_unknown(document, path)
        _change(document, changes)
        # A block that cannot be read is known all the same: its own problem is enough.
        names.add(str(document.value.get("id")))
        try:
            blocks.append((document, ObservationBlock.model_validate(document.value)))
        except ValidationError as error:
            problems.add_invalid(document, error)
    return blocks


def _leave_out_unknown(document: Document, path: Path) -> None:
    """Leave out, with a warning, the requirements that the mode does not know."""
    mode, requirements = document.value.get("mode"), document.value.get("requirements")
    if not isinstance(requirements, dict) or mode not in tuple(MODES):
        return
    known = MODES[mode].model_fields
    for name in [name for name in requirements if name not in known]:
        line = document.line_of(("requirements", name))
        msg = (
            f"{path}:{line}: (document {document.number}) requirements.{name}: {mode} does not"
            " know this requirement, it is left out"
        )
        warnings.warn(msg, MetadataWarning, stacklevel=4)
        del requirements[name]


def _change(document: Document, changes: Mapping[str, Any]) -> None:
    mode = document.value.get("mode")
    known = MODES[mode].model_fields if mode in tuple(MODES) else ()
    replaced = {name: value for name, value in changes.items() if name in known}
    if replaced and isinstance(document.value.get("requirements"), dict | None):
        document.value["requirements"] = {**(document.value.get("requirements") or {}), **replaced}


def _read_synonym(document: Document, problems: Problems) -> None:
    """Call ``images`` what it is a synonym of."""
    if "images" not in document.value:
        return
    if "frames" in document.value:
        line = document.line_of(("images",))
        problems.add(line, "images: means the same as frames, give only one", document.number)
        del document.value["images"]
        return
    document.value["frames"] = document.value.pop("images")
    _rename(document.lines)
    _rename(document.texts)


def _rename(notes: dict[Place, Any]) -> None:
    for place in [place for place in notes if place[:1] == ("images",)]:
        notes["frames", *place[1:]] = notes[place]


def _keep_written_identifiers(document: Document) -> None:
    """Keep the digits of identifiers that YAML takes for (octal) numbers."""

    def written(value: object, place: Place) -> object:
        is_number = isinstance(value, int) and not isinstance(value, bool)
        return document.texts[place] if is_number else value

    values = document.value
    for key in ("id", "parent"):
        if key in values:
            values[key] = written(values[key], (key,))
    if isinstance(values.get("children"), list):
        values["children"] = [
            written(child, ("children", index)) for index, child in enumerate(values["children"])
        ]


def _check_identifiers(blocks: _Read, problems: Problems) -> None:
    first: dict[str, int] = {}
    for document, block in blocks:
        line = document.line_of(("id",))
        if block.id in first:
            text = f"id: {block.id!r} is the id of the block in line {first[block.id]}, too"
            problems.add(line, text, document.number)
        first.setdefault(block.id, line)


def _check_children(blocks: _Read, names: Collection[str], problems: Problems) -> None:
    for document, block in blocks:
        for index, child in enumerate(block.children):
            if child not in names:
                line = document.line_of(("children", index))
                text = f"children.{index}: no block has the id {child!r}: "
                text += explain_unknown(child, names)
                problems.add(line, text, document.number)


def _check_circles(located: Sequence[LocatedBlock], problems: Sequence[Problems]) -> None:
    order = TopologicalSorter({item.block.id: item.block.children for item in located})
    try:
        order.prepare()
    except CycleError as error:
        circle = error.args[1]
        first = next(item for item in located if item.block.id in circle)
        here = next(item for item in problems if item.path == first.path)
        text = f"children: blocks contain each other: {' > '.join(circle)}"
        here.add(first.document.line_of(("children",)), text, first.document.number)
