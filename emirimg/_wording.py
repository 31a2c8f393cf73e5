"""Words of messages that depend on a number."""

from __future__ import annotations

__all__ = ["counted"]


def counted(number: int, noun: str) -> str:
    """Return a number and what it counts.

    Examples
    --------
    >>> from emirimg._wording import counted
    >>> counted(1, "exposure"), counted(14, "exposure"), counted(0, "bad pixel")
    ('1 exposure', '14 exposures', '0 bad pixels')
    """
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
