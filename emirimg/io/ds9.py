"""Regions as the display program SAOImage DS9 writes them."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from astropy.coordinates import Angle
from astropy.wcs import WCS
from numpy.typing import NDArray

from ..exceptions import InputError
from ..instrument import pixel_scale

__all__ = ["Region", "read_outlines", "read_regions"]

_AREAS = ("circle", "ellipse", "box", "polygon")

_SYSTEMS = {"image": True, "physical": True, "fk5": False, "icrs": False, "j2000": False}
_NUMBERS = {"circle": 3, "ellipse": 5, "box": 5, "line": 4, "point": 2, "text": 2, "polygon": None}
_SHAPE = re.compile(r"[+]?\s*([a-z]+)\s*[( ]\s*([^)#]*)\)?\s*(?:#(.*))?$", re.IGNORECASE)
_UNITS = {"d": 1.0, "'": 1 / 60, '"': 1 / 3600, "i": math.nan, "p": math.nan, "r": 180 / math.pi}


@dataclass(frozen=True)
class Region:
    """A shape on an image.

    Parameters
    ----------
    shape : str
        circle, ellipse, box, line, point, text or polygon.
    outline : `~numpy.ndarray`
        Corners (or points of the curve), shape (n, 2), x and y in FITS pixels
        (the centre of the first pixel is 1). One row for a point or a text.
    color : str
        Color.
    text : str
        What is written beside it.

    Examples
    --------
    >>> import numpy as np
    >>> from emirimg.io import Region
    >>> from emirimg.report import draw_image
    >>> corners = np.array([[10.0, 10.0], [40.0, 10.0], [25.0, 30.0]])
    >>> ghost = Region("polygon", corners, color="red", text="ghost")
    >>> figure = draw_image(np.zeros((50, 50)), regions=[ghost])
    """

    shape: str
    outline: NDArray[np.float64]
    color: str = "green"
    text: str = ""


def read_regions(path: str | Path, wcs: WCS | None = None) -> list[Region]:
    r"""Read a DS9 region file.

    Parameters
    ----------
    path : path
        Text file. Shapes: circle, ellipse, box, line, point, text, polygon,
        in the systems image, physical (taken for image), fk5 and icrs.
    wcs : `~astropy.wcs.WCS`, optional
        WCS of the image, needed for shapes on the sky.

    Returns
    -------
    list of Region

    Raises
    ------
    InputError
        If a line cannot be understood; it is named.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> from emirimg.io import read_regions
    >>> with TemporaryDirectory() as directory:
    ...     path = Path(directory) / "ghosts.reg"
    ...     _ = path.write_text("image\ncircle(100, 120, 15) # color=red text={ghost}\n")
    ...     [region] = read_regions(path)
    >>> region.shape, region.color, region.text, region.outline.mean(axis=0).round()
    ('circle', 'red', 'ghost', array([100., 120.]))
    """
    path = Path(path)
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        msg = f"{path} cannot be read ({error}); a region file was expected"
        raise InputError(msg) from None
    in_pixels, color = True, "green"
    regions = []
    for number, line in enumerate(lines, start=1):
        for part in _statements(line):
            word = part.lower()
            if word.startswith("global"):
                color = _property(part, "color") or color
            elif word in _SYSTEMS:
                in_pixels = _SYSTEMS[word]
            else:
                try:
                    regions.append(_region(part, color, in_pixels=in_pixels, wcs=wcs))
                except ValueError as error:
                    msg = f"{path}:{number}: {error}; found {line!r:.80}"
                    raise InputError(msg) from None
    return regions


def read_outlines(path: str | Path, wcs: WCS | None = None) -> list[NDArray[np.float64]]:
    r"""Read the outlines of the areas of a DS9 region file.

    Parameters
    ----------
    path : path
        Text file, see `read_regions`. Lines, points and texts are passed over.
    wcs : `~astropy.wcs.WCS`, optional
        WCS of the image, needed for shapes on the sky.

    Returns
    -------
    list of `~numpy.ndarray`
        Corners, shape (n, 2), x and y in 0-based pixels.

    Raises
    ------
    InputError
        If a line cannot be understood, or the file holds no area.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> from emirimg.io import read_outlines
    >>> with TemporaryDirectory() as directory:
    ...     path = Path(directory) / "nebula.reg"
    ...     _ = path.write_text("image\nbox(100, 120, 20, 10, 0)\n")
    ...     print(read_outlines(path)[0].max(axis=0))
    [109. 124.]
    """
    outlines = [r.outline - 1 for r in read_regions(path, wcs) if r.shape in _AREAS]
    if not outlines:
        msg = f"{path}: found no area; a shape of {', '.join(_AREAS)} was expected"
        raise InputError(msg)
    return outlines


def _statements(line: str) -> list[str]:
    if line.strip().startswith("#"):
        return []
    body, mark, comment = line.partition("#")
    parts = [part.strip() for part in body.split(";") if part.strip()]
    if parts and mark:
        parts[-1] += f" #{comment}"
    return parts


def _region(statement: str, color: str, *, in_pixels: bool, wcs: WCS | None) -> Region:
    match = _SHAPE.match(statement)
    shape = match.group(1).lower() if match else ""
    if match is None or shape not in _NUMBERS:
        msg = f"a shape ({', '.join(_NUMBERS)}) or a system ({', '.join(_SYSTEMS)}) was expected"
        raise ValueError(msg)
    words = re.split(r"[,\s]+", match.group(2).strip())
    properties = match.group(3) or ""
    wanted = _NUMBERS[shape]
    if shape in {"ellipse", "box"} and len(words) == 4:  # without the angle
        words.append("0")
    if len(words) != (wanted or len(words)) or len(words) < 2 or (not wanted and len(words) % 2):
        msg = f"{shape} takes {wanted or 'an even number of'} numbers, not {len(words)}"
        raise ValueError(msg)
    corners = 2 if shape == "line" else len(words) // 2 if shape == "polygon" else 1
    place = _pixels if in_pixels else _sky_to_pixels(wcs)
    points = np.array([place(words[2 * i], words[2 * i + 1]) for i in range(corners)])
    sizes = words[2 * corners :]
    if sizes:
        scale = 1.0 if in_pixels or wcs is None else pixel_scale(wcs).to_value("deg")
        points = _curve(shape, points[0], sizes, 1.0 if in_pixels else 1 / scale)
    return Region(
        shape, points, _property(properties, "color") or color, _property(properties, "text")
    )


def _curve(
    shape: str, centre: NDArray[np.float64], words: list[str], scale: float
) -> NDArray[np.float64]:
    """Return the outline of a shape with a centre."""
    lengths = [_length(word, scale) for word in (words if shape == "circle" else words[:2])]
    angle = 0.0 if shape == "circle" else math.radians(float(words[2]))
    width, height = lengths[0], lengths[-1]
    if shape == "box":
        unit = np.array([[-0.5, -0.5], [0.5, -0.5], [0.5, 0.5], [-0.5, 0.5], [-0.5, -0.5]])
    else:
        phase = np.linspace(0, 2 * np.pi, 181)
        unit = np.column_stack([np.cos(phase), np.sin(phase)])
    x, y = (unit * [width, height]).T
    cosine, sine = math.cos(angle), math.sin(angle)
    return centre + np.column_stack([cosine * x - sine * y, sine * x + cosine * y])


def _length(word: str, scale: float) -> float:
    """Return a length in pixels; without a unit it is in that of the system."""
    unit = _UNITS.get(word[-1:].lower())
    if unit is None:
        return float(word) * scale
    return float(word[:-1]) * (1.0 if math.isnan(unit) else unit * scale)


def _pixels(x: str, y: str) -> tuple[float, float]:
    return float(x), float(y)


def _sky_to_pixels(wcs: WCS | None) -> Callable[[str, str], NDArray[np.float64]]:
    if wcs is None:
        msg = "the region is on the sky, but the image has no WCS"
        raise ValueError(msg)

    def convert(longitude: str, latitude: str) -> NDArray[np.float64]:
        hours = "hourangle" if ":" in longitude or "h" in longitude else "deg"
        place = [Angle(longitude, hours).deg, Angle(latitude, "deg").deg]
        return wcs.wcs_world2pix([place], 1)[0]

    return convert


def _property(text: str, name: str) -> str:
    match = re.search(rf"\b{name}\s*=\s*(?:\{{([^}}]*)\}}|\"([^\"]*)\"|'([^']*)'|(\S+))", text)
    return next((group for group in match.groups() if group is not None), "") if match else ""
