"""Small pieces of HTML: a table of facts, and images that need no file."""

from __future__ import annotations

import base64
import io
import zlib
from collections.abc import Mapping
from html import escape

import numpy as np
from numpy.typing import NDArray

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
    absent: bool = False,
    colour: tuple[int, int, int] = (0, 0, 0),
) -> str:
    """Return an image as a data URI.

    Parameters
    ----------
    pixels : `~numpy.ndarray` of uint8 or bool
        Shape (ny, nx) for grey, or (ny, nx, 4) for red, green, blue and opacity,
        the first row lowest as in astronomy. Where a bool is False, nothing is shown.
    absent : bool, optional
        Whether grey pixels of the value 0 are transparent. Default: no.
    colour : tuple of int, optional
        Red, green and blue where a bool is True. Default: black.
    """
    from PIL import Image  # noqa: PLC0415 (needed by few)

    stream = io.BytesIO()
    # Noise does not repeat itself: not to look for repeats is faster, and the file no larger.
    options: dict[str, int] = {"compress_type": zlib.Z_RLE} if pixels.ndim == 2 else {}
    if absent:
        options["transparency"] = 0
    image = Image.fromarray(np.ascontiguousarray(pixels[::-1]).view(np.uint8))
    if pixels.dtype == bool:
        image.putpalette([0, 0, 0, *colour])
        options = {"bits": 1, "transparency": 0}
    image.save(stream, "PNG", **options)
    return "data:image/png;base64," + base64.b64encode(stream.getvalue()).decode("ascii")
