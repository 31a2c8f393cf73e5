"""Comparisons of images that differ by what is known."""

import io
import json

import numpy as np
import pytest
from astropy.io.fits import Header
from astropy.wcs import WCS
from rich.console import Console

from emirimg.exceptions import InputError
from emirimg.io import ImagePlanes
from emirimg.report import compare_images, comparison_table, plot_comparison

SIZE = 500
RNG = np.random.default_rng(5)
PLACES = RNG.uniform(15, SIZE - 15, (90, 2))
FLUXES = 10 ** RNG.uniform(3.3, 5.0, 90)
NOISE = 1.0


def celestial(scale=0.2, shift=(0.0, 0.0), size=SIZE):
    wcs = WCS(naxis=2)
    wcs.wcs.ctype = "RA---TAN", "DEC--TAN"
    wcs.wcs.crval = 40.0, -1.5
    wcs.wcs.crpix = np.array([size / 2 + 0.5] * 2) + shift
    wcs.wcs.cdelt = -scale / 3600, scale / 3600
    wcs.wcs.set()
    return wcs


def image(
    *, factor=1.0, fwhm=4.0, scale=0.2, shift=(0.0, 0.0), claimed=(0.0, 0.0), seed=1, tilt=0.0,
    noise=NOISE, sky=0.0,
):  # fmt: skip
    """Draw the stars in pixels of some scale; the WCS claims that they lie elsewhere."""
    zoom = 0.2 / scale
    size = round(SIZE * zoom)
    sigma = fwhm * zoom / 2.3548
    y, x = np.mgrid[:size, :size]
    data = np.random.default_rng(seed).normal(sky, noise, (size, size))
    centre = (SIZE - 1) / 2
    for (x0, y0), flux in zip(PLACES, FLUXES, strict=True):
        a, b = ((np.array([x0, y0]) - centre) * zoom + (size - 1) / 2 + shift).tolist()
        rows = slice(max(0, int(b) - 30), int(b) + 30)
        columns = slice(max(0, int(a) - 30), int(a) + 30)
        dx, dy = x[rows, columns] - a, y[rows, columns] - b
        star = np.exp(-0.5 * (dx**2 + dy**2) / sigma**2) / (2 * np.pi * sigma**2)
        data[rows, columns] += factor * (1 + tilt * (x0 / SIZE - 0.5)) * flux * star
    data = data.astype(np.float32)
    wcs = celestial(scale, np.array(shift) - claimed, size)
    variance = np.full_like(data, noise**2)
    return ImagePlanes(data, wcs, Header(), variance, np.zeros(data.shape, bool))


FIRST = image()


def test_an_image_with_itself():
    found = compare_images(FIRST, FIRST)
    assert found.flux_ratio == pytest.approx(1, abs=1e-6)
    assert found.shift.value == pytest.approx([0, 0], abs=1e-9)
    assert found.difference_rms < 1e-4
    assert found.tilt == pytest.approx((0, 0), abs=1e-6)
    assert len(found.stars) > 30


def test_factor_and_shift():
    # The stars lie 3 and -2 pixels from where the WCS of the second says.
    found = compare_images(FIRST, image(factor=1.03, claimed=(3, -2), shift=(3, -2), seed=2))
    assert found.flux_ratio == pytest.approx(1.03, abs=3 * found.flux_ratio_error)
    assert found.flux_ratio_error < 0.005
    east, north = found.shift.to_value("arcsec")
    assert east == pytest.approx(-0.6, abs=0.01)  # to the right is west
    assert north == pytest.approx(-0.4, abs=0.01)
    assert (found.shift_error.to_value("arcsec") < 0.005).all()
    assert found.difference_rms == pytest.approx(np.hypot(1, 1 / 1.03) * NOISE, rel=0.05)


def test_where_the_wcs_knows_the_shift_there_is_none():
    found = compare_images(FIRST, image(shift=(7.3, 1.6), seed=2))
    assert found.shift.to_value("arcsec") == pytest.approx([0, 0], abs=0.01)
    # Between the pixels, the resampling has smoothed the noise of the second.
    assert found.difference_rms == pytest.approx(np.sqrt(2) * NOISE, rel=0.1)


def test_seeing():
    found = compare_images(FIRST, image(fwhm=6.0, factor=1.03, seed=2))
    one, two = found.quality
    assert one.seeing.to_value("arcsec") == pytest.approx(0.8, rel=0.03)
    assert two.seeing.to_value("arcsec") == pytest.approx(1.2, rel=0.03)
    assert found.flux_ratio == pytest.approx(1.03, rel=0.01)
    assert one.depth - two.depth == pytest.approx(2.5 * np.log10(1.5 / 1.03), abs=0.1)


def test_another_scale_and_unit():
    found = compare_images(FIRST, image(scale=0.25, factor=50, noise=50, sky=0.0, seed=2))
    assert found.flux_ratio == pytest.approx(50, rel=0.01)
    assert found.difference.shape == FIRST.data.shape
    one, two = found.quality
    # As much noise in pixels that are larger: deeper.
    assert two.depth - one.depth == pytest.approx(2.5 * np.log10(1.25), abs=0.1)


def test_tilt_and_level():
    found = compare_images(FIRST, image(tilt=0.1, seed=2, sky=3.0))
    assert found.tilt[0] == pytest.approx(0.1, abs=0.015)
    assert found.tilt[1] == pytest.approx(0, abs=0.015)
    assert np.diff(found.background) == pytest.approx(3.0, abs=0.05)
    assert np.nanmedian(found.difference) == pytest.approx(3.0, abs=0.1)


def test_noise():
    found = compare_images(FIRST, image(noise=2.0, seed=2))
    one, two = found.quality
    assert one.depth - two.depth == pytest.approx(2.5 * np.log10(2), abs=0.1)


def test_images_without_variance_and_with_gaps():
    second = image(seed=2)
    mask = np.zeros_like(second.mask)
    mask[:, :100] = True
    second = ImagePlanes(
        second.data, second.wcs, Header(), None, mask, np.where(mask, 0, 3).astype(np.int16)
    )
    found = compare_images(FIRST, second)
    assert np.isnan(found.difference[:, :99]).all()
    assert found.flux_ratio == pytest.approx(1, abs=0.01)
    assert (found.stars["x"] > 99).all()


def test_other_fields_are_refused():
    wcs = celestial()
    wcs.wcs.crval = 40.5, -1.5
    wcs.wcs.set()
    elsewhere = ImagePlanes(FIRST.data, wcs, Header(), FIRST.variance, FIRST.mask)
    with pytest.raises(InputError, match=r"only 0 stars in common.*the same field"):
        compare_images(FIRST, elsewhere)


def test_table_picture_and_json():
    found = compare_images(FIRST, image(factor=1.03, seed=2))
    stream = io.StringIO()
    Console(file=stream, width=80).print(comparison_table(found, ["ours", "theirs"]))
    text = stream.getvalue()
    assert max(map(len, text.splitlines())) <= 80
    assert "flux ratio" in text
    assert f"{found.flux_ratio:.4f} +- " in text
    content = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert content["flux_ratio"] == pytest.approx(found.flux_ratio)
    assert [row["n"] for row in content["by_magnitude"]] == list(found.by_magnitude["n"])
    figure = plot_comparison(found, FIRST.data, ["ours", "theirs"])
    titles = [axes.get_title() for axes in figure.axes]
    assert "theirs, aligned" in titles
    assert f"ratio {found.flux_ratio:.4f} +- {found.flux_ratio_error:.4f}" in titles
    figure.savefig(io.BytesIO())
