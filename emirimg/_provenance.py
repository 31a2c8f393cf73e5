"""One HISTORY line for each step that changes a frame."""

from __future__ import annotations

from astropy.io.fits import Header

__all__ = ["add_history"]


def add_history(meta: Header, text: str) -> None:
    """Append ``text`` to the history of a frame.

    Parameters
    ----------
    meta : `~astropy.io.fits.Header`
        Header of the frame, changed in place. (A frame made without a header
        has a plain mapping for its ``meta``; it gets a list under
        ``"HISTORY"`` instead.)
    text : str
        One sentence, in the past tense, that names the step and its result.
    """
    line = f"emirimg: {text}"
    if isinstance(meta, Header):
        meta.add_history(line)
    else:
        meta.setdefault("HISTORY", []).append(line)
