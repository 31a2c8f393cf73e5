"""Tasks for other processes, whose large arrays travel as files."""

import gc
import warnings
from concurrent.futures import Future, ProcessPoolExecutor

import numpy as np
import pytest
from astropy.nddata import VarianceUncertainty
from astropy.wcs import WCS

from emirimg._lazy import LazyFrame, LazyPlane
from emirimg._parallel import parallel_map
from emirimg.exceptions import InputError, SkyWarning
from emirimg.io import ByFiles, Scratch

LARGE = np.arange(600 * 400, dtype=np.float32).reshape(600, 400)


class Here(ProcessPoolExecutor):
    """An executor that works at once, and notes how many bytes go to and fro."""

    def __init__(self):
        self.sizes = []

    def submit(self, function, /, *args):
        future = Future()
        try:
            future.set_result(function(*args))
            self.sizes.append(len(args[1]) + len(future.result()))
        except Exception as error:  # noqa: BLE001 (it goes to the caller)
            future.set_exception(error)
        return future


@pytest.fixture
def scratch(tmp_path):
    with Scratch(0, tmp_path) as kept:
        yield kept


@pytest.fixture
def pool():
    return Here()


def test_what_is_sent_is_small(scratch, pool):
    executor = ByFiles(pool, scratch)
    factor = 2 * LARGE
    results = parallel_map(lambda n: n * factor, range(3), executor=executor)
    for number, result in enumerate(results):
        np.testing.assert_array_equal(result, number * factor)
    assert max(pool.sizes) < 2000


def test_arrays_that_go_there_and_back_stay_the_same(scratch, pool):
    assert ByFiles(pool, scratch).submit(lambda a: a, LARGE).result() is LARGE


def test_nothing_is_left(scratch, pool):
    def send():
        array = LARGE.copy()
        parallel_map(lambda a: a + 1, [array, array], executor=ByFiles(pool, scratch))

    send()
    gc.collect()
    sizes = [path.stat().st_size for path in scratch.path.iterdir()]
    assert max(sizes) < 10_000  # the function


def test_planes_are_sent_by_their_names(scratch, pool):
    plane = scratch.keep(LARGE)
    executor = ByFiles(pool, scratch)
    total, again, new = executor.submit(
        lambda p: (float(p[3:4].sum()), p, scratch.keep(np.asarray(p) + 1)), plane
    ).result()
    assert total == LARGE[3].sum()
    assert again is plane
    np.testing.assert_array_equal(new[:], LARGE + 1)
    path = new.place[0]
    assert path.exists()
    del new
    gc.collect()
    assert not path.exists()
    np.testing.assert_array_equal(plane[:], LARGE)


@pytest.mark.parametrize("linear", ["pc", "cd", "zpn"])
def test_a_wcs_is_not_rounded(scratch, pool, linear):
    wcs = WCS(naxis=2)
    wcs.wcs.ctype = ["RA---ZPN", "DEC--ZPN"] if linear == "zpn" else ["RA---TAN", "DEC--TAN"]
    if linear == "zpn":
        wcs.wcs.set_pv([(2, 1, 1 / 3), (2, 3, 100 / 7)])
    wcs.wcs.crval = [100 / 7, 10 / 3]
    wcs.wcs.crpix = [500 / 3, 700 / 9]
    matrix = np.array([[-1, 0.01], [0.02, 1.1]]) / 17000
    if linear == "cd":
        wcs.wcs.cd = matrix
    else:
        wcs.wcs.cdelt = [1 / 17000, 1 / 17001]
        wcs.wcs.pc = matrix * 17000
    wcs.wcs.set()
    xy = np.random.default_rng(1).uniform(0, 400, (500, 2))
    there = ByFiles(pool, scratch).submit(lambda w: w.wcs_pix2world(xy, 0), wcs).result()
    np.testing.assert_array_equal(there, wcs.wcs_pix2world(xy, 0))


def test_a_frame_is_sent_whole(scratch, pool):
    plane = LazyPlane(lambda rows: LARGE[rows], LARGE.shape, np.float32)
    frame = LazyFrame(
        plane, unit="adu", mask=plane, uncertainty=VarianceUncertainty(plane, copy=False)
    )
    frame.meta["OBJECT"] = "M 33"
    back = ByFiles(pool, scratch).submit(lambda f: f, frame).result()
    for part in (back.data, back.mask, back.uncertainty.array):
        np.testing.assert_array_equal(np.asarray(part), LARGE)
    assert back.meta["OBJECT"] == "M 33"
    assert back.unit == frame.unit


def test_warnings_come_back(scratch, pool):
    def doubt(number):
        warnings.warn(f"number {number}", SkyWarning, stacklevel=1)
        return number

    with pytest.warns(SkyWarning, match="number 3"):
        assert ByFiles(pool, scratch).submit(doubt, 3).result() == 3


def test_errors_come_back(scratch, pool):
    with pytest.raises(ZeroDivisionError):
        ByFiles(pool, scratch).submit(lambda: 1 / 0).result()


def test_another_process(scratch):
    with ProcessPoolExecutor(1) as processes:
        executor = ByFiles(processes, scratch)
        result = parallel_map(lambda a: a[:2] + 1, [LARGE], executor=executor)
    np.testing.assert_array_equal(result[0], LARGE[:2] + 1)


def test_without_cloudpickle(scratch, pool, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "cloudpickle", None)
    with pytest.raises(InputError, match=r"install emirimg\[distributed\]"):
        ByFiles(pool, scratch)
