from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

import astropy.units as u
import numpy as np
import pytest
from astropy.nddata import CCDData, VarianceUncertainty
from astropy.wcs import WCS
from numpy.testing import assert_allclose, assert_array_equal

from emirimg._lazy import LazyPlane
from emirimg.combine import (
    MeanCombiner,
    NoiseClipCombiner,
    SigmaClipCombiner,
    assemble_mosaic,
)
from emirimg.projection import ExactResampler, InterpResampler, LanczosResampler, MosaicGrid

SHAPE = (60, 70)
PLANES = ("data", "variance", "mask", "coverage", "exposure")


def wcs_at(x, y, *, rotation=0.0):
    """A gnomonic WCS of a frame moved by pixels."""
    wcs = WCS(naxis=2)
    wcs.wcs.ctype = ["RA---TAN", "DEC--TAN"]
    wcs.wcs.crval = [150.0, 20.0]
    wcs.wcs.crpix = [35.3 + x, 30.7 + y]
    a, step = np.radians(rotation), 5.4e-5
    wcs.wcs.cd = step * np.array([[-np.cos(a), np.sin(a)], [np.sin(a), np.cos(a)]])
    wcs.wcs.set()
    return wcs


def frame_at(x, y, *, level=None, seed=0, rotation=0.0, variance=1.0):
    rng = np.random.default_rng(seed)
    data = rng.normal(0, 1, SHAPE) if level is None else np.full(SHAPE, level)
    return CCDData(
        data.astype(np.float32),
        unit="adu",
        wcs=wcs_at(x, y, rotation=rotation),
        mask=rng.random(SHAPE) < 0.02,
        uncertainty=VarianceUncertainty(np.full(SHAPE, variance, dtype=np.float32)),
    )


@pytest.fixture
def frames():
    return [
        frame_at(*place, seed=seed, rotation=seed)
        for seed, place in enumerate([(0, 0), (7.3, -12.2), (-9.4, 15.1), (3.1, 4.4)])
    ]


@pytest.fixture
def grid(frames):
    return MosaicGrid.covering([f.wcs for f in frames], [SHAPE] * len(frames))


def assembled(frames, grid, **kwargs):
    kwargs = {"resampler": LanczosResampler(), "combiner": NoiseClipCombiner()} | kwargs
    return assemble_mosaic(frames, grid, **kwargs)


def assert_same(first, second):
    for name in PLANES:
        assert_array_equal(getattr(first, name), getattr(second, name))


@pytest.mark.parametrize("resampler", [LanczosResampler(), InterpResampler(), ExactResampler()])
@pytest.mark.parametrize("height", [1, 7, 64])
def test_the_height_of_the_bands_does_not_matter(frames, grid, resampler, height):
    grid = grid.cutout(slice(30, 55))
    whole, rejected = assembled(frames, grid, resampler=resampler, band_height=1000)
    bands, rejected_too = assembled(frames, grid, resampler=resampler, band_height=height)
    assert_same(bands, whole)
    assert_array_equal(rejected, rejected_too)


def test_the_number_of_threads_does_not_matter(frames, grid):
    mosaics = []
    for threads in (1, 3):
        with ThreadPoolExecutor(threads) as executor:
            mosaics.append(assembled(frames, grid, executor=executor, band_height=8)[0])
    assert_same(*mosaics)


def test_processes_will_do(frames, grid):
    with ProcessPoolExecutor(1) as executor:
        mosaic, _ = assembled(frames, grid, executor=executor)
    # A WCS that travels to another process is rounded to some twelve digits.
    assert_allclose(mosaic.data, assembled(frames, grid)[0].data, atol=1e-4)


def test_it_is_resampling_and_combining(frames, grid):
    mosaic, _ = assembled(frames, grid, combiner=MeanCombiner(), weights=[1, 2, 3, 4])
    values = np.zeros((4, *grid.shape), dtype=np.float32)
    variance, mask = np.zeros_like(values), np.ones(values.shape, dtype=bool)
    for index, frame in enumerate(frames):
        projected = LanczosResampler()(frame, grid)
        values[index][projected.window] = projected.data
        variance[index][projected.window] = projected.variance
        mask[index][projected.window] = projected.mask
    planes = MeanCombiner()(
        values, variance=variance, mask=mask, weights=np.array([1.0, 2.0, 3.0, 4.0])
    )
    assert_array_equal(mosaic.data, planes.data)
    assert_array_equal(mosaic.variance, planes.variance)
    assert_array_equal(mosaic.coverage, (~mask).sum(axis=0))
    assert_array_equal(mosaic.mask, mask.all(axis=0))
    assert mosaic.coverage.dtype == np.int16
    assert 0 < mosaic.mask.mean() < 0.5


def test_scales_bring_frames_to_one_level(grid):
    frames = [frame_at(0, 0, level=100.0), frame_at(3, 2, level=50.0, variance=1.0)]
    mosaic, rejected = assembled(frames, grid, combiner=MeanCombiner(), scales=[1.0, 0.5])
    both = mosaic.coverage == 2
    middle = np.zeros(grid.shape, dtype=bool)
    middle[35:50, 35:50] = True
    level = np.median(mosaic.data[both & middle])
    assert_allclose(mosaic.data[both & middle], level, rtol=1e-4)
    unscaled, _ = assembled(frames, grid, combiner=MeanCombiner())
    # Variances 1 and 1 / 0.5^2 instead of 1 and 1.
    ratio = mosaic.variance[both & middle] / unscaled.variance[both & middle]
    assert abs(np.median(ratio) - 2.5) < 0.3
    assert_array_equal(rejected, 0)


def test_exposure_counts_the_times_of_the_frames_used(frames, grid):
    times = [10.0, 20.0, 40.0, 80.0]
    seconds, _ = assembled(frames, grid, exposure_times=times)
    quantity, _ = assembled(frames, grid, exposure_times=np.array(times) / 60 * u.min)
    assert_allclose(quantity.exposure, seconds.exposure)
    bits = (seconds.exposure / 10).astype(int)
    counted = sum((bits >> k) & 1 for k in range(4))
    assert_array_equal(counted, seconds.coverage)
    assert not assembled(frames, grid)[0].exposure.any()


@pytest.mark.parametrize("seconds", [0.1, 30.0])
def test_exposures_of_one_time_need_no_plane_of_it(frames, grid, seconds):
    mosaic, _ = assembled(frames, grid, exposure_times=np.full(4, seconds))
    assert isinstance(mosaic.exposure, LazyPlane)
    assert mosaic.exposure.dtype == np.float32
    # Another frame, which does not count, has another time: all are added up, bit for bit.
    elsewhere = [*frames, frame_at(5000, 0)]
    other, _ = assembled(elsewhere, grid, exposure_times=[*[seconds] * 4, 2 * seconds])
    assert isinstance(other.exposure, np.ndarray)
    assert_array_equal(np.asarray(mosaic.exposure), other.exposure)
    assert mosaic.exposure.max() > 3 * seconds


def test_the_rejected_fraction_is_that_of_each_frame(frames, grid):
    frames[2].data[20:40, 20:40] += 50
    frames.append(frame_at(5000, 0))
    _, rejected = assembled(frames, grid)
    assert rejected[4] == 0
    assert 0.06 < rejected[2] < 0.13
    assert (rejected[[0, 1, 3]] < 0.01).all()


def test_pixels_that_no_frame_touches_are_masked_and_zero(frames, grid):
    mosaic, _ = assembled(frames, grid, exposure_times=[1] * 4)
    assert_array_equal(mosaic.mask, mosaic.coverage == 0)
    for name in ("data", "variance", "exposure"):
        assert not getattr(mosaic, name)[mosaic.mask].any()
    assert (mosaic.variance[~mosaic.mask] > 0).all()


def test_progress_and_history_tell_what_happens(frames, grid):
    seen = []

    def progress(items, description, total):
        seen.append((description, total))
        return items

    mosaic, _ = assembled(frames, grid, progress=progress, band_height=10)
    assert seen == [("Combining", -(-grid.shape[0] // 10))]
    history = "".join(mosaic.header["HISTORY"])
    assert "LanczosResampler()" in history
    assert "NoiseClipCombiner()" in history


def test_the_frames_stay_as_they_are(frames, grid):
    before = [(f.data.copy(), f.mask.copy(), f.uncertainty.array.copy()) for f in frames]
    assembled(frames, grid, scales=[1, 2, 3, 4])
    for frame, planes in zip(frames, before, strict=True):
        assert_array_equal(frame.data, planes[0])
        assert_array_equal(frame.mask, planes[1])
        assert_array_equal(frame.uncertainty.array, planes[2])


def test_frames_without_uncertainty_are_combined_where_no_noise_is_needed(frames, grid):
    for frame in frames:
        frame.uncertainty = None
    mosaic, _ = assembled(frames, grid, combiner=SigmaClipCombiner())
    assert not mosaic.variance.any()
    with pytest.raises(ValueError, match="needs the variance of every image"):
        assembled(frames, grid)


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"scales": [1, 1, 0, 1]}, "scales must be positive"),
        ({"scales": [1, 1]}, "scales must have one entry for each of the 4 frames"),
        ({"weights": [1, 1]}, "weights must have one entry"),
        ({"exposure_times": [1, 1]}, "exposure_times must have one entry"),
    ],
)
def test_wrong_arguments_are_refused(frames, grid, kwargs, message):
    with pytest.raises(ValueError, match=message):
        assembled(frames, grid, **kwargs)


def test_no_frames_are_refused(grid):
    with pytest.raises(ValueError, match="no frames were given"):
        assembled([], grid)
