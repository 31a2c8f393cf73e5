"""Pictures of images, on the screen or in files."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
from astropy.io.fits import Header
from astropy.wcs import WCS
from matplotlib.backends.backend_pdf import PdfPages
from matplotlib.figure import Figure

from ..exceptions import InputError
from ..instrument import frame_wcs
from ..io import read_list, read_plane, read_regions, replacing
from ..report import draw_image, header_title
from ._reporter import Reporter

__all__ = ["show_files"]

_WITHOUT_SCREEN = ("agg", "cairo", "pdf", "pgf", "ps", "svg", "template")
_MOST_WINDOWS = 20


def show_files(
    files: Sequence[Path],
    reporter: Reporter,
    *,
    extension: int | str | None,
    cuts: str,
    box: str | None,
    cmap: str,
    keys: str | None,
    regions: Path | None,
    png: Path | None,
    pdf: Path | None,
) -> None:
    """Draw images and show them, or write the pictures.

    Parameters
    ----------
    files : sequence of `~pathlib.Path`
        FITS files, or lists of them (``.txt``).
    reporter : Reporter
        Is told what was written.
    extension : int, str or None
        Number (from 0) or name of the extension.
    cuts, cmap : str
        As for `~emirimg.report.draw_image`.
    box : str or None
        Four numbers: first and last column and row, from 1.
    keys : str or None
        As for `~emirimg.report.header_title`.
    regions : `~pathlib.Path` or None
        Region file.
    png, pdf : `~pathlib.Path` or None
        Files to write. Default: the screen, or PNG files without one.
    """
    paths = [
        path
        for file in files
        for path in (read_list(file) if file.suffix.lower() == ".txt" else [file])
    ]
    limits = None if box is None else _box(box)

    def draw(path: Path, figure: Figure | None = None) -> Figure:
        data, header = read_plane(path, extension)
        title = str(path) if keys is None else f"{path}\n{header_title(header, keys)}"
        shapes = [] if regions is None else read_regions(regions, _wcs(header))
        return draw_image(
            data, title=title, cuts=cuts, box=limits, cmap=cmap, regions=shapes, figure=figure
        )

    if pdf is not None:
        with replacing(pdf, overwrite=True) as temporary, PdfPages(temporary) as pages:
            for path in paths:
                pages.savefig(draw(path))
        reporter.say(f"{pdf}: {len(paths)} page{'s' if len(paths) > 1 else ''}")
    if png is None and pdf is None and len(paths) <= _MOST_WINDOWS and _has_screen():
        _show(paths, draw)
    elif png is not None or pdf is None:
        names = _names(paths) if png is None else _numbered(png, len(paths))
        for path, name in zip(paths, names, strict=True):
            with replacing(name, overwrite=True) as temporary:
                draw(path).savefig(temporary, format="png")
            reporter.say(f"{name}: {path}")


def _show(paths: Sequence[Path], draw: Callable[..., Figure]) -> None:
    from matplotlib import pyplot as plt  # noqa: PLC0415 (opens the display)

    for path in paths:
        draw(path, plt.figure(figsize=(10.24, 7.68), layout="compressed"))
    plt.show()
    plt.close("all")


def _has_screen() -> bool:
    from matplotlib import pyplot as plt  # noqa: PLC0415 (opens the display)

    plt.close(plt.figure())  # matplotlib looks for a display when it needs one
    return mpl.get_backend().lower() not in _WITHOUT_SCREEN


def _box(text: str) -> tuple[int, int, int, int]:
    try:
        x1, x2, y1, y2 = (int(word) for word in text.strip("[]()").replace(",", " ").split())
    except ValueError:
        msg = f"--bbox {text!r}: four whole numbers nc1,nc2,ns1,ns2 were expected"
        raise InputError(msg) from None
    return x1, x2, y1, y2


def _wcs(header: Header) -> WCS | None:
    wcs: Any = frame_wcs(header)
    return wcs if wcs.has_celestial else None


def _names(paths: Sequence[Path]) -> list[Path]:
    """Name pictures after their images, with the directory that tells them apart."""
    names: list[Path] = []
    for path in paths:
        words = [part for part in path.parts[-2:-1] if part not in {"..", ".", path.anchor}]
        name = "_".join([*words, path.stem])
        count = sum(taken.name.startswith(f"{name}.") for taken in names)
        names.append(Path(f"{name}.{count + 1}.png" if count else f"{name}.png"))
    return names


def _numbered(png: Path, number: int) -> list[Path]:
    if number == 1:
        return [png]
    return [png.with_stem(f"{png.stem}_{i}") for i in range(1, number + 1)]
