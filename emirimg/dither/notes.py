"""Keep the warnings of a reduction, so that its result can tell them."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ..exceptions import EmirimgWarning

__all__ = ["noted_warnings"]


@contextmanager
def noted_warnings() -> Iterator[list[str]]:
    """Collect the texts of emirimg's warnings, and show them as usual.

    Yields
    ------
    list of str
        Grows with every warning.
    """
    notes: list[str] = []
    with warnings.catch_warnings():
        # Last in the list of filters: what the user has asked for comes first.
        warnings.filterwarnings("always", category=EmirimgWarning, append=True)
        show = warnings.showwarning

        def note(message: Warning | str, category: type[Warning], *args: Any, **kw: Any) -> None:
            if issubclass(category, EmirimgWarning):
                notes.append(str(message))
            show(message, category, *args, **kw)

        warnings.showwarning = note
        yield notes
