"""The picture of an image."""

import numpy as np
import pytest
from astropy.io.fits import Header

from emirimg.exceptions import InputError
from emirimg.io import Region
from emirimg.report import draw_image, find_cuts, header_title


@pytest.fixture
def image():
    return np.random.default_rng(1).normal(10, 2, (40, 60))


def drawn(figure):
    return figure.axes[0].images[0]


def test_pixels_have_their_fits_coordinates(image):
    figure = draw_image(image, title="the title")
    assert drawn(figure).get_extent() == [0.5, 60.5, 0.5, 40.5]
    assert drawn(figure).origin == "lower"
    assert figure.axes[0].get_title() == "the title"
    np.testing.assert_array_equal(drawn(figure).get_array(), image)


def test_box(image):
    picture = drawn(draw_image(image, box=(11, 20, 1, 5)))
    assert picture.get_extent() == [10.5, 20.5, 0.5, 5.5]
    np.testing.assert_array_equal(picture.get_array(), image[0:5, 10:20])


@pytest.mark.parametrize("box", [(0, 5, 1, 5), (1, 61, 1, 5), (5, 4, 1, 5), (1, 5, 1, 41)])
def test_box_beside_the_image(image, box):
    with pytest.raises(InputError, match="does not lie on the image: 1,60,1,40"):
        draw_image(image, box=box)


def test_color_map(image):
    assert drawn(draw_image(image)).get_cmap().name == "hot"
    assert drawn(draw_image(image, cmap="viridis")).get_cmap().name == "viridis"
    with pytest.raises(InputError, match="'viridi': did you mean 'viridis'"):
        draw_image(image, cmap="viridi")


@pytest.mark.parametrize("text", ["[-10,100]", "-10,100", "(-10, 100)", "-10 100"])
def test_given_cuts(image, text):
    assert find_cuts(image, text) == (-10, 100)
    assert drawn(draw_image(image, cuts=text)).get_clim() == (-10, 100)


@pytest.mark.parametrize("text", ["1", "2,1", "a,b", "zscal", "1,2,3", "nan,3", ""])
def test_bad_cuts(image, text):
    with pytest.raises(InputError, match="zscale, minmax or two numbers"):
        find_cuts(image, text)


def test_found_cuts(image):
    image[3, 3] = 1e6
    image[4, 4] = np.nan
    assert find_cuts(image, "minmax") == (np.nanmin(image), 1e6)
    low, high = find_cuts(image)
    assert 0 < low < 10 < high < 100
    assert find_cuts(image, "zscale") == find_cuts(image, "None") == (low, high)
    assert find_cuts(np.full((3, 3), np.nan)) == (0, 1)


def test_title_of_keywords():
    header = Header({"OBJECT": "M 31", "EXPTIME": 29.99926, "NEXP": 3})
    assert header_title(header, "object,nexp") == "M 31 3"
    assert header_title(header, "object, exptime.'%s: %.1f s'") == "M 31: 30.0 s"
    assert header_title(header, "object.%s") == "M 31"


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ("objct", "no keyword objct"),
        ("object.'%d'", "does not suit"),
        ("object.'%s %s'", "does not suit"),
    ],
)
def test_bad_title(keys, message):
    with pytest.raises(InputError, match=message):
        header_title(Header({"OBJECT": "M 31"}), keys)


def test_regions(image):
    regions = [
        Region("circle", np.array([[1.0, 2], [3, 4]]), "red", "star"),
        Region("polygon", np.array([[1.0, 1], [2, 1], [2, 2]]), "no color"),
        Region("point", np.array([[5.0, 5]])),
        Region("text", np.array([[7.0, 8]]), text="here"),
    ]
    axes = draw_image(image, regions=regions).axes[0]
    circle, polygon, point = axes.lines
    assert circle.get_xydata().tolist() == [[1, 2], [3, 4]]
    assert circle.get_color() == "red"
    assert polygon.get_xydata().tolist() == [[1, 1], [2, 1], [2, 2], [1, 1]]
    assert polygon.get_color() == "green"
    assert point.get_marker() == "+"
    assert [text.get_text() for text in axes.texts] == ["star", "here"]
    assert axes.get_xlim() == (0.5, 60.5)
