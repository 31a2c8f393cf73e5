"""Frames of an extended target, matched to each other, against the truth."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
from astropy.nddata import CCDData, VarianceUncertainty

from emirimg._parallel import no_progress
from emirimg.alignment import LEFT_OUT, HeaderAlignment
from emirimg.combine import NoiseClipCombiner
from emirimg.dither.field_steps import FieldSteps
from emirimg.dither.matching import match_frames
from emirimg.io import Scratch
from emirimg.projection import LanczosResampler, MosaicGrid
from emirimg.simulation import Scene
from emirimg.sky import DetectorResidual
from emirimg.sky._blocks import measure_blocks
from emirimg.sky._regions import block_edges
from emirimg.stack import DitherStack

N = 256
SCENE = Scene(shape=(N, N), dither_scale=0.3, n_exposures=7, n_stars=20, n_galaxies=0)
NOISE = 10.0
LEVELS = np.array([20.0, -8.0, 5.0, 2.0, 0.0, -1.0, 9.0])
QUADRANTS = np.kron([[60.0, -40.0], [20.0, 90.0]], np.ones((N // 2, N // 2)))


def light(wcs, radius):
    """Return a galaxy, and a star upon it."""
    centre = SCENE.truth.wcs(3).wcs_pix2world([[N / 2, N / 2], [N / 2 + 40, N / 2]], 0)
    (x, y), (star_x, star_y) = wcs.wcs_world2pix(centre, 0)
    yy, xx = np.indices((N, N))
    star = 8000 * np.exp(-((yy - star_y) ** 2 + (xx - star_x) ** 2) / 8)
    return 700 * np.exp(-np.hypot(yy - y, xx - x) / radius) + star


@pytest.fixture(scope="module", params=[20, 150], ids=["blank", "full"])
def observed(request):
    """Return frames, their alignment and their light."""
    rng = np.random.default_rng(4)
    truth, frames, lights = SCENE.truth, [], []
    for k, level in enumerate(LEVELS):
        lights.append(light(truth.wcs(k), request.param))
        data = lights[-1] + level + (QUADRANTS if k == 0 else 0) + rng.normal(0, NOISE, (N, N))
        frames.append(
            CCDData(
                data.astype("f4"), unit="adu", mask=np.zeros((N, N), bool), wcs=truth.wcs(k),
                meta=SCENE.exposure(k).meta,
                uncertainty=VarianceUncertainty(np.full((N, N), NOISE**2, "f4")),
            )
        )  # fmt: skip
    stack = DitherStack.from_frames(frames)
    return stack, HeaderAlignment()(stack), lights


def match(stack, alignment, residual=DetectorResidual()):
    """Return the frames, matched three times, and the largest rms that was subtracted."""
    grid = MosaicGrid.covering([frame.wcs for frame in stack], [(N, N)] * len(stack))
    with Scratch(0) as scratch, ThreadPoolExecutor(2) as executor:
        steps = FieldSteps(executor, no_progress, scratch)
        matched, largest = stack, np.zeros(len(stack))
        for _ in range(3):
            mosaic = steps.combined(
                matched, alignment, grid, LanczosResampler(), NoiseClipCombiner()
            ).mosaic
            matched, rms = match_frames(matched, mosaic, alignment, residual, steps)
            largest = np.maximum(largest, rms)
        return [np.array(frame.data) for frame in matched], largest


def blocks(plane):
    return measure_blocks(plane.astype("f4"), None, block_edges((N, N), 32)).median


def test_backgrounds_go_and_the_light_stays(observed):
    stack, alignment, lights = observed
    before = [np.array(frame.data) for frame in stack]
    found, rms = match(stack, alignment)
    assert rms[0] > 40
    assert rms[1:].max() < 1
    for data, true in zip(found, lights, strict=True):
        error = blocks(data - true) - np.median(LEVELS)
        # The noise of a block is 0.4; the quadrants differ by up to 100.
        assert abs(np.median(error)) < 0.8
        assert np.median(np.abs(error - np.median(error))) < 0.8
    for frame, data in zip(stack, before, strict=True):
        np.testing.assert_array_equal(frame.data, data)


def test_levels_alone(observed):
    stack, alignment, lights = observed
    found, rms = match(stack, alignment, residual=None)
    assert not rms.any()
    levels = [np.median(data - true) for data, true in zip(found, lights, strict=True)]
    assert np.ptp(levels[1:]) < 2.5
    assert np.std(blocks(found[0] - lights[0])) > 30


def test_a_frame_that_is_left_out_does_not_count(observed):
    stack, alignment, lights = observed
    methods = (LEFT_OUT, *alignment.methods[1:])
    found, _ = match(stack, replace(alignment, methods=methods))
    levels = [np.median(data - true) for data, true in zip(found, lights, strict=True)]
    assert np.median(levels[1:]) == pytest.approx(np.median(LEVELS[1:]), abs=0.5)
    assert np.ptp(levels[1:]) < 2.5


def test_transparencies_are_taken_into_account(observed):
    stack, alignment, lights = observed
    clear = np.array([1.0, 0.7, 1.0, 0.8, 1.0, 0.9, 1.0])
    dimmed = [
        CCDData(frame.data - ((1 - t) * true).astype("f4"), unit="adu", mask=frame.mask,
                wcs=frame.wcs, meta=frame.meta, uncertainty=frame.uncertainty)
        for frame, true, t in zip(stack, lights, clear, strict=True)
    ]  # fmt: skip
    found, rms = match(stack.with_frames(dimmed), replace(alignment, transparency=clear))
    assert rms[1:].max() < 2
    for data, true, t in zip(found, lights, clear, strict=True):
        error = blocks(data - t * true)
        assert np.median(np.abs(error - np.median(error))) < 1


def test_a_single_frame_stays_as_it_is(observed):
    stack, *_ = observed
    one = stack.select([1])
    (found,), rms = match(one, HeaderAlignment()(one))
    np.testing.assert_array_equal(found, one[0].data)
    assert rms == [0]
