"""Medians of compiled code against those of NumPy."""

import numpy as np
import pytest

from emirimg.calibration._median import bisected_median, median_and_deviation, sorted_median


@pytest.fixture(params=[0.0, 1000.0, -3.0])
def numbers(request):
    rng = np.random.default_rng(1)
    return [
        (rng.normal(request.param, 30, n).round(n % 3)).astype(np.float32)
        for n in (1, 2, 3, 4, 24, 25, 1000, 4097)
    ]


def test_medians_are_those_of_numpy(numbers):
    for values in numbers:
        expected = np.median(values.astype(float))
        longer = np.append(values, np.float32(np.nan))
        assert bisected_median(longer, len(values), np.empty_like(longer)) == expected
        assert bisected_median(values.copy(), len(values), np.empty_like(values)) == expected
        few = values[:25].copy()
        assert sorted_median(few.copy(), len(few)) == pytest.approx(np.median(few), rel=1e-6)


def test_values_are_left_as_they_are_unless_they_are_the_scratch(numbers):
    for values in numbers:
        before = values.copy()
        middle, deviation = median_and_deviation(values, len(values), np.empty_like(values))
        np.testing.assert_array_equal(values, before)
        expected = np.median(np.abs(values - np.float32(middle)).astype(float))
        assert deviation == pytest.approx(expected, rel=1e-6)
        assert bisected_median(before, len(before), before) == middle


def test_infinite_and_equal_values_have_a_place():
    values = np.array([-np.inf, 5, 5, 5, np.inf, -0.0, 0.0], dtype=np.float32)
    assert bisected_median(values, len(values), np.empty_like(values)) == 5
