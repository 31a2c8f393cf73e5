import numpy as np
import pytest
from scipy.ndimage import maximum_filter
from scipy.spatial import cKDTree

from emirimg.alignment import StarFlag, find_stars
from emirimg.alignment.kernels import block_statistics, fill_masked, local_maxima
from emirimg.alignment.windowed import COLUMNS, measure_windowed

from .star_fields import draw_stars, with_noise

SHAPE = (256, 256)


def grid_of_stars(rng, step=36):
    x, y = np.meshgrid(np.arange(25, 240, step), np.arange(25, 240, step))
    size = x.size
    return x.ravel() + rng.uniform(-0.5, 0.5, size), y.ravel() + rng.uniform(-0.5, 0.5, size)


def matched(stars, x, y):
    """Return indices of the stars nearest to the true places, and whether near."""
    distance, index = cKDTree(np.column_stack([stars.x, stars.y])).query(np.column_stack([x, y]))
    return index, distance < 1


@pytest.mark.parametrize("beta", [2.5, 4.5])
@pytest.mark.parametrize("fwhm", [2.6, 4.0, 6.0])
def test_centroids_do_not_depend_on_the_place_in_the_pixel(fwhm, beta):
    rng = np.random.default_rng(1)
    x, y = grid_of_stars(rng)
    image = draw_stars(SHAPE, x, y, 1e5, fwhm, beta=beta, oversample=9, reach=5)
    image += rng.normal(size=SHAPE) * 0.01
    stars = find_stars(image.astype("f4"))
    index, near = matched(stars, x, y)
    assert near.all()
    assert np.abs(stars.x[index] - x).max() < 0.002
    assert np.abs(stars.y[index] - y).max() < 0.002


def test_errors_of_centroid_and_flux_are_true():
    rng = np.random.default_rng(2)
    x, y = grid_of_stars(rng)
    image = draw_stars(SHAPE, x, y, 2e4, 4.0)
    pulls, flux_pulls = [], []
    for _ in range(8):
        noisy, variance = with_noise(image, rng)
        stars = find_stars(noisy, None, variance, aperture=6.0)
        index, near = matched(stars, x, y)
        assert near.all()
        pulls += [(stars.x[index] - x) / stars.error[index]]
        pulls += [(stars.y[index] - y) / stars.error[index]]
        flux_pulls += [(stars.flux[index] - np.median(stars.flux)) / stars.flux_error[index]]
    assert 0.93 < np.std(pulls) < 1.1
    # The local background adds to the error of the flux.
    assert 0.93 < np.std(flux_pulls) < 1.15


def test_bad_pixels_do_not_pull():
    rng = np.random.default_rng(3)
    x, y = grid_of_stars(rng)
    image = draw_stars(SHAPE, x, y, 1e5, 4.0) + rng.normal(size=SHAPE) * 0.01
    mask = rng.random(SHAPE) < 0.03
    mask[round(y[3]), round(x[3])] = True
    image[mask] = rng.choice([np.nan, 1e6, -1e5], mask.sum())
    stars = find_stars(image.astype("f4"), mask)
    index, near = matched(stars, x, y)
    good = near & stars.good[index]
    assert good.sum() > 15
    assert np.abs(stars.x[index] - x)[good].max() < 0.005
    assert np.abs(stars.flux[index][good] / np.median(stars.flux[index][good]) - 1).max() < 0.005
    centre = mask[np.rint(y).astype(int), np.rint(x).astype(int)]
    assert centre[3]
    assert np.all(stars.flags[index[centre & near]] & StarFlag.MASKED)


def test_pixels_that_are_not_finite_are_bad_without_a_mask():
    rng = np.random.default_rng(3)
    image, _ = with_noise(draw_stars(SHAPE, [100.0], [100.0], 1e5, 4.0), rng)
    image[100, 103] = np.nan
    stars = find_stars(image)
    assert len(stars) == 1
    assert np.hypot(stars.x - 100, stars.y - 100) < 0.05


def test_cosmic_rays_are_not_stars():
    rng = np.random.default_rng(4)
    x, y = grid_of_stars(rng)
    image, variance = with_noise(draw_stars(SHAPE, x, y, 3e4, 2.6), rng)
    clean = len(find_stars(image, None, variance, fwhm=3.0))
    for _ in range(20):
        j, i = rng.integers(5, 250, 2)
        image[j, i : i + rng.integers(1, 3)] += rng.uniform(1e3, 5e4)
    stars = find_stars(image, None, variance, fwhm=3.0)
    assert abs(len(stars) - clean) <= 2
    distance, _ = cKDTree(np.column_stack([x, y])).query(np.column_stack([stars.x, stars.y]))
    assert (distance > 2).sum() <= 1


def test_a_residual_of_the_sky_does_not_matter():
    rng = np.random.default_rng(5)
    x, y = grid_of_stars(rng)
    image, variance = with_noise(draw_stars(SHAPE, x, y, 5e4, 4.0), rng)
    j, i = np.mgrid[: SHAPE[0], : SHAPE[1]]
    slope = (0.4 * i - 0.2 * j + 100).astype("f4")
    plain, tilted = (find_stars(d, None, variance) for d in (image, image + slope))
    assert len(plain) == len(tilted)
    index, near = matched(tilted, plain.x, plain.y)
    assert near.all()
    assert np.abs(tilted.x[index] - plain.x).max() < 0.02
    assert np.median(tilted.flux[index] / plain.flux) == pytest.approx(1, abs=0.003)


def test_width_and_ellipticity_follow_the_stars():
    rng = np.random.default_rng(6)
    x, y = grid_of_stars(rng)
    widths = []
    for fwhm in (3.0, 6.0):
        image = draw_stars(SHAPE, x, y, 1e5, fwhm, beta=30, ellipticity=0.2, angle=0.5)
        stars = find_stars(with_noise(image, rng)[0])
        widths.append(np.median(stars.fwhm))
        assert np.median(stars.ellipticity) == pytest.approx(0.2, abs=0.02)
    # A nearly Gaussian star, broadened by the pixel.
    expected = np.hypot(np.array([3.0, 6.0]), 2.3548 / np.sqrt(12))
    np.testing.assert_allclose(widths, expected, rtol=0.03)


def test_flags():
    rng = np.random.default_rng(7)
    x, y = grid_of_stars(rng)
    flux = np.full(x.size, 3e4)
    flux[0] = 3e5
    image = draw_stars(SHAPE, x, y, flux, 4.0)
    image += draw_stars(SHAPE, [x[8] + 10], [y[8]], 1e4, 4.0)
    image += draw_stars(SHAPE, [x[20]], [y[20]], 2e5, 12.0)
    stars = find_stars(with_noise(image, rng)[0], saturation=1e4)
    index, _ = matched(stars, x, y)
    assert stars.flags[index[0]] & StarFlag.SATURATED
    assert stars.flags[index[8]] & StarFlag.CROWDED
    assert stars.flags[index[20]] & StarFlag.EXTENDED
    others = np.setdiff1d(np.arange(x.size), [0, 8, 20])
    assert stars.good[index[others]].mean() > 0.9
    assert np.all(np.diff(stars.flux) <= 0)


def test_options_change_the_result():
    rng = np.random.default_rng(8)
    x, y = grid_of_stars(rng)
    flux = np.geomspace(3e3, 1e5, x.size)
    image, variance = with_noise(draw_stars(SHAPE, x, y, flux, 4.0), rng)
    stars = find_stars(image, None, variance)
    assert len(find_stars(image, None, variance, threshold=40)) < len(stars)
    assert len(find_stars(image, None, variance, max_stars=7)) == 7
    small = find_stars(image, None, variance, aperture=3.0)
    assert small.aperture == 3.0
    assert np.median(small.flux) < np.median(stars.flux)
    assert np.median(find_stars(image, None, 4 * variance).error) == pytest.approx(
        2 * np.median(stars.error), rel=0.05
    )
    wide, _ = with_noise(draw_stars(SHAPE, x, y, 1e5, 10.0), rng)
    assert len(find_stars(wide, fwhm=20.0)) < len(find_stars(wide, fwhm=10.0))


def test_crowded_field():
    rng = np.random.default_rng(9)
    x, y = rng.uniform(10, 246, (2, 250))
    flux = np.exp(rng.uniform(np.log(2e3), np.log(2e5), x.size))
    image, variance = with_noise(draw_stars(SHAPE, x, y, flux, 3.5, oversample=3), rng)
    stars = find_stars(image, None, variance)
    assert len(stars) > 120
    good = stars.select(stars.good)
    distance, _ = cKDTree(np.column_stack([x, y])).query(np.column_stack([good.x, good.y]))
    assert np.median(distance) < 0.03
    assert (distance > 1).mean() < 0.02


@pytest.mark.parametrize("noise", [0.0, 5.0])
def test_empty_field(noise):
    image = np.random.default_rng(0).normal(size=SHAPE) * noise
    stars = find_stars(image.astype("f4"))
    assert len(stars) == 0
    assert stars.good.sum() == 0


def test_everything_masked():
    assert len(find_stars(np.ones(SHAPE, dtype="f4"), np.ones(SHAPE, dtype=bool))) == 0


def test_input_is_not_changed():
    rng = np.random.default_rng(1)
    image, variance = with_noise(draw_stars(SHAPE, [90.0], [90.0], 1e5, 4.0), rng)
    mask = rng.random(SHAPE) < 0.01
    copies = image.copy(), mask.copy(), variance.copy()
    find_stars(image, mask, variance)
    for now, before in zip((image, mask, variance), copies, strict=True):
        np.testing.assert_array_equal(now, before)


def test_unusable_arrays():
    with pytest.raises(ValueError, match="at least 32 x 32"):
        find_stars(np.zeros((20, 100), dtype="f4"))
    with pytest.raises(ValueError, match="mask must have the shape"):
        find_stars(np.zeros(SHAPE, dtype="f4"), np.zeros((3, 3), dtype=bool))


def test_fill_masked_is_a_weighted_mean():
    rng = np.random.default_rng(1)
    data = rng.normal(size=(20, 20)).astype("f4")
    mask = rng.random((20, 20)) < 0.3
    mask[5:10, 5:10] = True
    filled = fill_masked(data, mask, -7.0)
    for y, x in np.argwhere(mask):
        j, i = np.mgrid[max(0, y - 2) : min(20, y + 3), max(0, x - 2) : min(20, x + 3)]
        keep = ~mask[j, i]
        weight = 1 / np.maximum((j - y) ** 2 + (i - x) ** 2, 1)[keep]
        want = np.average(data[j, i][keep], weights=weight) if keep.any() else -7.0
        assert filled[y, x] == pytest.approx(want, rel=1e-5)
    assert filled[7, 7] == -7.0
    np.testing.assert_array_equal(filled[~mask], data[~mask])


def test_block_statistics_are_medians():
    rng = np.random.default_rng(1)
    data = rng.normal(size=(30, 40)).astype("f4")
    mask = rng.random((30, 40)) < 0.2
    mask[:15, :20] = True
    edges = np.array([0, 15, 30]), np.array([0, 20, 40])
    level, noise = block_statistics(data, mask, *edges, 2)
    assert np.isnan(level[0, 0])
    for row, column in ((0, 1), (1, 0), (1, 1)):
        block = (slice(edges[0][row], edges[0][row + 1], 2),
                 slice(edges[1][column], edges[1][column + 1], 2))  # fmt: skip
        values = data[block][~mask[block]].astype(float)
        assert level[row, column] == pytest.approx(np.median(values))
        mad = np.median(np.abs(values - np.median(values)))
        assert noise[row, column] == pytest.approx(1.4826 * mad)


def test_local_maxima_are_peaks_of_five_pixels():
    rng = np.random.default_rng(1)
    data = rng.normal(size=(40, 50)).astype("f4")
    zero, one = np.zeros((1, 1)), np.ones((1, 1))
    y, x, height = local_maxima(data, data, zero, one, 1.0, -np.inf)
    want = (maximum_filter(data, 5) == data) & (data > 1)
    want[:2], want[-2:], want[:, :2], want[:, -2:] = False, False, False, False
    np.testing.assert_array_equal(np.column_stack([y, x]), np.argwhere(want))
    np.testing.assert_allclose(height, data[y, x])


def test_windowed_centroid_is_the_fixed_point():
    image = draw_stars((64, 64), [31.3], [32.8], 1e4, 4.0).astype("f4")
    mask = np.zeros(image.shape, dtype=bool)
    ones = np.ones_like(image)
    table = measure_windowed(
        image, mask, image, ones, np.array([31.0]), np.array([33.0]), 1.7, 8.0, (10.0, 16.0)
    )
    row = dict(zip(COLUMNS, table[0], strict=True))
    j, i = np.mgrid[:64, :64]
    dx, dy = i - row["x"], j - row["y"]
    window = np.exp(-0.5 * (dx**2 + dy**2) / 1.7**2) * (np.hypot(dx, dy) <= 4 * 1.7)
    light = window * (image - row["background"])
    assert abs((light * dx).sum() / light.sum()) < 1e-4
    assert abs((light * dy).sum() / light.sum()) < 1e-4
    error = 2 * np.sqrt((window**2 * dx**2).sum()) / light.sum()
    assert row["error"] == pytest.approx(error, rel=0.01)
    inside = np.clip(8.5 - np.hypot(dx, dy), 0, 1)
    assert row["flux"] == pytest.approx((inside * (image - row["background"])).sum(), rel=1e-5)
    moments = np.array([[(light * a * b).sum() for a in (dx, dy)] for b in (dx, dy)])
    alone = np.linalg.inv(np.linalg.inv(moments / light.sum()) - np.eye(2) / 1.7**2)
    np.testing.assert_allclose([row["xx"], row["yy"]], np.diag(alone), rtol=1e-3)
