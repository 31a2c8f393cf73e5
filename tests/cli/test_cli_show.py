"""``emirimg show``: pictures of images."""

import matplotlib.image
import matplotlib.pyplot as plt
import numpy as np
import pytest
from astropy.io import fits

from emirimg.cli import _pictures


@pytest.fixture
def image(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "obsid_1_results").mkdir()
    path = tmp_path / "obsid_1_results" / "reduced_image.fits"
    values = np.random.default_rng(0).normal(0, 1, (50, 60))
    values[7, 7] = 100
    header = fits.Header({"OBJECT": "M 31"})
    fits.HDUList([fits.PrimaryHDU(values, header), fits.ImageHDU(values.T, name="MAP")]).writeto(
        path
    )
    return path


def test_png(emirimg, image, tmp_path):
    result = emirimg("show", image, "--pngfile", tmp_path / "a.png")
    assert result.exit_code == 0
    assert result.output == f"{tmp_path / 'a.png'}: {image}\n"
    assert matplotlib.image.imread(tmp_path / "a.png").shape == (768, 1024, 4)


def test_every_option_changes_the_picture(emirimg, image, tmp_path):
    (tmp_path / "a.reg").write_text("image\ncircle(30,20,8)\n")
    variants = [
        [],
        ["--z1z2", "[-1,1]"],
        ["--z1z2", "minmax"],
        ["--bbox", "1,20,1,20"],
        ["--cmap", "viridis"],
        ["--keystitle", "object"],
        ["--ds9reg", tmp_path / "a.reg"],
        ["--extnum", 2],
    ]
    pictures = []
    for options in variants:
        result = emirimg("show", image, *options, "--pngfile", tmp_path / "a.png")
        assert result.exit_code == 0, result.output
        pictures.append((tmp_path / "a.png").read_bytes())
    assert len(set(pictures)) == len(variants)
    emirimg("show", image, "--extname", "MAP", "--pngfile", tmp_path / "a.png")
    assert (tmp_path / "a.png").read_bytes() == pictures[-1]


def test_several_files(emirimg, image, tmp_path):
    (tmp_path / "list.txt").write_text(f"{image}\n{image}\n")
    result = emirimg("show", image, tmp_path / "list.txt", "--pngfile", tmp_path / "a.png")
    assert result.exit_code == 0
    assert sorted(path.name for path in tmp_path.glob("*.png")) == [
        "a_1.png", "a_2.png", "a_3.png",
    ]  # fmt: skip


def test_pdf(emirimg, image, tmp_path):
    result = emirimg("show", image, image, "--pdffile", tmp_path / "a.pdf")
    assert result.output == f"{tmp_path / 'a.pdf'}: 2 pages\n"
    assert (tmp_path / "a.pdf").read_bytes().count(b"/Count 2") == 1
    assert not list(tmp_path.glob("*.png"))


def test_without_a_screen(emirimg, image, tmp_path):
    result = emirimg("show", "obsid_1_results/reduced_image.fits", image)
    assert result.exit_code == 0
    assert sorted(path.name for path in tmp_path.glob("*.png")) == [
        "obsid_1_results_reduced_image.2.png", "obsid_1_results_reduced_image.png",
    ]  # fmt: skip


def test_with_a_screen(emirimg, image, tmp_path, monkeypatch):
    shown = []
    monkeypatch.setattr(_pictures, "_has_screen", lambda: True)
    monkeypatch.setattr(plt, "show", lambda: shown.extend(plt.get_fignums()))
    assert emirimg("show", image, image).exit_code == 0
    assert len(shown) == 2
    assert not plt.get_fignums()
    assert not list(tmp_path.glob("*.png"))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--bbox", "1,2,3"], "--bbox '1,2,3': four whole numbers"),
        (["--bbox", "1,200,1,5"], "does not lie on the image"),
        (["--z1z2", "x"], "zscale, minmax"),
        (["--cmap", "ht"], "unknown color map"),
        (["--keystitle", "exptime"], "no keyword exptime"),
        (["--extnum", 3], "no extension 2; it has (from 0) 0 PRIMARY, 1 MAP"),
        (["--extname", "BPM"], "no extension 'BPM'"),
    ],
)
def test_a_failure_is_one_message_and_no_file(emirimg, image, tmp_path, options, message):
    result = emirimg("show", image, *options, "--pngfile", tmp_path / "a.png")
    assert result.exit_code == 1
    assert result.stderr.startswith("emirimg: error: ")
    assert message in result.stderr
    assert not (tmp_path / "a.png").exists()


def test_extension_is_named_once(emirimg, image):
    assert emirimg("show", image, "--extnum", 1, "--extname", "MAP").exit_code == 2
