"""Worker processes that die, and what comes of their work."""

import multiprocessing
import os
import signal
import subprocess
import sys
import tempfile
import time
from concurrent.futures import CancelledError
from pathlib import Path

import pytest

from emirimg._parallel import parallel_map
from emirimg._processes import WorkerProcesses
from emirimg.exceptions import WorkerError


def die_once(number, mark):
    """Return the square; the process of the fourth number is killed the first time."""
    if number == 3 and not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return number**2


def die(_):
    os.kill(os.getpid(), signal.SIGKILL)


def fail(_):
    msg = "no stars"
    raise ValueError(msg)


def test_work_of_a_killed_process_is_done_again(tmp_path):
    mark = tmp_path / "killed"
    with WorkerProcesses(2) as pool:
        found = parallel_map(die_once, range(12), [mark] * 12, executor=pool)
        assert mark.exists()
        assert found == [number**2 for number in range(12)]
        assert parallel_map(die_once, [3], [mark], executor=pool) == [9]


def test_work_that_kills_every_process():
    with (
        pytest.raises(
            WorkerError, match="died 3 times over the same work: is there enough memory"
        ),
        WorkerProcesses(1) as pool,
    ):
        parallel_map(die, [1], executor=pool)


def test_other_errors_come_out_at_once():
    with pytest.raises(ValueError, match="no stars"), WorkerProcesses(1) as pool:
        parallel_map(fail, [1], executor=pool)


def test_cancelled_work():
    with WorkerProcesses(1) as pool:
        tasks = [pool.submit(time.sleep, 0.2) for _ in range(5)]
        assert tasks[-1].cancel()
        with pytest.raises(CancelledError):
            tasks[-1].result(timeout=10)
        assert tasks[0].result(timeout=60) is None


@pytest.mark.skipif(not Path("/proc").exists(), reason="processes are looked up in /proc")
def test_workers_end_with_their_parent_and_tidy_up(tmp_path):
    text = f"""
import os, tempfile, time
from emirimg._processes import WorkerProcesses

def work():
    with tempfile.TemporaryDirectory(dir={str(tmp_path)!r}) as room:
        open({str(tmp_path / "pid")!r}, "w").write(str(os.getpid()))
        time.sleep(60)

if __name__ == "__main__":
    with WorkerProcesses(1) as pool:
        pool.submit(work)
        time.sleep(60)
"""
    script = tmp_path / "script.py"
    script.write_text(text)
    process = subprocess.Popen([sys.executable, str(script)])
    wait(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text())
    worker = Path("/proc") / (tmp_path / "pid").read_text()
    assert worker.exists()
    process.kill()
    process.wait()
    wait(lambda: not worker.exists() or "Z" in (worker / "stat").read_text().split()[2])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["pid", "script.py"]


def sleep_beside_a_file(directory):
    with tempfile.TemporaryDirectory(dir=directory):
        time.sleep(60)


def test_workers_stop_after_an_error(tmp_path):
    begin = time.monotonic()
    with pytest.raises(KeyboardInterrupt), WorkerProcesses(2) as pool:  # noqa: PT012
        tasks = [pool.submit(sleep_beside_a_file, tmp_path) for _ in range(3)]
        wait(lambda: len(list(tmp_path.iterdir())) == 2)
        raise KeyboardInterrupt
    assert time.monotonic() - begin < 30
    assert list(tmp_path.iterdir()) == []
    assert all(task.done() for task in tasks)
    assert not multiprocessing.active_children()


def wait(condition, seconds=30):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "nothing happened"
        time.sleep(0.05)
