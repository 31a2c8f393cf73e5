import numpy as np
import pytest
from astropy.wcs import WCS
from pydantic import ValidationError
from scipy.ndimage import gaussian_filter

from emirimg.objects import ObjectMask, SegmentationMasker
from emirimg.objects.background import block_map, robust_rms, subtract_background
from emirimg.objects.kernels import grow_labels
from emirimg.objects.masker import _median_of_blocks

from .mosaics import SHAPE, SIGMA, moffat, mosaic_of, random_sources, sources, tan_wcs


def radius_of(mask, x, y):
    """Return how far the mask reaches from a source."""
    j, i = np.nonzero(~mask)
    return np.hypot(i - x, j - y).min()


def test_sources_and_their_haloes_are_masked():
    rng = np.random.default_rng(1)
    x, y, flux = random_sources(rng, 25)
    light = sources(x, y, flux)
    objects = SegmentationMasker()(mosaic_of(light, rng))
    assert objects.mask[np.rint(y).astype(int), np.rint(x).astype(int)].all()
    assert light[~objects.mask].max() < 0.5 * SIGMA
    assert light[~objects.mask].mean() < 0.02 * SIGMA
    assert objects.fraction < 0.35


def test_masks_grow_with_flux():
    rng = np.random.default_rng(2)
    flux = [2e3, 2e4, 2e5, 2e6]
    x, y = [60.0, 60.0, 220.0, 150.0], [60.0, 220.0, 60.0, 190.0]
    mask = SegmentationMasker()(mosaic_of(sources(x, y, flux), rng)).mask
    radii = [radius_of(mask, *place) for place in zip(x, y, strict=True)]
    assert np.all(np.diff(radii) > 1.5)
    assert radii[-1] > 30


def test_a_halo_too_faint_for_single_pixels_is_masked():
    rng = np.random.default_rng(3)
    # At its centre, 0.5 sigma in each pixel.
    blob = 0.5 * SIGMA * np.exp(-0.5 * moffat_distance(150, 150) / 20**2)
    mask = SegmentationMasker()(mosaic_of(blob, rng)).mask
    assert mask[140:161, 140:161].mean() > 0.95
    assert mask[:60].mean() < 0.05


def moffat_distance(x, y):
    j, i = np.mgrid[: SHAPE[0], : SHAPE[1]]
    return (i - x) ** 2 + (j - y) ** 2


@pytest.mark.parametrize("correlated", [False, True])
def test_noise_is_not_an_object(correlated):
    rng = np.random.default_rng(4)

    def smooth(noise):
        noise = gaussian_filter(noise, 0.8)
        return noise / noise.std()

    mosaic = mosaic_of(np.zeros(SHAPE), rng, kernel=smooth if correlated else None)
    assert SegmentationMasker(threshold=3.5)(mosaic).fraction < 0.01


def test_a_background_is_not_an_object_and_a_big_galaxy_is():
    rng = np.random.default_rng(5)
    j, i = np.mgrid[:500, :500]
    plane = 0.02 * (i - j) + 10.0
    galaxy = moffat((500, 500), 250, 250, 3e6, 40.0, beta=2.0)
    without = SegmentationMasker()(mosaic_of(plane, rng)).mask
    assert without.mean() < 0.03
    mask = SegmentationMasker()(mosaic_of(plane + galaxy, rng)).mask
    bright = galaxy > 1.0 * SIGMA
    assert mask[bright].mean() > 0.99


def test_options_change_the_mask():
    rng = np.random.default_rng(6)
    mosaic = mosaic_of(sources(*random_sources(rng, 15)), rng)
    default = SegmentationMasker()(mosaic).fraction
    assert SegmentationMasker(threshold=10)(mosaic).fraction != default
    assert SegmentationMasker(npixels=200)(mosaic).fraction < default
    assert SegmentationMasker(faintest_halo=0.02)(mosaic).fraction > default
    assert SegmentationMasker(slope=1.5)(mosaic).fraction > default


@pytest.mark.parametrize(
    "wrong", [{"threshold": 0}, {"npixels": 0}, {"faintest_halo": -1}, {"slope": 0}, {"grow": 1}]
)
def test_parameters_are_checked(wrong):
    with pytest.raises(ValidationError):
        SegmentationMasker(**wrong)


def test_uneven_noise_is_taken_into_account():
    rng = np.random.default_rng(7)
    mosaic = mosaic_of(np.zeros(SHAPE), rng)
    mosaic.data[:, 200:] *= 4
    mosaic.variance[:, 200:] *= 16
    mask = SegmentationMasker(threshold=3.5)(mosaic).mask
    assert mask[:, 200:].mean() < 0.02


def test_pixels_without_data_are_no_objects():
    rng = np.random.default_rng(8)
    empty = np.zeros(SHAPE, dtype=bool)
    empty[:, :100] = True
    mosaic = mosaic_of(sources([105.0, 200.0], [150.0, 150.0], 1e6), rng, mask=empty)
    mask = SegmentationMasker()(mosaic).mask
    assert not mask[empty].any()
    assert mask[150, 105]


def test_grown_labels_are_within_the_radius():
    rng = np.random.default_rng(9)
    labels = np.zeros((60, 70), dtype="i4")
    labels[20:26, 20:24], labels[40, 50], labels[0, 0] = 1, 2, 3
    radius = np.array([0.0, 4.5, rng.uniform(6, 8), 3.0])
    out = np.zeros(labels.shape, dtype=bool)
    grow_labels(labels, np.flatnonzero(labels), radius, out)
    j, i = np.mgrid[:60, :70]
    want = np.zeros_like(out)
    for label in (1, 2, 3):
        for y, x in np.argwhere(labels == label):
            want |= (j - y) ** 2 + (i - x) ** 2 <= radius[label] ** 2
    np.testing.assert_array_equal(out, want)


def test_mask_is_carried_to_a_frame():
    rng = np.random.default_rng(10)
    mosaic = mosaic_of(sources([100.0, 200.0], [80.0, 190.0], 3e5), rng)
    objects = SegmentationMasker()(mosaic)
    wcs = tan_wcs((200, 220))
    wcs.wcs.cd = wcs.wcs.cd @ [[0.9, -0.2], [0.2, 0.9]]
    wcs.wcs.set()
    found = objects.on_frame(wcs, (200, 220))
    j, i = np.mgrid[:200, :220]
    x, y = objects.grid.wcs.wcs_world2pix(*wcs.wcs_pix2world(i, j, 0), 0)
    x, y = np.rint(x).astype(int), np.rint(y).astype(int)
    inside = (x >= 0) & (y >= 0) & (x < SHAPE[1]) & (y < SHAPE[0])
    want = np.zeros((200, 220), dtype=bool)
    want[inside] = objects.mask[y[inside], x[inside]]
    assert want.any()
    # A place half way between two pixels may be rounded either way.
    assert np.mean(found != want) < 1e-3


def test_outside_of_the_mosaic_is_no_object():
    objects = ObjectMask(np.ones(SHAPE, dtype=bool), mosaic_of(np.zeros(SHAPE), np.random).grid)
    wcs = WCS(naxis=2)
    wcs.wcs.ctype, wcs.wcs.crval = ["RA---TAN", "DEC--TAN"], [150.5, 30.0]
    wcs.wcs.cd = np.diag([-0.2, 0.2]) / 3600
    wcs.wcs.set()
    assert not objects.on_frame(wcs, (50, 50)).any()


def test_changed_fraction():
    grid = mosaic_of(np.zeros(SHAPE), np.random.default_rng(0)).grid
    first, second = np.zeros(SHAPE, dtype=bool), np.zeros(SHAPE, dtype=bool)
    first[:30], second[15:45] = True, True
    one, other = ObjectMask(first, grid), ObjectMask(second, grid)
    assert one.changed_fraction(one) == 0
    assert one.changed_fraction(other) == pytest.approx(0.1)
    small = mosaic_of(np.zeros((50, 50)), np.random.default_rng(0)).grid
    with pytest.raises(ValueError, match="different shapes"):
        one.changed_fraction(ObjectMask(np.zeros((50, 50), dtype=bool), small))
    with pytest.raises(ValueError, match="shape of the grid"):
        ObjectMask(first, small)


def test_background_is_smooth_and_free_of_objects():
    rng = np.random.default_rng(11)
    j, i = np.mgrid[:400, :480]
    true = 0.02 * i - 0.01 * j + 3
    image = (true + rng.normal(size=true.shape)).astype("f4")
    image[100:260, 100:260] += 1000
    mask = np.zeros(true.shape, dtype=bool)
    mask[100:260, 100:260] = True
    rest = image.copy()
    subtract_background(rest, mask, 80)
    found = image - rest
    inner = (slice(60, -60), slice(60, -60))
    assert np.abs(found - true)[inner].max() < 1.0
    assert np.median(np.abs(found - true)) < 0.1
    rest = image.copy()
    subtract_background(rest, mask | True, 80)
    np.testing.assert_array_equal(rest, image)


def test_blocks_need_enough_pixels():
    image = np.random.default_rng(12).normal(size=(100, 100)).astype("f4")
    mask = np.zeros(image.shape, dtype=bool)
    mask[:50, :45] = True
    level, noise = block_map(image, mask, 50, least=0.2)
    assert np.isnan(level[0, 0])
    assert np.isnan(noise[0, 0])
    assert np.isfinite(block_map(image, mask, 50, least=0.05)[0]).all()
    assert level[1, 1] == pytest.approx(np.median(image[50:, 50:]))
    assert noise[1, 1] == pytest.approx(robust_rms(image[50:, 50:]))


def test_robust_rms():
    values = np.random.default_rng(13).normal(size=10001) * 3
    values[:500] = 1e6
    assert robust_rms(values) == pytest.approx(3, rel=0.1)
    assert np.isnan(robust_rms(values[:0]))
    kept = values.copy()
    assert robust_rms(values) == robust_rms(kept, overwrite=True)
    assert not np.array_equal(kept, values)


def test_the_core_of_a_saturated_star_belongs_to_its_mask():
    rng = np.random.default_rng(8)
    light = sources([150.0], [140.0], [3e6])
    empty = light > 0.2 * light.max()
    empty[:, :20] = True
    mosaic = mosaic_of(light, rng, mask=empty)
    mask = SegmentationMasker()(mosaic).mask
    assert mask[140, 150]
    assert not mask[:, :20].any()
    whole = SegmentationMasker()(mosaic_of(light, np.random.default_rng(8))).mask
    assert radius_of(mask, 150, 140) > 0.85 * radius_of(whole, 150, 140)


@pytest.mark.parametrize("shape", [(7, 9), (8, 9)])
def test_the_median_of_blocks_is_that_of_their_pixels(shape):
    rng = np.random.default_rng(6)
    rows, columns = np.array([0, 2, 3, shape[0]]), np.array([0, 5, shape[1]])
    values = rng.integers(0, 4, (3, 2)).astype(np.float32)
    plane = np.repeat(np.repeat(values, np.diff(rows), 0), np.diff(columns), 1)
    assert _median_of_blocks(values, rows, columns) == np.median(plane)
