"""A list, before the blocks of a file, of what is to be run."""

from __future__ import annotations

from typing import Any

from ..._strategy import explain_unknown
from ._documents import Document, Problems

__all__ = ["apply_session"]

_KEYS = ("id", "enabled", "requirements")


def apply_session(documents: list[Document], problems: Problems) -> list[Document]:
    """Let the first document say what of the others is run.

    Parameters
    ----------
    documents : list of Document
        The first is a list of mappings with the key ``id`` and, optionally,
        ``enabled`` (default: true) and ``requirements``, which replace those
        of the block. The others are blocks; what the list does not name is
        not run.
    problems : Problems
        Gets what is wrong.

    Returns
    -------
    list of Document
        The blocks.
    """
    if not documents:
        return documents
    first, *blocks = documents
    if not isinstance(first.value, list):
        text = "with --session, the first document is a list of {id: ..., enabled: ...}"
        problems.add(first.line, text, first.number)
        return blocks
    by_id = {}
    for block in blocks:
        if isinstance(block.value, dict):
            block.value["enabled"] = False
            by_id[str(block.value.get("id"))] = block.value
            by_id[block.texts.get(("id",), "")] = block.value
    for index, entry in enumerate(first.value):
        line = first.line_of((index,))
        if not isinstance(entry, dict) or "id" not in entry:
            problems.add(line, f"{index}: a mapping with the key id was expected", first.number)
            continue
        for key in entry:
            if key not in _KEYS:
                text = f"{index}.{key}: unknown key: {explain_unknown(key, _KEYS)}"
                problems.add(first.line_of((index, key)), text, first.number)
        name = first.texts.get((index, "id"), "")
        if name not in by_id:
            text = f"{index}.id: no block has the id {name!r}: {explain_unknown(name, by_id)}"
            problems.add(first.line_of((index, "id")), text, first.number)
            continue
        _change(by_id[name], entry)
    return blocks


def _change(block: dict[str, Any], entry: dict[str, Any]) -> None:
    block["enabled"] = entry.get("enabled", True)
    stated, changed = block.get("requirements"), entry.get("requirements")
    if isinstance(changed, dict) and isinstance(stated, dict | None):
        block["requirements"] = {**(stated or {}), **changed}
    elif changed is not None:
        block["requirements"] = changed
