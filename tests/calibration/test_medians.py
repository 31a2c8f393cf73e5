"""Medians of compiled code against those of NumPy."""

import numpy as np
import pytest

from emirimg.calibration._median import (
    median_and_deviation,
    quantiles_of_known,
    selected_median,
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


def median_of(values, size, n, *, guess=0.0, step=1.0):
    return selected_median(values, size, n, np.empty_like(values), guess, step)


def test_medians_are_those_of_numpy(numbers):
    for values in numbers:
        expected = np.median(values.astype(float))
        longer = np.append(values, np.float32(np.nan))
        assert median_of(longer, len(values), len(values)) == expected
        few = values[:25].copy()
        assert sorted_median(few.copy(), len(few)) == pytest.approx(np.median(few), rel=1e-6)


@pytest.mark.parametrize("guess", [0.0, -1e30, 1e30, 1000.0])
@pytest.mark.parametrize("step", [1e-6, 1.0, 1e6])
def test_a_median_does_not_depend_on_where_the_search_begins(numbers, guess, step):
    for values in numbers:
        expected = np.median(values.astype(float))
        assert median_of(values, len(values), len(values), guess=guess, step=step) == expected


def test_values_that_do_not_count_are_infinite(numbers):
    for values in numbers:
        hidden = np.arange(len(values)) % 3 == 1
        some, n = np.where(hidden, np.float32(np.inf), values), int((~hidden).sum())
        middle, deviation = median_and_deviation(some, len(some), n, np.empty_like(some), 0.0, 1.0)
        assert middle == np.median(values[~hidden].astype(float))
        away = np.abs(values[~hidden] - np.float32(middle))
        assert deviation == np.median(away.astype(float))


def test_values_are_left_as_they_are(numbers):
    for values in numbers:
        before = values.copy()
        n = len(values)
        middle, deviation = median_and_deviation(values, n, n, np.empty_like(values), 0.0, 1.0)
        np.testing.assert_array_equal(values, before)
        again = median_and_deviation(values, n, n, np.empty_like(values), middle, deviation)
        assert again == (middle, deviation)


def test_infinite_and_equal_values_have_a_place():
    values = np.array([-np.inf, 5, 5, 5, np.inf, -0.0, 0.0], dtype=np.float32)
    assert median_of(values, 7, 7) == 5
    assert median_of(np.full(9, -np.inf, dtype=np.float32), 9, 9) == -np.inf
    assert median_of(np.array([1e-40, 1, 3e38, 3e38], dtype=np.float32), 4, 3) == 1


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
