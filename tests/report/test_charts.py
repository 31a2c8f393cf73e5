"""Charts, maps and the numbers behind them."""

from contextlib import nullcontext

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.figure import Figure
from test_plots import make_mosaic

from emirimg.objects.mask import ObjectMask
from emirimg.report import (
    HISTORIES,
    draw_counts,
    draw_coverage_map,
    draw_history,
    draw_noise,
    draw_object_map,
    draw_offsets,
    draw_residuals,
    draw_sky_residual,
    number_counts,
    offsets_on_sky,
    plot_mosaic,
    report_numbers,
    sky_residual_map,
)
from emirimg.report.panels import label_sky
from emirimg.report.svg import page_style


def charts(result):
    counts = number_counts(result)
    return {
        "offsets": lambda axes=None: draw_offsets(result, axes),
        "residuals": lambda axes=None: draw_residuals(result.frames, axes),
        "noise": lambda axes=None: draw_noise(result.quality, axes),
        "counts": lambda axes=None: draw_counts(counts, result.quality.depth, axes),
        **{
            name: lambda axes=None, name=name: draw_history(result.frames, name, axes)
            for name in HISTORIES
        },
    }


def maps(result):
    return {
        "coverage": lambda axes=None: draw_coverage_map(result.mosaic, axes),
        "objects": lambda axes=None: draw_object_map(result.mosaic, result.objects, axes),
        "residual": lambda axes=None: draw_sky_residual(result.mosaic, result.objects, axes),
    }


def test_charts_take_and_return_axes(result):
    for name, draw in charts(result).items():
        axes = Figure().add_subplot()
        assert draw(axes) is axes, name
        assert axes.get_title()
        assert axes.get_xlabel()
        assert axes.get_ylabel()
        assert draw() is not axes
    assert plt.get_fignums() == []


def test_maps_take_and_return_axes_with_wcs(result, tmp_path):
    for name, draw in maps(result).items():
        axes = Figure().add_subplot(projection=result.mosaic.grid.wcs)
        assert draw(axes) is axes, name
        fresh = draw()
        assert fresh.wcs.wcs.compare(result.mosaic.grid.wcs.wcs)
        fresh.figure.savefig(tmp_path / f"{name}.png")
    assert plt.get_fignums() == []


@pytest.mark.parametrize("style", [nullcontext, page_style])
def test_all_texts_find_room_in_the_figure(result, style):
    with style():
        check_room(result)


def check_room(result):
    figures = {name: draw().figure for name, draw in (charts(result) | maps(result)).items()}
    figures["mosaic"] = plot_mosaic(result.mosaic, result.objects)
    for name, figure in figures.items():
        box = figure.get_tightbbox()
        width, height = figure.get_size_inches()
        assert box.x0 > 0, name
        assert box.y0 > 0, name
        assert box.x1 < width, name
        assert box.y1 < height, name


def test_hours_are_no_formulas(result, tmp_path):
    axes = draw_object_map(result.mosaic, result.objects)
    axes.figure.savefig(tmp_path / "map.svg")
    assert "$" not in (tmp_path / "map.svg").read_text(encoding="utf-8")
    ra, dec = axes.coords
    assert "\N{MODIFIER LETTER SMALL H}" in ra.format_coord(40.0)
    assert "\N{MODIFIER LETTER SMALL H}" not in dec.format_coord(40.0)
    axes = Figure().add_subplot(projection=result.mosaic.grid.wcs)
    axes.coords[0].set_format_unit("deg")
    label_sky(axes)
    axes.figure.draw_without_rendering()
    assert "\N{DEGREE SIGN}" in axes.coords[0].format_coord(40.0)


def test_maps_lie_on_the_pixels_of_the_mosaic(result):
    ny, nx = result.mosaic.grid.shape
    for draw in maps(result).values():
        assert tuple(draw().images[0].get_extent()) == (-0.5, nx - 0.5, -0.5, ny - 0.5)


def test_offsets_are_those_on_the_sky(result):
    offsets = offsets_on_sky(result)
    assert offsets.shape == (4, 2)
    assert np.abs(offsets.mean(axis=0)).max().value < 1e-6
    places = [wcs.pixel_to_world(*(result.alignment.wcss[0].wcs.crpix - 1))
              for wcs in result.alignment.wcss]  # fmt: skip
    expected = places[0].spherical_offsets_to(places[1])
    found = offsets[1] - offsets[0]
    for one, other in zip(found, expected, strict=True):
        assert abs(one - other).to_value("arcsec") < 0.01


def test_places_that_coincide_are_marked_once(result):
    again = [*result.alignment.wcss[:1], *result.alignment.wcss[:1], *result.alignment.wcss[2:]]
    alignment = type(result.alignment)(**{**vars(result.alignment), "wcss": tuple(again)})
    axes = draw_offsets(type(result)(**{**vars(result), "alignment": alignment}))
    assert axes.texts[0].get_text() == "1, 2"


def test_history_marks_what_is_left_out(result):
    axes = draw_history(result.frames, "sky_level")
    used, left_out = axes.lines[1:]
    np.testing.assert_allclose(used.get_ydata(), [frame.sky_level for frame in result.frames])
    assert used.get_xdata()[0] == 0
    assert left_out.get_xdata().size == 0


def test_percentages(result):
    shown = draw_history(result.frames, "rejected_fraction").lines[0].get_ydata()
    np.testing.assert_allclose(shown, [100 * frame.rejected_fraction for frame in result.frames])


def test_unknown_is_said(without_stars):
    for axes in (
        draw_history(without_stars.frames, "fwhm"),
        draw_residuals(without_stars.frames),
        draw_noise(without_stars.quality),
        draw_counts(number_counts(without_stars)),
    ):
        assert axes.texts, axes.get_title()


def test_counts_are_those_of_the_catalogue(result):
    counts = number_counts(result)
    assert counts["n"].sum() > 10
    assert np.allclose(np.diff(counts["magnitude"]), 0.5)
    mosaic = result.mosaic
    area = (~mosaic.mask).sum() * mosaic.grid.scale.to_value("arcmin") ** 2
    np.testing.assert_allclose(counts["density"].value, counts["n"] / 0.5 / area)


def test_no_sources_no_rows(without_stars):
    counts = number_counts(without_stars)
    assert len(counts) == 0
    assert counts.colnames == ["magnitude", "n", "density"]


def test_sky_residual_is_the_median_beside_objects():
    mosaic = make_mosaic((128, 128))
    mosaic.data[:64, 64:] += 10
    objects = np.zeros((128, 128), dtype=bool)
    objects[40:44, 50:54] = True
    level = sky_residual_map(mosaic, ObjectMask(objects, mosaic.grid))
    np.testing.assert_allclose(level, [[0, 10], [0, 0]], atol=0.2)


def test_numbers_are_plain(result, without_stars):
    numbers = report_numbers(result)
    assert len(numbers["offsets"]) == 4
    assert numbers["number_counts"]["n"] == list(number_counts(result)["n"])
    assert numbers["sky_residual"]["box"] == 64
    assert report_numbers(without_stars)["number_counts"] == {
        "magnitude": [], "n": [], "density": [],
    }  # fmt: skip


@pytest.mark.parametrize("quantity", HISTORIES)
def test_histories_are_of_known_quantities(result, quantity):
    assert quantity in result.frames[0].to_dict()


def test_logarithmic_axes_have_plain_numbers(result):
    counts = number_counts(result)
    for axes in (draw_noise(result.quality), draw_counts(counts)):
        axes.figure.canvas.draw()
        texts = [label.get_text() for label in axes.get_yticklabels(which="both")]
        assert any(texts)
        assert not any("times" in text or "^" in text for text in texts), texts
