"""YAML documents with the line of everything in them, and all their problems."""

from __future__ import annotations

import reprlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from ...exceptions import InputError

__all__ = ["Document", "Place", "Problems", "only_mapping", "read_documents"]

_MOST_BYTES = 2_000_000
_MOST_LEVELS = 20
_MOST_PROBLEMS = 40
_MOST_LETTERS = 500

Place = tuple[str | int, ...]


class Problems:
    """What is wrong with a file, collected to be said in one message."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._found: list[tuple[int, str]] = []

    def add(self, line: int, text: str, document: int | None = None) -> None:
        """Add a problem in some line (from 1) of some document (from 1)."""
        where = "" if document is None else f"(document {document}) "
        if len(text) > _MOST_LETTERS:
            text = f"{text[:_MOST_LETTERS]}..."
        self._found.append((line, f"{self.path}:{line}: {where}{text}"))

    def add_invalid(self, document: Document, error: ValidationError, place: Place = ()) -> None:
        """Add what pydantic found wrong with the part of a document at ``place``."""
        for item in error.errors(include_url=False):
            there = (*place, *item["loc"])
            name = ".".join(map(str, there))
            message = item["msg"].removeprefix("Value error, ")
            text = f"{name}: {message}" if name else message
            self.add(document.line_of(there), text, document.number)

    def texts(self) -> list[str]:
        """Return one line for each problem, in order of the lines of the file."""
        lines = [text for _, text in sorted(self._found)]
        if len(lines) > _MOST_PROBLEMS:
            rest = len(lines) - _MOST_PROBLEMS
            lines = [*lines[:_MOST_PROBLEMS], f"{self.path}: and {rest} more problems"]
        return lines

    def raise_any(self) -> None:
        """Raise an InputError that names all problems, if there are any."""
        if self._found:
            raise InputError("\n".join(self.texts()))


@dataclass
class Document:
    """One document of a YAML file.

    Attributes
    ----------
    number : int
        Its place in the file, from 1.
    line : int
        Its first line, from 1.
    value : object
        Its content, in plain Python types.
    lines : dict
        The line of each key and list item, by the keys that lead to it.
    texts : dict
        How the scalars were written, by the same keys.
    """

    number: int
    line: int
    value: Any = None
    lines: dict[Place, int] = field(default_factory=dict)
    texts: dict[Place, str] = field(default_factory=dict)

    def line_of(self, place: Place) -> int:
        """Return the line of a place, or of the nearest thing around it."""
        for length in range(len(place), 0, -1):
            if place[:length] in self.lines:
                return self.lines[place[:length]]
        return self.line


def read_documents(path: Path, problems: Problems) -> list[Document]:
    """Read the documents of a YAML file as far as they are sound.

    Parameters
    ----------
    path : `~pathlib.Path`
        The file.
    problems : Problems
        Gets what is wrong with the others.

    Raises
    ------
    InputError
        If the file cannot be read at all.
    """
    text = _read_text(path, problems)
    loader = _Loader(text)
    documents: list[Document] = []
    try:
        while loader.check_node():
            number = len(documents) + 1
            node = loader.get_node()
            start = node.start_mark if node.start_mark != node.end_mark else loader.document_start
            document = Document(number, start.line + 1)
            document.value = _Builder(loader, document, problems).build(node, ())
            documents.append(document)
    except yaml.MarkedYAMLError as error:
        what = error.problem
        if error.context:
            start = error.context_mark or error.problem_mark
            what = f"{error.context} (from line {start.line + 1}): {what}"
        line = error.problem_mark.line + 1
        problems.add(line, f"not valid YAML: {what}", len(documents) + 1)
    finally:
        loader.dispose()
    return documents


def _read_text(path: Path, problems: Problems) -> str:
    try:
        with path.open("rb") as stream:
            content = stream.read(_MOST_BYTES + 1)
    except OSError as error:
        msg = f"{path} cannot be read: {error.strerror or error}"
        raise InputError(msg) from None
    if len(content) > _MOST_BYTES:
        msg = f"{path} is larger than {_MOST_BYTES} bytes: not a file of parameters"
        raise InputError(msg)
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        problems.add(line, f"byte 0x{content[error.start]:02x} is not UTF-8 text")
        problems.raise_any()
    strange = yaml.reader.Reader.NON_PRINTABLE.search(text)
    if strange:
        line = text.count("\n", 0, strange.start()) + 1
        problems.add(line, f"character {strange.group()!r} is not allowed in a text file")
        problems.raise_any()
    return text


class _Loader(yaml.SafeLoader):
    """A loader that refuses what could grow without limit."""

    level = 0
    document_start: yaml.Mark

    def compose_document(self) -> yaml.Node | None:
        self.document_start = self.peek_event().start_mark
        return super().compose_document()

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        event = self.peek_event()
        if self.check_event(yaml.AliasEvent):
            problem = f"the alias *{event.anchor} is not supported; write its value out"
            raise yaml.composer.ComposerError(None, None, problem, event.start_mark)
        if self.level >= _MOST_LEVELS:
            problem = f"more than {_MOST_LEVELS} levels inside each other"
            raise yaml.composer.ComposerError(None, None, problem, event.start_mark)
        self.level += 1
        try:
            return super().compose_node(parent, index)
        finally:
            self.level -= 1


class _Builder:
    """Turns the nodes of a document into plain values, and notes their lines."""

    def __init__(self, loader: _Loader, document: Document, problems: Problems) -> None:
        self.loader = loader
        self.document = document
        self.problems = problems

    def build(self, node: yaml.Node, place: Place) -> Any:
        """Return the value of a node."""
        self.document.lines.setdefault(place, node.start_mark.line + 1)
        kind = node.tag.removeprefix("tag:yaml.org,2002:")
        if isinstance(node, yaml.MappingNode) and kind == "map":
            return self._mapping(node, place)
        if isinstance(node, yaml.SequenceNode) and kind == "seq":
            return [self.build(item, (*place, i)) for i, item in enumerate(node.value)]
        if isinstance(node, yaml.ScalarNode):
            self.document.texts[place] = node.value
            if kind in {"str", "timestamp"}:  # a date is a name here
                return node.value
            if kind in {"int", "float", "bool", "null"}:
                try:
                    return self.loader.construct_object(node)
                except (ValueError, LookupError, OverflowError):
                    self._add(node, f"{reprlib.repr(node.value)} is not of the type {kind}")
                    return None
        self._add(node, f"values tagged {node.tag!r} are not supported")
        return None

    def _mapping(self, node: yaml.MappingNode, place: Place) -> dict[str, Any]:
        values: dict[str, Any] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                self._add(key_node, "a key must be a single word")
                continue
            key, line = key_node.value, key_node.start_mark.line + 1
            if key in values:
                first = self.document.lines[(*place, key)]
                self._add(key_node, f"the key {key!r} was given already in line {first}")
                continue
            self.document.lines[(*place, key)] = line
            values[key] = self.build(value_node, (*place, key))
        return values

    def _add(self, node: yaml.Node, text: str) -> None:
        self.problems.add(node.start_mark.line + 1, text, self.document.number)


def only_mapping(document: Document, problems: Problems, keys: Iterable[str]) -> bool:
    """Tell whether a document is a mapping, and note it as a problem if not."""
    if isinstance(document.value, dict):
        return True
    if document.value is None:
        found = "the document is empty (the line --- only separates documents)"
    else:
        found = f"found {reprlib.repr(document.value)}"
    expected = f"a mapping with the keys {', '.join(keys)} was expected"
    problems.add(document.line, f"{found}; {expected}", document.number)
    return False
