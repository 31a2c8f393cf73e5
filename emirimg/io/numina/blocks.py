"""Read observation blocks."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from ..._strategy import explain_unknown
from ...blocks import ObservationBlock
from ._documents import Document, Place, Problems, only_mapping, read_documents

__all__ = ["read_blocks"]

_Read = Sequence[tuple[Document, ObservationBlock]]


def read_blocks(path: str | Path, *, known: Collection[str] = ()) -> list[ObservationBlock]:
    """Read the observation blocks of a file.

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
    """
    path = Path(path)
    problems = Problems(path)
    documents = read_documents(path, problems)
    if not documents:
        problems.raise_any()
        problems.add(1, "the file has no document; an observation block was expected")
    blocks: list[tuple[Document, ObservationBlock]] = []
    names = set(known)
    for document in documents:
        if not only_mapping(document, problems, ("id", "instrument", "mode")):
            continue
        _read_synonym(document, problems)
        _keep_written_identifiers(document)
        # A block that cannot be read is known all the same: its own problem is enough.
        names.add(str(document.value.get("id")))
        try:
            blocks.append((document, ObservationBlock.model_validate(document.value)))
        except ValidationError as error:
            problems.add_invalid(document, error)
    _check_identifiers(blocks, problems)
    _check_children(blocks, names, problems)
    problems.raise_any()
    return [block for _, block in blocks]


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
    order = TopologicalSorter({block.id: block.children for _, block in blocks})
    try:
        order.prepare()
    except CycleError as error:
        circle = error.args[1]
        line, number = next(
            (document.line_of(("children",)), document.number)
            for document, block in blocks
            if block.id in circle
        )
        problems.add(line, f"children: blocks contain each other: {' > '.join(circle)}", number)
