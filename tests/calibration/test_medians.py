"""Medians of compiled code against those of NumPy."""

import numpy as np
import pytest

from emirimg.calibration._median import (
    bisected_median,
    median_and_deviation,
    quantiles_of_known,
    sorted_median,
)
from emirimg.calibration._rectangles import between, robust_statistics


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


def test_statistics_of_rectangles_are_those_of_their_pixels():
    rng = np.random.default_rng(5)
    data = rng.normal(size=(40, 50)).astype("f4")
    mask = rng.random(data.shape) < 0.3
    mask[30:, :10] = True
    rows, columns = (np.array([3, 20, 30]), np.array([9, 31, 40])), between(np.array([0, 10, 50]))
    for step in (1, 3):
        found = robust_statistics(data, mask, rows, columns, step=step, fewest=5, fraction=0.05)
        for j, i in np.ndindex(3, 2):
            block = slice(rows[0][j], rows[1][j], step), slice(columns[0][i], columns[1][i], step)
            values = data[block][~mask[block]]
            number = found[2][j, i]
            assert number == len(values)
            area = (rows[1][j] - rows[0][j]) * (columns[1][i] - columns[0][i])
            if number < 5 or number < 0.05 * area:
                assert np.isnan(found[0][j, i])
                continue
            median = np.median(values.astype(float))
            assert found[0][j, i] == pytest.approx(median, abs=1e-7)
            deviation = np.median(np.abs(values - median))
            assert found[1][j, i] == pytest.approx(deviation, abs=1e-6)
    assert np.isnan(robust_statistics(data, mask, rows, columns, fraction=0.99)[0]).all()


@pytest.mark.parametrize("n", [1, 6, 7, 24])
def test_quantiles_are_those_of_numpy(n):
    values = np.random.default_rng(n).normal(size=(n, 500)).astype(np.float32)
    values[np.random.default_rng(3).random(values.shape) < 0.3] = np.nan
    values[:, 0], values[0, 1:] = np.nan, 2.0
    before = values.copy()
    found = quantiles_of_known(values, (0.25, 0.5))
    assert np.isnan(found[0][0])
    assert np.isnan(found[1][0])
    expected = np.nanquantile(values[:, 1:], (0.25, 0.5), axis=0)
    np.testing.assert_allclose([part[1:] for part in found], expected, rtol=1e-6, atol=1e-6)
    np.testing.assert_array_equal(values, before)
