"""The same mosaic with little memory, and whoever does the work."""

import multiprocessing
import os
import signal
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

import numpy as np
import pytest

from emirimg import DitherReducer
from emirimg._processes import WorkerProcesses
from emirimg.calibration import Calibrations
from emirimg.exceptions import FrameError, WorkerError
from emirimg.sky import NeighbourSky

pytestmark = pytest.mark.filterwarnings("default")

N = 6


@pytest.fixture(scope="module")
def observed(small_scene):
    scene = small_scene.replace(n_exposures=N)
    masters = scene.calibrations()
    bad = np.asarray(masters.bad_pixel_mask.data, dtype=bool)
    calibrations = Calibrations(bad_pixels=bad, dark=masters.dark, flat=masters.flat)
    return [scene.exposure(index) for index in range(N)], calibrations


@pytest.fixture(scope="module")
def reduced(observed):
    """A function that reduces the exposures."""
    exposures, calibrations = observed

    def reduce(**options):
        return DitherReducer(calibrations=calibrations, passes=2, **options).reduce(exposures)

    return reduce


@pytest.fixture(scope="module")
def expected(reduced):
    return reduced()


def assert_same(result, expected):
    for plane in ("data", "variance", "mask", "coverage", "exposure"):
        np.testing.assert_array_equal(
            getattr(result.mosaic, plane), getattr(expected.mosaic, plane), err_msg=plane
        )
    assert result.warnings == expected.warnings
    for frame, other in zip(result.frames, expected.frames, strict=True):
        assert (frame.sky_level, frame.noise) == (other.sky_level, other.noise)


@pytest.mark.parametrize("max_memory", [0, 1_500_000])
def test_memory_does_not_change_the_result(reduced, expected, tmp_path, max_memory):
    assert_same(reduced(max_memory=max_memory, scratch=tmp_path), expected)
    assert list(tmp_path.iterdir()) == []


def test_skies_that_are_worked_out_from_the_frames(reduced):
    sky = NeighbourSky(n_frames=4)
    assert_same(reduced(sky=sky, max_memory=0), reduced(sky=sky))


def test_scratch_files_are_used(observed, tmp_path):
    exposures, calibrations = observed
    seen = set()

    def progress(items, *_):
        seen.update(path.parent.name for path in tmp_path.rglob("*") if path.is_file())
        return items

    reducer = DitherReducer(
        calibrations=calibrations, passes=1, max_memory=0, scratch=tmp_path, progress=progress
    )
    reducer.reduce(exposures)
    assert len(seen) == 1
    assert next(iter(seen)).startswith("emirimg-")


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_scratch_files_go_after_an_error(observed, tmp_path, error):
    exposures, calibrations = observed

    def progress(items, description, *_):
        if description == "Combining":
            assert list(tmp_path.iterdir())
            raise error
        return items

    reducer = DitherReducer(
        calibrations=calibrations, max_memory=0, scratch=tmp_path, progress=progress
    )
    with pytest.raises(error):
        reducer.reduce(exposures)
    assert list(tmp_path.iterdir()) == []


def test_no_room_for_scratch_files(reduced, tmp_path):
    with pytest.raises(FrameError, match="no scratch files can be written"):
        reduced(max_memory=0, scratch=tmp_path / "absent")


def test_negative_memory():
    with pytest.raises(ValueError, match="max_memory must not be negative, got -1"):
        DitherReducer(max_memory=-1)


@pytest.mark.parametrize("workers", [1, 2])
def test_threads(reduced, expected, workers):
    with ThreadPoolExecutor(workers) as executor:
        assert_same(reduced(executor=executor), expected)


def test_processes(reduced, expected):
    with ProcessPoolExecutor(2) as executor:
        assert_same(reduced(executor=executor), expected)


@pytest.mark.parametrize("description", ["Reading and calibrating", "Combining"])
def test_processes_of_which_one_dies(reduced, expected, tmp_path, description):
    killed = []

    def progress(items, name, _):
        if name == description and not killed:
            victim = multiprocessing.active_children()[0]
            os.kill(victim.pid, signal.SIGKILL)
            killed.append(victim.pid)
        return items

    with WorkerProcesses(2) as workers:
        workers.submit(abs, 1).result()
        result = reduced(executor=workers, progress=progress, scratch=tmp_path)
    assert killed
    assert_same(result, expected)
    assert list(tmp_path.iterdir()) == []


def test_a_pool_of_the_user_of_which_one_dies(reduced, tmp_path):
    def progress(items, name, _):
        if name == "Combining":
            os.kill(multiprocessing.active_children()[0].pid, signal.SIGKILL)
        return items

    with (
        ProcessPoolExecutor(2, multiprocessing.get_context("spawn")) as executor,
        pytest.raises(WorkerError, match="a worker of the executor died"),
    ):
        reduced(executor=executor, progress=progress, scratch=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_cluster_of_which_a_worker_dies(reduced, expected):
    distributed = pytest.importorskip("distributed")
    killed = []

    def progress(items, description, *_):
        if description == "Combining" and not killed:
            killed.append(pids[0])
            os.kill(pids[0], signal.SIGKILL)
        return items

    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, dashboard_address=None
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        pids = list(client.run(os.getpid).values())
        assert_same(reduced(executor=client.get_executor(), progress=progress), expected)
    assert killed
