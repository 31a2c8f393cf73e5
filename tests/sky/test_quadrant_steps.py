"""Steps between quadrants."""

import numpy as np
import pytest
from astropy.nddata import CCDData

from emirimg.sky import quadrant_steps

SHAPE = (640, 600)
NOISE = 25.0
Y, X = np.mgrid[: SHAPE[0], : SHAPE[1]]
RING = 300 * np.exp(-(((np.hypot(Y - 320, X - 300) - 200) / 70) ** 2))


def made(pedestal=0.0, seed=1):
    rng = np.random.default_rng(seed)
    data = 3000 + RING + 0.05 * X + rng.normal(0, NOISE, SHAPE) + pedestal
    for y, x in rng.uniform(0, 600, (60, 2)):
        data += 3000 * np.exp(-((Y - y) ** 2 + (X - x) ** 2) / 6)
    mask = rng.random(SHAPE) < 0.02
    data[mask] = 1e6
    return CCDData(data.astype("f4"), unit="adu", mask=mask)


def pedestal(levels, slope=0.0):
    result = np.zeros(SHAPE)
    for number, level in enumerate(levels):
        y, x = divmod(number, 2)
        part = np.s_[320 * y : 320 * (y + 1), 300 * x : 300 * (x + 1)]
        result[part] = level
    # A slope along the border of one quadrant.
    result[:320, :300] += slope * np.linspace(-1, 1, 320)[:, None]
    return result


def jumps(image):
    return np.concatenate([image[:, 300] - image[:, 299], image[320, :] - image[319, :]])


def test_a_smooth_sky_has_no_steps():
    for seed in range(10):
        assert quadrant_steps(made(seed=seed)).order == -1


@pytest.mark.parametrize("slope", [0.0, 30.0])
def test_steps_are_found(slope):
    true = pedestal([40, -30, 10, -20], slope)
    found = quadrant_steps(made(true))
    assert found.order == 1
    rest = jumps(true - found())
    assert np.sqrt(np.mean(rest**2)) < 5
    assert np.abs(np.mean(rest)) < 3


def test_levels_come_back_but_for_one():
    true = pedestal([40, -30, 10, 0])
    image = quadrant_steps(made(true))()
    # Without slopes across the borders; the level of the whole frame is the sky's.
    middle = [image[part].mean() for part in (np.s_[:320, :300], np.s_[:320, 300:])]
    assert middle[0] - middle[1] == pytest.approx(70, abs=12)


def test_weak_steps_are_left_alone():
    assert quadrant_steps(made(pedestal([0.5, -0.5, 0.5, -0.5]))).order == -1


def test_without_a_border():
    tiny = CCDData(np.ones((20, 20), "f4"), unit="adu")
    assert quadrant_steps(tiny).order == -1
    frame = made(pedestal([40, -30, 10, -20]))
    frame.mask[:, 250:350] = True
    assert quadrant_steps(frame).order == -1


def test_without_noise():
    # Such as an exposure that was divided by itself.
    constant = CCDData(np.ones(SHAPE, "f4"), unit="adu")
    assert quadrant_steps(constant).order == -1
    true = pedestal([40, -30, 10, -20]).astype("f4")
    found = quadrant_steps(CCDData(true, unit="adu"))()
    np.testing.assert_allclose(jumps(found), jumps(true), atol=0.05)
