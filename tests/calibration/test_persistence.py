"""Persistence of bright stars in simulated frames."""

import numpy as np
import pytest
import scipy
from astropy.io.fits import Header
from astropy.nddata import CCDData, VarianceUncertainty

from emirimg.calibration import Afterglow, PersistenceDetector, decay_time, visible_pixels
from emirimg.calibration.persistence import _footprints
from emirimg.exceptions import FrameError
from emirimg.stack import DitherStack

SHAPE = (120, 140)
NOISE = 27.0
Y, X = np.mgrid[: SHAPE[0], : SHAPE[1]]
STAR = 90000 * (1 + ((X - 60) ** 2 + (Y - 50) ** 2) / 40) ** -3
FILL = np.minimum(STAR, 52000) / 55000
EMPTY = np.zeros(SHAPE, "f4")


def stack_of(glow, tau=60.0, number=5, seed=1):
    """Return frames of which the first shows a saturated star, and what it leaves behind."""
    rng = np.random.default_rng(seed)
    frames = []
    for index in range(number):
        light = STAR if index == 0 else glow * np.exp(-40 * index / tau) * FILL
        data = np.minimum(light + rng.normal(0, NOISE, SHAPE), 52000).astype("f4")
        meta = Header({"DATE-OBS": f"2018-12-17T23:{10 + 40 * index // 60}:{40 * index % 60:02d}"})
        meta["EXPTIME"] = 30.0
        variance = VarianceUncertainty(np.full(SHAPE, NOISE**2, "f4"))
        frame = CCDData(data, unit="adu", meta=meta, uncertainty=variance, mask=data >= 52000)
        # A hot pixel, masked in all of the frames, and a cosmic ray.
        frame.data[100:103, 100:103], frame.mask[100:103, 100:103] = 50000, True
        frame.data[20, 20 + index] = 50000
        frames.append(frame)
    stack = DitherStack.from_frames(frames)
    return DitherStack(frames, stack.names, stack.metadata, np.arange(number))


def test_footprints_are_those_of_stars():
    (footprint,) = PersistenceDetector(faintest=0.5).footprints(stack_of(0))
    assert footprint.frame == 0
    mask = np.zeros(SHAPE, bool)
    mask[footprint.y, footprint.x] = True
    assert mask[STAR > 0.55 * 55000].all()
    assert STAR[mask].min() > 5000
    assert len(footprint.y) == mask.sum()


def test_levels_count():
    assert not PersistenceDetector(faintest=0.99).footprints(stack_of(0))
    (small,) = PersistenceDetector(faintest=0.5).footprints(stack_of(0))
    (large,) = PersistenceDetector().footprints(stack_of(0))
    assert len(large.y) > 3 * len(small.y)
    assert large.fill.max() == pytest.approx(52000 / 55000)
    assert large.fill.min() > 0.02
    # The ring around counts as the faintest pixel.
    assert set(large.fill[~large.core]) == {large.fill[large.core].min()}
    assert glows_of(stack_of(75.0))[0].significant
    assert not glows_of(stack_of(75.0), level=0.99)[0].significant


@pytest.mark.parametrize("density", [0.1, 0.2, 0.45])
def test_groups_of_pixels_are_those_of_scipy(density):
    rng = np.random.default_rng(3)
    bright, fill = rng.uniform(size=SHAPE) < density, rng.uniform(size=SHAPE).astype("f4")
    places = np.flatnonzero(bright)
    found = _footprints(places, fill.ravel()[places], SHAPE, 7)
    labels, number = scipy.ndimage.label(bright)
    groups = [labels == one for one in range(1, number + 1)]
    groups = [group for group in groups if group.sum() >= 4]
    assert len(found) == len(groups) > 5
    for footprint, group in zip(found, groups, strict=True):
        y, x = np.nonzero(scipy.ndimage.binary_dilation(group, np.ones((3, 3))))
        np.testing.assert_array_equal(footprint.y, y)
        np.testing.assert_array_equal(footprint.x, x)
        np.testing.assert_array_equal(footprint.core, group[y, x])
        expected = np.where(group, fill, fill[group].min())[y, x]
        np.testing.assert_array_equal(footprint.fill, expected)
        assert footprint.frame == 7


def test_a_frame_without_bright_pixels():
    assert _footprints(np.empty(0, int), np.empty(0, "f4"), SHAPE, 0) == []
    assert _footprints(np.array([3, 50]), np.ones(2, "f4"), SHAPE, 0) == []


def test_a_star_at_the_rim():
    stack = stack_of(0)
    stack[0].data[:3, :3] = 50000
    first, _ = PersistenceDetector().footprints(stack)
    assert (first.y.min(), first.x.min(), first.y.max(), first.x.max()) == (0, 0, 3, 3)


def glows_of(stack, **options):
    detector = PersistenceDetector(**options)
    footprints = detector.footprints(stack)
    return [glow for frame in stack[1:] for glow in detector(frame, footprints, EMPTY)]


def test_persistence_that_no_pixel_shows():
    stack = stack_of(75.0, tau=60.0)
    glows = glows_of(stack)
    assert glows[0].significant
    box = stack[1].data[44:57, 54:67]
    assert box.max() < 5.5 * NOISE
    assert glows[0].excess == pytest.approx(75 * np.exp(-40 / 60), abs=4 * glows[0].error)
    assert not any(glow.significant for glow in glows_of(stack, sigma=50))


def test_false_alarms_are_rare():
    seen = [
        glow.excess / glow.error for seed in range(40) for glow in glows_of(stack_of(0, seed=seed))
    ]
    assert max(seen) < 4
    assert np.std(seen) == pytest.approx(1, abs=0.15)


def test_the_decay_is_measured():
    glows = glows_of(stack_of(150.0, tau=60.0))
    delays = [40.0 * (1 + k) for k in range(len(glows))]
    assert decay_time(glows, delays) == pytest.approx(60, rel=0.25)
    assert np.isnan(decay_time(glows[:1], delays[:1]))
    assert np.isnan(decay_time([], []))


def test_objects_are_no_persistence():
    stack = stack_of(0)
    reference = (5000 * (1 + ((X - 60) ** 2 + (Y - 50) ** 2) / 12) ** -3).astype("f4")
    frame = stack[1]
    frame.data += 1.1 * reference
    detector = PersistenceDetector()
    prints = detector.footprints(stack)
    assert not any(glow.significant for glow in detector(frame, prints, reference))
    prints = PersistenceDetector(faintest=0.5).footprints(stack)
    assert detector(frame, prints, reference) == []
    assert detector(frame, prints, EMPTY)[0].significant
    assert detector(frame, prints, EMPTY, np.ones(SHAPE, bool)) == []
    half = detector(frame, prints, 0.5 * reference, scale=2.0)
    assert half == []


def test_one_cosmic_ray_is_no_evidence():
    stack = stack_of(0, seed=3)
    stack[1].data[50, 60] = 5000
    assert not any(glow.significant for glow in glows_of(stack))


def test_all_stars_together():
    (star,) = PersistenceDetector().footprints(stack_of(0))
    faint = [Afterglow(star, excess, 50.0, significant=False) for excess in (90, 110, 80, 120)] * 4
    detector = PersistenceDetector()
    assert detector.common_excess(faint) == pytest.approx(100)
    assert PersistenceDetector(sigma=8).common_excess(faint) == 0
    one = [Afterglow(star, 1000.0, 10.0, significant=True)]
    none = [Afterglow(star, 0.0, 50.0, significant=False)] * 16
    assert detector.common_excess(one) == 0
    assert detector.common_excess(one + none) == 0
    assert detector.common_excess([]) == 0


def test_all_stars_together_make_no_false_alarm():
    rng = np.random.default_rng(5)
    (star,) = PersistenceDetector().footprints(stack_of(0))
    for _ in range(200):
        glows = [Afterglow(star, x, 50.0, significant=False) for x in rng.normal(0, 50, 30)]
        assert PersistenceDetector().common_excess(glows) == 0


def test_what_matters_is_masked():
    (star,) = PersistenceDetector().footprints(stack_of(0))
    y, x = visible_pixels(star, 100.0, NOISE)
    mask = np.zeros(SHAPE, bool)
    mask[y, x] = True
    assert mask[(STAR > 0.08 * 55000)].all()
    assert not mask[STAR < 0.05 * 55000].any()
    assert len(visible_pixels(star, 0.0, NOISE)[0]) == 0
    assert len(visible_pixels(star, 1e4, NOISE)[0]) == len(star.y)


def test_footprints_have_keys():
    stack = stack_of(0)
    stack[0].data[:3, :3] = 50000
    first, second = PersistenceDetector().footprints(stack)
    assert first.key == (0, 0, 0)
    assert second.key != first.key


def test_a_variance_is_needed():
    with pytest.raises(FrameError, match="a variance was expected"):
        PersistenceDetector()(CCDData(EMPTY, unit="adu"), [], EMPTY)


def test_repr():
    assert eval(repr(PersistenceDetector(level=0.8))) == PersistenceDetector(level=0.8)
