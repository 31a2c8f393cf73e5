import astropy.units as u
import numpy as np
import pytest
from emir_files import exposure_header

from emirimg.exceptions import InputError
from emirimg.instrument import frame_wcs, pixel_scale
from emirimg.io import read_regions


def read(tmp_path, text, wcs=None):
    path = tmp_path / "a.reg"
    path.write_text(text)
    return read_regions(path, wcs)


def test_a_file_of_ds9(tmp_path):
    circle, box, text = read(
        tmp_path,
        "# Region file format: DS9 version 4.1\n"
        'global color=cyan dashlist=8 3 width=1 font="helvetica 10 normal"\n'
        "image\n"
        "circle(100,200,5) # color=red text={the star}\n"
        "box(10,20,6,4,0); text(1,2) # text='here'\n",
    )
    np.testing.assert_allclose(np.hypot(*(circle.outline - [100, 200]).T), 5)
    assert (circle.shape, circle.color, circle.text) == ("circle", "red", "the star")
    assert box.color == "cyan"
    assert box.outline.min(axis=0).tolist() == [7, 18]
    assert box.outline.max(axis=0).tolist() == [13, 22]
    assert (text.shape, text.text) == ("text", "here")


def test_shapes(tmp_path):
    line, polygon, point, ellipse = read(
        tmp_path,
        "physical\nline(1,2,3,4)\n-polygon(0,0,1,0,1,1)\npoint 5 6\nellipse(0,0,4,1,90)\n".replace(
            "-", ""
        ),
    )
    assert line.outline.tolist() == [[1, 2], [3, 4]]
    assert polygon.outline.tolist() == [[0, 0], [1, 0], [1, 1]]
    assert point.outline.tolist() == [[5, 6]]
    np.testing.assert_allclose(np.abs(ellipse.outline).max(axis=0), [1, 4], rtol=1e-3)


@pytest.mark.parametrize("sexagesimal", [True, False])
def test_shapes_on_the_sky(tmp_path, sexagesimal):
    wcs = frame_wcs(exposure_header())
    place = wcs.wcs_pix2world([[20.0, 8.0]], 1)[0]
    longitude, latitude = map(str, place)
    if sexagesimal:
        hours = place[0] / 15
        longitude = f"{int(hours)}:{int(hours * 60 % 60)}:{hours * 3600 % 60:.8f}"
    (circle,) = read(tmp_path, f'fk5\ncircle({longitude},{latitude},1")\n', wcs)
    radius = 1 / pixel_scale(wcs).to_value(u.arcsec)
    np.testing.assert_allclose(np.hypot(*(circle.outline - [20, 8]).T), radius, rtol=1e-3)


def test_shapes_on_the_sky_need_a_wcs(tmp_path):
    with pytest.raises(InputError, match=r"a\.reg:2: .*no WCS"):
        read(tmp_path, "icrs\ncircle(1,2,3)\n")


@pytest.mark.parametrize(
    "line", ["circel(1,2,3)", "circle(1,2)", "circle(1,b,3)", "polygon(1,2,3)", "galactic", "(1)"]
)
def test_what_is_not_understood_is_named(tmp_path, line):
    with pytest.raises(InputError, match=r"a\.reg:2: "):
        read(tmp_path, f"image\n{line}\n")


def test_missing_file(tmp_path):
    with pytest.raises(InputError, match="cannot be read"):
        read_regions(tmp_path / "a.reg")
