from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

import pytest

from emirimg._parallel import parallel_map, row_bands


@pytest.mark.parametrize("executor_class", [None, ThreadPoolExecutor, ProcessPoolExecutor])
def test_results_keep_the_order_of_the_items(executor_class):
    if executor_class is None:
        assert parallel_map(pow, range(9), [2] * 9) == [n * n for n in range(9)]
        return
    with executor_class(2) as executor:
        assert parallel_map(pow, range(9), [2] * 9, executor=executor) == [n * n for n in range(9)]


def test_an_error_comes_out_and_stops_the_rest():
    done = []

    def work(number):
        if number == 0:
            msg = "broken"
            raise RuntimeError(msg)
        done.append(number)

    with ThreadPoolExecutor(1) as executor, pytest.raises(RuntimeError, match="broken"):
        parallel_map(work, range(1000), executor=executor)
    assert len(done) < 999


def test_progress_sees_every_item():
    seen = []

    def progress(items, description, total):
        for item in items:
            seen.append((description, total))
            yield item

    parallel_map(abs, [1, 2, 3], progress=progress, description="counting")
    assert seen == [("counting", 3)] * 3


def test_nothing_to_do():
    assert parallel_map(abs, []) == []


def test_iterables_of_different_length():
    with pytest.raises(ValueError, match="shorter"):
        parallel_map(pow, [1, 2], [1])


def test_bands_cover_all_rows_once():
    rows = [row for band in row_bands(130, 64) for row in range(130)[band]]
    assert rows == list(range(130))


def test_bands_are_less_high_where_rows_take_more_memory():
    first, *_ = row_bands(130, 64, row_bytes=2**24)
    assert first.stop < 64
    assert row_bands(3, 64, row_bytes=2**40) == [slice(0, 1), slice(1, 2), slice(2, 3)]
