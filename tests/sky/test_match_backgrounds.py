"""Backgrounds of overlapping frames, from blocks whose truth is known."""

import numpy as np
import pytest

from emirimg.sky._blocks import Blocks
from emirimg.sky._matching import match_backgrounds
from emirimg.sky._regions import block_edges
from emirimg.sky._surface import Surface, fit_surface

SHAPE, BOX, ERROR = (512, 512), 32, 0.4
OFFSETS = np.array([(0, 0), (40, -33), (-52, 21), (64, 58), (-20, -61), (37, 5), (-45, -40)]) + 64
"""Pixel of the lattice's first node at which each frame begins (y, x)."""
LATTICE = 640 // BOX + 1


def error_of_the_light(y, x):
    """Return the error of the light that was subtracted, at places (y, x) of the sky."""
    return 4 * np.sin(y / 90) * np.cos(x / 110)


def quadrants(amplitude):
    """Return a background that differs from quadrant to quadrant, in blocks."""
    level = amplitude * np.array([[1.0, -0.4], [0.3, 2.0]])
    slope = np.linspace(-1, 1, 8) * amplitude / 2
    return np.kron(level, np.ones((8, 8))) + np.tile(slope, 2)


def make(backgrounds, *, seed=1):
    """Return blocks of frames with such backgrounds, and where they lie."""
    rng = np.random.default_rng(seed)
    edges = block_edges(SHAPE, BOX)
    y, x = np.meshgrid(*((along[1:] + along[:-1] - 1) / 2 for along in edges), indexing="ij")
    node_y, node_x = np.mgrid[:LATTICE, :LATTICE] * float(BOX)
    blocks, places, nodes = [], [], []
    for background, (dy, dx) in zip(backgrounds, OFFSETS, strict=False):
        noise = rng.normal(0, ERROR, y.shape)
        median = background - error_of_the_light(y + dy, x + dx) + noise
        blocks.append(Blocks(median, np.full(y.shape, ERROR), *edges))
        places.append(((y + dy) / BOX, (x + dx) / BOX))
        nodes.append((node_y - dy, node_x - dx))
    return blocks, places, nodes


def own(found, blocks):
    """Return what is left of blocks without what all frames have in common."""
    return [item.median - one.common for one, item in zip(found, blocks, strict=True)]


def test_levels_and_quadrants_are_told_from_the_light():
    levels = [30.0, -8.0, 5.0, 2.0, 0.0, -1.0, 9.0]
    backgrounds = [np.full((16, 16), level) for level in levels]
    backgrounds[0] = backgrounds[0] + quadrants(60)
    blocks, places, nodes = make(backgrounds)
    found = match_backgrounds(blocks, places, nodes, SHAPE)
    middle = np.median([np.median(background) for background in backgrounds])
    assert [one.level for one in found[1:]] == pytest.approx(
        np.array(levels[1:]) - middle, abs=0.2
    )
    for rest, background in zip(own(found, blocks), backgrounds, strict=True):
        known = np.isfinite(rest)
        assert known.mean() > 0.8
        error = (rest - background + middle)[known]
        assert abs(error.mean()) < 0.1
        assert error.std() < 1.25 * ERROR


def test_what_all_frames_share_is_left_alone():
    tilt = np.linspace(-5, 5, 16) + np.zeros((16, 1))
    blocks, places, nodes = make([100 + tilt] * 7)
    found = match_backgrounds(blocks, places, nodes, SHAPE)
    # A tilt that all share is one of the light, and levels along the dither.
    assert np.median([one.level for one in found]) == pytest.approx(0, abs=1e-9)
    assert np.abs([one.level for one in found]).max() < 2


@pytest.mark.parametrize("whole", [True, False])
def test_quadrants_only_where_the_detector_has_them(whole):
    backgrounds = [quadrants(60), *[np.zeros((16, 16))] * 6]
    blocks, places, nodes = make(backgrounds)
    found = match_backgrounds(blocks, places, nodes, SHAPE, quadrants=whole)
    misfit = np.nanstd(own(found, blocks)[1])
    # What is not removed from the first stays in the light, but as one of seven.
    assert misfit < 1.5 * ERROR if whole else misfit < 4


def test_two_frames():
    blocks, places, nodes = make([np.full((16, 16), level) for level in (7.0, 3.0)])
    found = match_backgrounds(blocks, places, nodes, SHAPE)
    assert found[0].level - found[1].level == pytest.approx(4, abs=0.2)


def test_a_place_that_one_other_shows_is_not_judged():
    blocks, places, nodes = make([np.zeros((16, 16))] * 3)
    common = match_backgrounds(blocks, places, nodes, SHAPE)[0].common
    assert np.isnan(common).any()
    assert np.isfinite(common).any()


def test_a_frame_of_which_nothing_is_known():
    blocks, places, nodes = make([np.full((16, 16), level) for level in (7.0, 3.0, 5.0, 5.0)])
    blocks[1] = Blocks(np.full((16, 16), np.nan), blocks[1].error, *block_edges(SHAPE, BOX))
    found = match_backgrounds(blocks, places, nodes, SHAPE)
    assert found[0].level - found[2].level == pytest.approx(2, abs=0.2)
    assert np.isfinite([one.level for one in found]).all()


def test_a_single_frame():
    blocks, places, nodes = make([np.full((16, 16), 7.0)])
    (found,) = match_backgrounds(blocks, places, nodes, SHAPE)
    assert found.level == 0
    assert np.isnan(found.common).all()


def test_a_surface_on_a_lattice():
    blocks = Blocks(quadrants(60), np.full((16, 16), ERROR), *block_edges(SHAPE, BOX))
    surface = fit_surface(blocks, SHAPE)
    whole = surface()
    assert whole.shape == SHAPE
    y, x = np.array([3, 255, 256, 500]), np.array([0, 300])
    np.testing.assert_allclose(surface.at(y, x), whole[np.ix_(y, x)], rtol=1e-5)
    np.testing.assert_array_equal(surface(slice(250, 260)), whole[250:260])
    assert not Surface(SHAPE, ()).at(y, x).any()
