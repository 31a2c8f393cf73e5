"""``emirimg compare``: two mosaics against each other."""

from __future__ import annotations

from pathlib import Path

import click

from ._options import FILE, debug_option, json_option, overwrite_option

__all__ = ["compare_command"]


@click.command("compare", short_help="Measure two mosaics against each other.")
@click.argument("first", type=FILE, metavar="A")
@click.argument("second", type=FILE, metavar="B")
@click.option(
    "--png", metavar="FILE", type=click.Path(dir_okay=False, path_type=Path),
    help="Draw both, their difference and their stars.",
)  # fmt: skip
@click.option(
    "--html", metavar="FILE", type=click.Path(dir_okay=False, path_type=Path),
    help="Write a page with the table, the stars, and the images on top of each other.",
)  # fmt: skip
@json_option
@overwrite_option
@debug_option
def compare_command(
    first: Path,
    second: Path,
    *,
    png: Path | None,
    html: Path | None,
    as_json: bool,
    overwrite: bool,
) -> None:
    """Measure the mosaics A and B of the same field against each other.

    They may come from any program (emirimg, PyEmir, SWarp) and have any unit,
    pixel scale and grid. Told are the shift between them, the ratio of fluxes
    against magnitude and place, seeing, depth, noise and background of both,
    and the rms of their difference.

    \b
    Examples:
      emirimg compare results/mosaic.fits reduced_image.fits
      emirimg compare a/mosaic.fits b/mosaic.fits --png difference.png
      emirimg compare a/mosaic.fits b/mosaic.fits --html blink.html
      emirimg compare a/mosaic.fits b/mosaic.fits --json | jq .flux_ratio
    """  # noqa: D301 (the \b is a mark for click)
    import json  # noqa: PLC0415

    from ..io import read_image_planes  # noqa: PLC0415 (heavy)
    from ..io.atomic import replacing, require_place  # noqa: PLC0415 (heavy)
    from ..report import (  # noqa: PLC0415 (heavy)
        compare_images,
        comparison_page,
        comparison_table,
        plot_comparison,
    )
    from ._output import headings  # noqa: PLC0415 (as late as the others)
    from ._reporter import Reporter  # noqa: PLC0415 (heavy)

    with Reporter() as reporter:
        for path in filter(None, (png, html)):
            require_place(path, overwrite=overwrite)
        images = [read_image_planes(path) for path in (first, second)]
        comparison = compare_images(*images)
        names = headings([first, second])
        if png is not None:
            with replacing(png, overwrite=overwrite) as part:
                plot_comparison(comparison, images[0].data, names).savefig(part, format="png")
        if html is not None:
            page = comparison_page(comparison, images[0].data, names)
            with replacing(html, overwrite=overwrite) as part:
                part.write_text(page, encoding="utf-8")
        if as_json:
            content = {"first": str(first), "second": str(second), **comparison.to_dict()}
            click.echo(json.dumps(content, indent=2, allow_nan=False))
        else:
            reporter.say(comparison_table(comparison, names))
