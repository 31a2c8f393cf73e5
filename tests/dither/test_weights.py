"""Weights of frames, and what clouds take away."""

import astropy.units as u
import numpy as np
import pytest
from astropy.wcs import WCS

from emirimg.alignment import LEFT_OUT, Alignment
from emirimg.dither.weights import effective_time, frame_weights, without_opaque
from emirimg.exceptions import QualityWarning


def alignment(transparency, methods=None):
    n = len(transparency)
    return Alignment(
        (WCS(naxis=2),) * n, methods or ("stars",) * n, np.zeros((n, 2)), np.zeros(n) * u.arcsec,
        np.ones(n, dtype=int), np.array(transparency), np.ones(n) * u.arcsec, np.zeros(n), 0,
    )  # fmt: skip


def test_weights_are_those_of_least_noise():
    clear, noise = np.array([1.0, 0.5, 0.8]), np.array([10.0, 9.0, 11.0])
    weights = frame_weights(alignment(clear), noise)
    assert weights.max() == 1
    # Any other weights make the noise of the mean of scaled frames larger.
    variance = (noise / clear) ** 2

    def total(w):
        return (w**2 * variance).sum() / w.sum() ** 2

    rng = np.random.default_rng(1)
    best = total(weights)
    assert all(total(weights * rng.uniform(0.8, 1.2, 3)) >= best for _ in range(20))


def test_effective_time_gives_the_depth():
    clear, noise = np.array([1.0, 0.6, 0.6, 0.3]), np.full(4, 7.0)
    weights = frame_weights(alignment(clear), noise)
    seconds = effective_time([20.0] * 4 * u.s, weights).to_value(u.s)
    # So many clear exposures have the variance of the weighted mean.
    variance = (weights**2 * (noise / clear) ** 2).sum() / weights.sum() ** 2
    assert 7.0**2 / (seconds / 20.0) == pytest.approx(variance)


def test_opaque_frames_are_left_out():
    given = alignment([1.0, 0.15, 0.5])
    with pytest.warns(QualityWarning, match="b has a transparency of 0.15"):
        found = without_opaque(given, ["a", "b", "c"], 0.2)
    assert found.methods == ("stars", LEFT_OUT, "stars")
    assert frame_weights(found, np.ones(3))[1] == 0
    with pytest.warns(QualityWarning, match="c has"):
        assert without_opaque(found, ["a", "b", "c"], 0.6).used.sum() == 1
    assert without_opaque(given, ["a", "b", "c"], 0.1).used.all()
