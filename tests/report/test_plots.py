"""The quick look at a mosaic."""

import astropy.units as u
import matplotlib.pyplot as plt
import numpy as np
import pytest
from astropy.io.fits import Header
from astropy.wcs import WCS
from matplotlib.axes import Axes

from emirimg.combine.mosaic import Mosaic
from emirimg.objects.mask import ObjectMask
from emirimg.objects.quality import MosaicQuality
from emirimg.projection.grid import MosaicGrid
from emirimg.report import draw_coverage_map, plot_mosaic, plot_noise_curve


def make_mosaic(shape=(90, 120), *, rotation=0.0, header=None):
    wcs = WCS(naxis=2)
    wcs.wcs.ctype = ["RA---TAN", "DEC--TAN"]
    cos, sin = np.cos(np.radians(rotation)), np.sin(np.radians(rotation))
    wcs.wcs.cd = 5.4e-5 * np.array([[-cos, sin], [sin, cos]])
    wcs.wcs.crpix = [shape[1] / 2, shape[0] / 2]
    wcs.wcs.crval = [40.0, -1.6]
    wcs.wcs.set()
    rng = np.random.default_rng(5)
    data = rng.normal(0, 2, shape).astype(np.float32)
    data[40:44, 50:54] += 500
    mask = np.zeros(shape, dtype=bool)
    mask[:, :10] = True
    data[mask] = 0
    coverage = np.where(mask, 0, 1 + 3 * (np.arange(shape[1]) > 60)).astype(np.int16)
    return Mosaic(
        MosaicGrid(wcs, shape), data, np.full(shape, 4, np.float32), mask, coverage,
        (30 * coverage).astype(np.float32), header or Header({"OBJECT": "TEST", "SEEING": 0.8}),
    )  # fmt: skip


def shown_image(figure, panel):
    return figure.axes[panel].images[0].get_array()


def test_picture_is_written(tmp_path):
    path = tmp_path / "mosaic.png"
    plot_mosaic(make_mosaic()).savefig(path)
    assert path.read_bytes().startswith(b"\x89PNG")


def test_size_of_the_picture():
    figure = plot_mosaic(make_mosaic())
    assert tuple(figure.get_size_inches() * figure.dpi) == (1800, 855)


def test_small_mosaic_is_shown_as_it_is():
    mosaic = make_mosaic()
    image = shown_image(plot_mosaic(mosaic), 0)
    np.testing.assert_array_equal(image[~mosaic.mask], mosaic.data[~mosaic.mask])
    assert np.all(np.ma.getmaskarray(image)[mosaic.mask])


def test_large_mosaic_is_averaged_over_its_good_pixels():
    mosaic = make_mosaic((1000, 1201))
    image = shown_image(plot_mosaic(mosaic), 0)
    assert image.shape == (500, 600)
    np.testing.assert_allclose(image[20, 100], mosaic.data[40:42, 200:202].mean(), rtol=1e-5)


def test_averaged_image_stays_in_place_on_the_sky():
    mosaic = make_mosaic((1000, 1201))
    axes = plot_mosaic(mosaic).axes[0]
    # The centre of block (y, x) = (20, 100) is between the pixels 40, 41 and 200, 201.
    here = axes.wcs.pixel_to_world(100, 20)
    assert here.separation(mosaic.grid.wcs.pixel_to_world(200.5, 40.5)).mas < 1e-3


def test_noise_and_bright_objects_are_within_the_stretch():
    mosaic = make_mosaic()
    norm = plot_mosaic(mosaic).axes[0].images[0].norm
    assert norm.vmin == pytest.approx(-6, abs=1)
    assert norm.vmax == pytest.approx(300, abs=30)
    assert 0.1 < norm(0.0) < 0.4


def test_coverage_shows_the_number_of_exposures():
    mosaic = make_mosaic()
    image = shown_image(plot_mosaic(mosaic), 1)
    np.testing.assert_array_equal(np.ma.filled(image, 0), mosaic.coverage)


def test_a_single_exposure_is_counted_in_whole_numbers():
    mosaic = make_mosaic()
    np.minimum(mosaic.coverage, 1, out=mosaic.coverage)
    for figure in (plot_mosaic(mosaic), draw_coverage_map(mosaic).figure):
        figure.canvas.draw()
        ranges = [(axes.get_ylim(), axes.get_yticks()) for axes in figure.findobj(Axes)]
        (ticks,) = (ticks for limits, ticks in ranges if limits == (0.5, 1.5))
        assert [tick for tick in ticks if 0.5 < tick < 1.5] == [1]


def test_objects_are_outlined():
    mosaic = make_mosaic()
    objects = np.zeros(mosaic.grid.shape, dtype=bool)
    objects[35:50, 45:60] = True
    with_objects = plot_mosaic(mosaic, ObjectMask(objects, mosaic.grid))
    assert len(with_objects.axes[1].collections) > len(plot_mosaic(mosaic).axes[1].collections)
    assert "objects" in with_objects.axes[1].get_title()


def test_arrows_point_north_and_east():
    for rotation in (0.0, 30.0):
        mosaic = make_mosaic(rotation=rotation)
        axes = plot_mosaic(mosaic).axes[0]
        sky = axes.wcs.pixel_to_world
        angles = {}
        for text in axes.texts:
            start, tip = sky(*text.xy), sky(*text.get_position())
            angles[text.get_text()] = start.position_angle(tip).wrap_at("180d").deg
        assert angles["N"] == pytest.approx(0, abs=0.5)
        assert angles["E"] == pytest.approx(90, abs=0.5)


def test_title_tells_what_is_known():
    mosaic = make_mosaic(header=Header({"OBJECT": "NGC 1", "FILTER": "J"}))
    title = plot_mosaic(mosaic).get_suptitle()
    assert title == "NGC 1 J   |   4 exposures, 120 s"
    assert 'seeing 0.80"' in plot_mosaic(make_mosaic()).get_suptitle()


def test_names_are_no_formulas(tmp_path):
    header = Header({"OBJECT": "$\\frac{", "FILTER": "J"})
    plot_mosaic(make_mosaic(header=header)).savefig(tmp_path / "mosaic.png")


def test_empty_mosaic_is_drawn(tmp_path):
    mosaic = make_mosaic()
    mosaic.mask[:] = True
    mosaic.coverage[:] = 0
    plot_mosaic(mosaic).savefig(tmp_path / "empty.png")


def test_mosaic_is_not_changed_and_no_window_is_opened():
    mosaic = make_mosaic()
    before = mosaic.data.copy(), mosaic.grid.wcs.to_header_string()
    plot_mosaic(mosaic)
    np.testing.assert_array_equal(mosaic.data, before[0])
    assert mosaic.grid.wcs.to_header_string() == before[1]
    assert plt.get_fignums() == []


def quality_with(measured, predicted):
    number = len(measured)
    return MosaicQuality(
        0.8 * u.arcsec, 0.02, 20, 1.1, np.arange(1, number + 1) * 0.4 * u.arcsec,
        np.array(measured), np.array(predicted), 100.0, 20.0, 25.0, 0.3, 0.0, 0.1, 0.0,
    )  # fmt: skip


def test_noise_curve(tmp_path):
    figure = plot_noise_curve(quality_with([1.1, 2.3, 4.8, np.nan], [1.0, 2.0, 4.0, 8.0]))
    line = figure.axes[0].lines[0]
    np.testing.assert_allclose(line.get_xdata(), [0.8, 1.6, 2.4])
    np.testing.assert_allclose(figure.axes[1].lines[0].get_ydata(), [1.1, 1.15, 1.2])
    figure.savefig(tmp_path / "noise.png")


def test_noise_curve_of_nothing(tmp_path):
    plot_noise_curve(quality_with([], [])).savefig(tmp_path / "noise.png")
