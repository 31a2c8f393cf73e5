"""Cosmic rays: by comparison and by their edges."""

import numpy as np
import pytest
from astropy.io.fits import Header
from astropy.nddata import CCDData, VarianceUncertainty

from emirimg.calibration import LaplacianCosmicRays, ReferenceOutliers, flag_outliers
from emirimg.exceptions import FrameError

SHAPE = (160, 160)
NOISE = 24.0


def field(sigma=1.7, shift=(0.0, 0.0), scale=1.0):
    rng = np.random.default_rng(4)
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]]
    image = np.zeros(SHAPE)
    for sy, sx, flux in zip(
        rng.uniform(5, 155, 40),
        rng.uniform(5, 155, 40),
        10 ** rng.uniform(2.5, 5.8, 40),
        strict=True,
    ):
        r2 = (y - sy - shift[0]) ** 2 + (x - sx - shift[1]) ** 2
        image += scale * flux / (2 * np.pi * sigma**2) * np.exp(-r2 / (2 * sigma**2))
    return image


def observed(image, seed=1):
    rng = np.random.default_rng(seed)
    variance = NOISE**2 + image / 5
    data = image + rng.normal(0, np.sqrt(variance))
    return CCDData(
        data.astype("f4"), unit="adu", meta=Header(),
        uncertainty=VarianceUncertainty(variance.astype("f4")),
    )  # fmt: skip


def twin(frame, reference, unknown, scale, sigma, neighbour, gradient, signal):
    """Do what the compiled kernel does, with NumPy."""
    padded = np.pad(np.where(unknown, np.nan, reference), 1, constant_values=np.nan)
    ny, nx = reference.shape
    steepest = np.zeros(reference.shape)
    for j in range(3):
        for i in range(3):
            step = np.abs(padded[j : j + ny, i : i + nx] - reference)
            steepest = np.fmax(steepest, step)
    difference = np.abs(frame.data - scale * reference)
    noise = np.sqrt(frame.uncertainty.array)
    allowed = gradient * scale * steepest + signal * scale * np.abs(reference)
    strong = (difference > sigma * noise + allowed) & ~unknown
    weak = (difference > neighbour * noise + allowed) & ~unknown
    around = np.pad(strong, 1)
    beside = np.zeros(reference.shape, bool)
    for j in range(3):
        for i in range(3):
            beside |= around[j : j + ny, i : i + nx]
    return strong | (weak & beside)


class TestReferenceOutliers:
    def test_equals_its_twin(self):
        frame, reference = observed(field(shift=(0.4, 0.0))), field().astype("f4")
        frame.data[::13, ::17] += 130
        unknown = np.zeros(SHAPE, bool)
        unknown[30:50, 30:90] = True
        found = ReferenceOutliers(sigma=4, gradient=0.4, signal=0.1)(
            frame, reference, unknown, scale=0.97
        )
        expected = twin(frame, reference, unknown, 0.97, 4, 3, 0.4, 0.1)
        assert found.sum() > 50
        assert (found != expected).sum() <= 2

    @pytest.mark.parametrize("sigma", [1.7 / 1.2, 1.7, 1.7 * 1.2])
    @pytest.mark.parametrize("shift", [(0.0, 0.0), (0.2, -0.2)])
    def test_stars_are_left_alone(self, sigma, shift):
        frame = observed(field(sigma, shift, scale=0.9))
        assert not ReferenceOutliers()(frame, field(), scale=0.9).any()

    def test_cosmic_rays_are_found(self):
        frame = observed(field())
        rng = np.random.default_rng(6)
        hits = rng.integers(0, 160, (80, 2))
        truth = np.zeros(SHAPE, bool)
        truth[hits[:, 0], hits[:, 1]] = True
        quiet = truth & (field() < 20)
        frame.data[truth] += 400
        found = ReferenceOutliers()(frame, field())
        assert (found & quiet).sum() >= 0.97 * quiet.sum()
        assert (found & ~truth).sum() <= 2

    def test_tracks_are_followed(self):
        frame = observed(np.zeros(SHAPE))
        frame.data[80, 40:60] = 400 - 20 * np.arange(20)
        reference = np.zeros(SHAPE)
        found = ReferenceOutliers(neighbour_sigma=3)(frame, reference)
        bare = ReferenceOutliers(neighbour_sigma=5)(frame, reference)
        assert found[80, 40:60].sum() >= bare[80, 40:60].sum()
        assert found.sum() > bare.sum()

    @pytest.mark.parametrize("options", [{"gradient": 0.1}, {"signal": 0.0}, {"sigma": 2.5}])
    def test_every_option_counts(self, options):
        frame = observed(field(1.7 / 1.3, (0.3, 0.3)))
        found = ReferenceOutliers(**options)(frame, field())
        assert (found != ReferenceOutliers(gradient=0.3)(frame, field())).any()

    def test_scale_counts(self):
        frame = observed(field(scale=0.5))
        assert ReferenceOutliers(signal=0.1, gradient=0.1)(frame, field()).any()
        assert not ReferenceOutliers(signal=0.1, gradient=0.1)(frame, field(), scale=0.5).any()

    def test_noise_of_the_reference_counts(self):
        frame = observed(np.zeros(SHAPE))
        reference = np.random.default_rng(9).normal(0, 40, SHAPE)
        known = ReferenceOutliers(gradient=0)(frame, reference, reference_variance=1600.0)
        unknown = ReferenceOutliers(gradient=0)(frame, reference)
        assert known.sum() < 5 < 50 < unknown.sum()

    def test_masked_pixels_stay_false(self):
        frame = observed(np.zeros(SHAPE))
        frame.data[10, 10] = frame.data[20, 20] = 1e4
        frame.mask = np.zeros(SHAPE, bool)
        frame.mask[10, 10] = True
        unknown = np.zeros(SHAPE, bool)
        unknown[20, 20] = True
        before = frame.mask.copy()
        found = ReferenceOutliers()(frame, np.zeros(SHAPE), unknown)
        assert not found[10, 10]
        assert not found[20, 20]
        np.testing.assert_array_equal(frame.mask, before)

    def test_refusals(self):
        frame = observed(np.zeros(SHAPE))
        with pytest.raises(FrameError, match=r"reference has the shape \(3, 3\)"):
            ReferenceOutliers()(frame, np.zeros((3, 3)))
        frame.uncertainty = None
        with pytest.raises(FrameError, match="a variance was expected"):
            ReferenceOutliers()(frame, np.zeros(SHAPE))


class TestLaplacianCosmicRays:
    def test_finds_hits_and_leaves_stars(self):
        image = field()
        frame = observed(image)
        hits = np.random.default_rng(6).integers(5, 155, (60, 2))
        truth = np.zeros(SHAPE, bool)
        truth[hits[:, 0], hits[:, 1]] = True
        quiet = truth & (image < 20)
        frame.data[truth] += 600
        before = frame.data.copy()
        found = LaplacianCosmicRays()(frame)
        assert (found & quiet).sum() > 0.9 * quiet.sum()
        assert found[(image > 200) & ~truth].sum() <= 1
        np.testing.assert_array_equal(frame.data, before)

    @pytest.mark.parametrize(
        "options",
        [{"sigma": 20}, {"contrast": 60}, {"neighbour_fraction": 0.1}, {"iterations": 1}],
    )
    def test_every_option_counts(self, options):
        frame = observed(field(sigma=0.9))
        frame.data[40:120:9, 40:120] += 60 * np.abs(np.sin(np.arange(80)))
        frame.data[77:84, 58:65] += 900
        assert (LaplacianCosmicRays(**options)(frame) != LaplacianCosmicRays()(frame)).any()

    def test_masked_pixels_stay_false(self):
        frame = observed(np.zeros(SHAPE))
        frame.data[50, 50] = np.inf
        frame.mask = np.zeros(SHAPE, bool)
        frame.mask[50, 50] = True
        assert not LaplacianCosmicRays()(frame)[50, 50]

    def test_needs_a_variance(self):
        with pytest.raises(FrameError, match="a variance was expected"):
            LaplacianCosmicRays()(CCDData(np.zeros(SHAPE), unit="adu"))


@pytest.mark.parametrize("strategy", [ReferenceOutliers(sigma=6), LaplacianCosmicRays(sigma=4)])
def test_repr(strategy):
    assert eval(repr(strategy)) == strategy


def test_flag_outliers():
    frame = observed(np.zeros(SHAPE))
    frame.mask = np.zeros(SHAPE, bool)
    frame.mask[0, 0] = True
    outliers = np.zeros(SHAPE, bool)
    outliers[1, 1] = True
    result = flag_outliers(frame, outliers)
    assert result.mask.sum() == 2
    assert frame.mask.sum() == 1
    assert "masked 1 outlier" in str(result.meta["HISTORY"])
    np.testing.assert_array_equal(result.data, frame.data)
    with pytest.raises(FrameError, match="was expected"):
        flag_outliers(frame, outliers[:4])


def test_the_seeing_of_a_frame_is_allowed_for():
    y, x = np.mgrid[:32, :32]
    star = 5000 * np.exp(-((y - 16) ** 2 + (x - 16) ** 2) / 8)
    # Half as wide, as an exposure in far better seeing than the others.
    sharp = 20000 * np.exp(-((y - 16) ** 2 + (x - 16) ** 2) / 2)
    frame = CCDData(sharp, unit="adu", uncertainty=VarianceUncertainty(sharp / 5 + 600))
    assert ReferenceOutliers()(frame, star)[16, 16]
    assert not ReferenceOutliers()(frame, star, sharpness=4.0).any()
    frame.data[5, 7] += 400
    assert ReferenceOutliers()(frame, star, sharpness=4.0)[5, 7]


@pytest.mark.parametrize("fwhm", [1.9, 2.2, 2.6, 3.1, 4.0])
def test_no_core_of_a_sharp_star_is_taken_for_a_cosmic_ray(fwhm):
    image = field(sigma=fwhm / 2.3548)
    clean = observed(image)
    assert not LaplacianCosmicRays()(clean)[image > 300].any()
    # A track across everything is still found, but for the cores.
    hit = clean.copy()
    row, column = np.arange(20, 120), np.arange(20, 120) // 3 + 60
    hit.data[row, column] += 1500
    found = LaplacianCosmicRays()(hit)[row, column]
    assert found[image[row, column] < 100].mean() > 0.9
