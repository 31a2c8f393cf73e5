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
    palette: NDArray[np.uint8] | None = None,
    absent: bool = False,
) -> str:
    """Return an image as a data URI.

    Parameters
    ----------
    pixels : `~numpy.ndarray` of uint8 or bool
        Shape (ny, nx), the first row lowest as in astronomy.
    palette : `~numpy.ndarray` of uint8, optional
        Shape (n, 4): red, green, blue and opacity of each value. Default: shades of grey.
    absent : bool, optional
        Whether pixels of the value 0 are transparent, without a palette. Default: no.
    """
    from PIL import Image  # noqa: PLC0415 (needed by few)

    if palette is None:
        palette = np.full((256, 4), 255, dtype=np.uint8)
        palette[:, :3] = np.arange(256)[:, np.newaxis]
        palette[0, 3] = 0 if absent else 255
    # Lines of values of a palette are not filtered, and noise does not repeat itself: not to
    # try either is faster, and the file smaller.
    image = Image.fromarray(np.ascontiguousarray(pixels[::-1]).view(np.uint8), "P")
    image.putpalette(palette[:, :3].tobytes())
    stream = io.BytesIO()
    image.save(
        stream, "PNG", compress_type=zlib.Z_RLE, transparency=palette[:, 3].tobytes(),
        bits=1 if pixels.dtype == bool else 8,
    )  # fmt: skip
    return "data:image/png;base64," + base64.b64encode(stream.getvalue()).decode("ascii")
