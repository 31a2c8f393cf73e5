"""The exact median of the usable pixels."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

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
