"""Pictures of pixels."""

import base64
import io
import re

import numpy as np
import pytest
from PIL import Image
from scipy.ndimage import binary_dilation, binary_erosion
from test_plots import make_mosaic

from emirimg._html import html_table, png_uri
from emirimg.blocks import ObservationBlock
from emirimg.objects.background import block_mean
from emirimg.objects.mask import ObjectMask
from emirimg.report.pictures import (
    coverage_overlay,
    object_outlines,
    scale_image,
    small_exposures,
)
from emirimg.report.stretch import sky_and_noise


def pixels(uri, mode=None):
    """Return the pixels of a data URI, the first row lowest."""
    head, _, body = uri.partition(",")
    assert head == "data:image/png;base64"
    image = Image.open(io.BytesIO(base64.b64decode(body)))
    return np.asarray(image.convert(mode) if mode else image)[::-1]


def test_shades_can_be_turned_back_into_values():
    mosaic = make_mosaic()
    image = scale_image(mosaic)
    shades = pixels(image.uri)
    assert shades.shape == mosaic.data.shape
    np.testing.assert_array_equal(shades == 0, mosaic.mask)
    code = (shades.astype(float) - 1) / 254
    values = image.softening * np.sinh(image.low + (image.high - image.low) * code)
    found = image.sky + image.noise * values
    good = ~mosaic.mask
    quiet = good & (np.abs(mosaic.data - image.sky) < 5 * image.noise)
    # A quarter of the noise is one shade: half of it is what rounding does.
    assert np.abs(found - mosaic.data)[quiet].max() < 0.15 * image.noise
    np.testing.assert_allclose(found[41, 51], mosaic.data[41, 51], rtol=0.02)


def test_uncovered_pixels_are_transparent():
    mosaic = make_mosaic()
    opacity = pixels(scale_image(mosaic).uri, "RGBA")[..., 3]
    np.testing.assert_array_equal(opacity == 0, mosaic.mask)


def test_large_mosaics_are_averaged():
    mosaic = make_mosaic((200, 240))
    image = scale_image(mosaic, most_pixels=12_000)
    assert image.step == 2
    assert image.shape == (100, 120)
    assert image.noise == pytest.approx(1.0, abs=0.1)  # half of that of a pixel


def test_shade_of_a_value():
    image = scale_image(make_mosaic())
    assert image.shade(-8) == pytest.approx(0)
    assert image.shade(3000) == pytest.approx(1)
    assert 0.08 < image.shade(3) - image.shade(-3) < 0.2


def test_coverage_is_coloured_where_there_is_some():
    mosaic = make_mosaic()
    colours = pixels(coverage_overlay(mosaic), "RGBA")
    np.testing.assert_array_equal(colours[..., 3] == 0, mosaic.coverage == 0)
    assert len(np.unique(colours.reshape(-1, 4), axis=0)) == 3


def test_outlines_are_rims():
    mosaic = make_mosaic()
    mask = np.zeros(mosaic.grid.shape, dtype=bool)
    mask[20:40, 30:50] = True
    mask[60:, :10] = True  # at the border
    colours = pixels(object_outlines(ObjectMask(mask, mosaic.grid), 1), "RGBA")
    drawn = colours[..., 3] > 0
    np.testing.assert_array_equal(drawn, binary_dilation(mask) & ~binary_erosion(mask))
    assert np.all(colours[drawn] == [255, 120, 0, 255])
    assert drawn[20, 40]
    assert drawn[19, 40]
    assert not drawn[30, 40]
    assert not drawn[10, 40]


def test_small_exposures(result):
    small = small_exposures(result.frames)
    assert [item.number for item in small] == [1, 2, 3, 4]
    for item, frame in zip(small, result.frames, strict=True):
        assert pixels(item.before).shape == frame.before.shape
        assert item.used
        # A bright star is dark: shades fall with the values.
        bright = np.unravel_index(np.nanargmax(frame.after), frame.after.shape)
        assert pixels(item.after)[bright] < np.median(pixels(item.after))


def test_many_exposures_are_shown_smaller(result):
    small = small_exposures(result.frames * 26)
    assert len(small) == 104
    assert pixels(small[-1].after).shape == (64, 64)


def test_small_images_of_the_exposures(result):
    for frame in result.frames:
        assert frame.before.shape == frame.after.shape == (128, 128)
        assert np.nanmedian(frame.before) == pytest.approx(frame.sky_level, rel=0.05)
        assert abs(np.nanmedian(frame.after)) < frame.noise


def test_masked_pixels_are_counted(result):
    for frame in result.frames:
        counts = (
            frame.bad_pixels, frame.saturated_pixels, frame.hidden_pixels, frame.flagged_pixels,
        )  # fmt: skip
        assert all(isinstance(count, int) and count >= 0 for count in counts)
        assert sum(counts) == pytest.approx(frame.bad_fraction * 256**2)
    assert result.frames[0].bad_pixels > 0
    assert sum(frame.flagged_pixels for frame in result.frames) > 0


def test_block_mean():
    image = np.arange(24, dtype=np.float32).reshape(4, 6)
    mask = np.zeros((4, 6), dtype=bool)
    mask[:2, :2] = True
    mask[0, 2] = True
    image[3, 5] = np.nan
    found = block_mean(image, mask, 2)
    expected = [[np.nan, (3 + 8 + 9) / 3, 7.5], [15.5, 17.5, (16 + 17 + 22) / 3]]
    np.testing.assert_allclose(found, expected, rtol=1e-6)
    assert found.dtype == np.float32
    np.testing.assert_allclose(block_mean(image[:, :5], None, 4), [[image[:4, :4].mean()]])


def test_png_keeps_the_pixels():
    rng = np.random.default_rng(4)
    grey = rng.integers(0, 256, (7, 13)).astype(np.uint8)
    palette = rng.integers(0, 256, (256, 4)).astype(np.uint8)
    two = np.array([[0, 0, 0, 0], [255, 120, 0, 255]], np.uint8)
    np.testing.assert_array_equal(pixels(png_uri(grey), "RGBA")[..., 0], grey)
    assert (pixels(png_uri(grey), "RGBA")[..., 3] == 255).all()
    np.testing.assert_array_equal(
        pixels(png_uri(grey, absent=True), "RGBA")[..., 3], 255 * (grey > 0)
    )
    np.testing.assert_array_equal(pixels(png_uri(grey, palette=palette), "RGBA"), palette[grey])
    marked = grey > 99
    np.testing.assert_array_equal(
        pixels(png_uri(marked, palette=two), "RGBA"), two[marked.astype(int)]
    )


def test_pictures_of_noise_are_small():
    noise = np.random.default_rng(5).normal(128, 4, (200, 300)).astype(np.uint8)
    stream = io.BytesIO()
    Image.fromarray(noise).save(stream, "PNG")
    assert len(png_uri(noise)) < 4 / 3 * len(stream.getvalue())


def test_the_stretch_is_that_of_all_pixels():
    image = np.random.default_rng(6).normal(50, 3, (1200, 1500)).astype(np.float32)
    absent = np.zeros(image.shape, bool)
    absent[:400], image[:400] = True, 1e6
    assert sky_and_noise(image, absent) == pytest.approx((50, 3), abs=0.05)
    assert sky_and_noise(image, image > 0) == (0, 1)
    assert sky_and_noise(np.full((9, 9), 7, np.float32), np.zeros((9, 9), bool)) == (7, 1)


def test_texts_of_notebooks_are_escaped():
    text = html_table("<b>", {"<i>": "<script>"}, image='"><x>')
    for tag in ("<b><b>", "<i>", "<script>", "<x>"):
        assert tag not in text
    assert "&lt;script&gt;" in text


def test_views_in_a_terminal(result):
    for item in (result, result.mosaic):
        assert re.match(rf"<{type(item).__name__}: TEST, F1230, .*\d s.*>$", repr(item))
        assert len(repr(item)) < 200
    assert f"depth {result.quality.depth:.2f} mag" in repr(result)


def test_notebook_views(result, hostile):
    for item in (result, result.mosaic):
        assert item._repr_html_().count("<table>") == 1
        assert "data:image/png" in item._repr_html_()
        assert len(item._repr_html_()) < 200_000
    assert f"{result.quality.depth:.2f} mag" in result._repr_html_()
    for item in (hostile, hostile.mosaic):
        assert "<script>" not in item._repr_html_()
        assert "&lt;script&gt;" in item._repr_html_()


def test_notebook_view_of_an_empty_mosaic():
    mosaic = make_mosaic()
    mosaic.mask[:] = True
    assert "100.0 %" in mosaic._repr_html_()


def test_notebook_view_of_a_block():
    block = ObservationBlock(
        id="_1", instrument="EMIR", mode="FULL_DITHERED_IMAGE", children=["_a", "_b"],
        requirements={"iterations": 2, "sky_images": 6},
    )  # fmt: skip
    text = block._repr_html_()
    for word in ("ObservationBlock _1", "FULL_DITHERED_IMAGE", "_a, _b", "iterations"):
        assert word in text
