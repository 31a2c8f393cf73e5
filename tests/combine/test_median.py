"""The exact median of the usable pixels."""

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from emirimg._lazy import each_row
from emirimg.combine import median
from emirimg.combine.median import masked_median


@given(
    st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False), min_size=1, max_size=60),
    st.integers(0, 2**32 - 1),
)
@settings(deadline=None, max_examples=60)
def test_it_is_that_of_numpy(values, seed):
    data = np.array([values], dtype=np.float32)
    mask = np.random.default_rng(seed).random(data.shape) < 0.3
    expected = np.median(data[~mask].astype(float)) if (~mask).any() else np.nan
    np.testing.assert_array_equal(masked_median(data, mask), expected)  # -0 is 0


@pytest.mark.parametrize("size", [(200, 301), (200, 300)])
def test_narrow_distributions(size):
    data = np.random.default_rng(1).normal(3000, 20, size).astype("f4")
    mask = np.zeros(size, dtype=bool)
    assert masked_median(data, mask) == np.median(data.astype(float))


def test_what_lies_under_the_mask_does_not_matter():
    data = np.array([[1.0, np.nan, 5.0, np.inf]], dtype="f4")
    assert masked_median(data, np.array([[False, True, False, True]])) == 3.0
    assert np.isnan(masked_median(data, np.ones((1, 4), dtype=bool)))


@pytest.mark.parametrize("n_columns", [700, 701])
@pytest.mark.parametrize("kind", ["flat", "steep", "stepped", "of two values", "constant"])
@pytest.mark.parametrize("is_masked", [False, True])
def test_large_images(n_columns, kind, is_masked, monkeypatch):
    y = np.arange(501)[:, None]
    rng = np.random.default_rng(1)
    data = rng.normal(3000, 20, (501, n_columns))
    if kind == "steep":
        data += 100 * y
    elif kind == "stepped":  # of which the sampled rows know nothing
        data[np.arange(501) % 7 != 0] += 1000
    elif kind == "of two values":
        data = np.where(data > 3000, 1.0, 2.0)
    elif kind == "constant":
        data[:] = 5
    data = data.astype("f4")
    mask = rng.random(data.shape) < 0.1 if is_masked else None
    values = data[~mask] if is_masked else data
    expected = np.median(values.astype(float))
    assert masked_median(data, mask) == expected
    # Of a plane that is read from a file, no whole one is made but where the sample misleads.
    lazy = each_row(np.positive, data, dtype=np.float32)
    if kind != "stepped":
        monkeypatch.setattr(median, "median_of", None)
    assert masked_median(lazy, mask) == expected


def test_a_large_image_without_any_value():
    data = np.zeros((600, 600), dtype="f4")
    assert np.isnan(masked_median(data, np.ones(data.shape, dtype=bool)))
