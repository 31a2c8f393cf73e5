"""Figures as SVG that goes into a page and takes its colours."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from html import escape

import matplotlib as mpl
from matplotlib.figure import Figure

__all__ = ["inline_svg", "page_style"]

_INK = "#010203"
"""Stands for the colour of the page's text."""

_INKED = (
    "text.color", "axes.edgecolor", "axes.labelcolor", "axes.titlecolor", "xtick.color",
    "ytick.color", "xtick.labelcolor", "ytick.labelcolor", "grid.color",
)  # fmt: skip


@contextmanager
def page_style() -> Iterator[None]:
    """Let figures that are made meanwhile have the colours of the page they go to."""
    style: dict[str, object] = dict.fromkeys(_INKED, _INK)
    style |= {"axes.facecolor": "none", "figure.facecolor": "none", "savefig.facecolor": "none"}
    style |= {"svg.fonttype": "none", "font.size": 9.0, "axes.titlesize": 10.0, "grid.alpha": 0.2}
    style |= {"axes.spines.top": False, "axes.spines.right": False}
    style |= {"axes.titley": 1.0}  # else all texts above the axes are measured
    with mpl.rc_context(style):
        yield


def inline_svg(figure: Figure, name: str, description: str) -> str:
    """Return a figure as an SVG element.

    Parameters
    ----------
    figure : `~matplotlib.figure.Figure`
        Made within `page_style`, or its colours are its own.
    name : str
        Word that no other figure of the page has; its identifiers begin with it.
    description : str
        What it shows, for those who cannot see it.
    """
    stream = io.StringIO()
    # Without a date, and with identifiers that depend on nothing, equal figures are equal.
    with mpl.rc_context({"svg.hashsalt": "emirimg", "svg.fonttype": "none"}):
        figure.savefig(stream, format="svg", metadata={"Date": None, "Creator": None})
    text = stream.getvalue()
    text = text[text.index("<svg") :].replace(_INK, "currentColor")
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    text = re.sub(r'(\bid="|url\(#|href="#)', rf"\g<1>{name}-", text)
    text = re.sub(r' (width|height)="[\d.]+pt"', "", text, count=2)
    label = escape(description)
    return text.replace("<svg", f'<svg role="img" aria-label="{label}"', 1)
