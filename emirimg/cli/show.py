"""``emirimg show``: the picture of an image."""

from __future__ import annotations

from pathlib import Path

import click

from ._options import FILE, debug_option

__all__ = ["show_command"]

_PICTURE = click.Path(dir_okay=False, path_type=Path)


@click.command("show", short_help="Draw images (as numina-ximshow does).")
@click.argument("files", nargs=-1, required=True, type=FILE)
@click.option(
    "--extnum",
    type=click.IntRange(min=1),
    metavar="N",
    help="Number of the extension; the primary one is 1.  [default: the first image]",
)
@click.option("--extname", metavar="NAME", help="Name of the extension.")
@click.option(
    "--z1z2",
    default="zscale",
    show_default=True,
    metavar="Z1,Z2",
    help='Cuts: "[z1,z2]", minmax or zscale.',
)
@click.option(
    "--bbox",
    metavar="NC1,NC2,NS1,NS2",
    help="Part to be drawn: first and last column and row, from 1.",
)
@click.option("--cmap", default="hot", show_default=True, help="Color map of matplotlib.")
@click.option(
    "--keystitle", metavar="KEYS", help="Keywords for the title: \"key1,key2.'format'\"."
)
@click.option("--ds9reg", type=FILE, metavar="FILE", help="Region file of DS9 to be drawn, too.")
@click.option(
    "--pngfile",
    type=_PICTURE,
    metavar="FILE",
    help="Write PNG; with several images, FILE_1, FILE_2, ...",
)
@click.option(
    "--pdffile", type=_PICTURE, metavar="FILE", help="Write PDF, one page for each image."
)
@debug_option
def show_command(
    files: tuple[Path, ...],
    *,
    extnum: int | None,
    extname: str | None,
    z1z2: str,
    bbox: str | None,
    cmap: str,
    keystitle: str | None,
    ds9reg: Path | None,
    pngfile: Path | None,
    pdffile: Path | None,
) -> None:  # fmt: skip
    """Draw the images in FILES on the screen, or to a file.

    FILES are FITS images, or text files (.txt) with their names. Without a
    display, and without --pngfile or --pdffile, each picture becomes a PNG file
    in the current directory.

    \b
    Examples:
      emirimg show obsid_combined_v0_results/reduced_image.fits
      emirimg show image.fits --z1z2 [-10,100] --bbox 1,500,1,500
      emirimg show image.fits --extname MAP --cmap viridis --pngfile map.png
      emirimg show data/*.fits --keystitle "object,filter.'%s %s'" \\
        --pdffile all.pdf
    """  # noqa: D301 (the \b is a mark for click)
    if extnum is not None and extname is not None:
        msg = "give either --extnum or --extname"
        raise click.UsageError(msg)

    from ._pictures import show_files  # noqa: PLC0415 (heavy)
    from ._reporter import Reporter  # noqa: PLC0415 (heavy)

    with Reporter() as reporter:
        show_files(
            files,
            reporter,
            extension=extnum - 1 if extnum is not None else extname,
            cuts=z1z2,
            box=bbox,
            cmap=cmap,
            keys=keystitle,
            regions=ds9reg,
            png=pngfile,
            pdf=pdffile,
        )
