"""Numbers in sentences."""

from __future__ import annotations

__all__ = ["counted"]


def counted(number: int, noun: str) -> str:
    """Return a number with its noun, which gets an s unless there is one.

    Examples
    --------
    >>> from emirimg._words import counted
    >>> counted(1, "exposure"), counted(14, "exposure")
    ('1 exposure', '14 exposures')
    """
    return f"{number} {noun}{'' if number == 1 else 's'}"
