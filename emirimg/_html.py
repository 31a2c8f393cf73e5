"""Small pieces of HTML: a table of facts, and images that need no file."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from html import escape

import numpy as np
from numpy.typing import NDArray

from ._png import encode_png

__all__ = ["html_table", "png_uri"]


def html_table(title: str, rows: Mapping[str, object], *, image: str = "") -> str:
    """Return facts as a table for a notebook.

    Parameters
    ----------
    title : str
        Its caption.
    rows : mapping
        Names and values; every text is escaped.
    image : str, optional
        Data URI of a picture to be shown beside it.
    """
    lines = "".join(
        f'<tr><th scope="row" style="text-align:left">{escape(str(name))}</th>'
        f'<td style="text-align:left">{escape(str(value))}</td></tr>'
        for name, value in rows.items()
    )
    caption = f'<caption style="text-align:left"><b>{escape(title)}</b></caption>'
    table = f"<table>{caption}<tbody>{lines}</tbody></table>"
    if not image:
        return table
    picture = f'<img src="{escape(image)}" alt="{escape(title)}" style="max-height:16em">'
    return f'<div style="display:flex;gap:1em;align-items:start">{picture}{table}</div>'


def png_uri(
    pixels: NDArray[np.uint8 | np.bool_],
    *,
    palette: NDArray[np.uint8] | None = None,
    absent: bool = False,
) -> str:
    """Return an image as a data URI.

    Parameters
    ----------
    pixels : `~numpy.ndarray` of uint8 or bool
        Shape (ny, nx), the first row lowest as in astronomy.
    palette, absent
        As for `~emirimg._png.encode_png`.
    """
    content = encode_png(pixels[::-1], palette=palette, absent=absent)
    return "data:image/png;base64," + base64.b64encode(content).decode("ascii")
