"""Jobs here and on executors: one that fails does not lose the others."""

import warnings
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest

from emirimg._jobs import Job, run_jobs
from emirimg._memory import default_memory
from emirimg._parallel import row_bands, share_machine, shares
from emirimg._processes import WorkerProcesses
from emirimg.exceptions import SkyError, SkyWarning


def square(number):
    if number == 3:
        msg = "no sky"
        raise SkyError(msg)
    if number == 2:
        warnings.warn("an odd sky", SkyWarning, stacklevel=1)
    return number**2


@pytest.fixture(autouse=True)
def _alone():
    yield
    share_machine(1)


@pytest.fixture(params=[None, ThreadPoolExecutor, WorkerProcesses])
def executor(request):
    if request.param is None:
        yield None
        return
    with request.param(2) as pool:
        yield pool


def test_one_failure_does_not_lose_the_others(executor):
    needs = {5: ("3",), 6: ("5",), 7: ("1", "4"), 8: ("elsewhere",)}
    jobs = [
        Job(str(number), partial(square, number), needs.get(number, ())) for number in range(9)
    ]
    seen = []

    def progress(items, description, total):
        for item in items:
            seen.append((description, total))
            yield item

    with pytest.warns(SkyWarning, match="an odd sky"):
        outcomes = run_jobs(jobs, executor, shares=2, progress=progress, description="Squaring")
    assert [outcome.name for outcome in outcomes] == [job.name for job in jobs]
    states = {int(outcome.name): outcome.state for outcome in outcomes}
    assert states == dict.fromkeys((0, 1, 2, 4, 7, 8), "done") | {
        3: "failed", 5: "not begun", 6: "not begun",
    }  # fmt: skip
    assert [outcome.result for outcome in outcomes if outcome.state == "done"] == [
        0, 1, 4, 16, 49, 64,
    ]  # fmt: skip
    assert str(outcomes[3].error) == "no sky"
    assert isinstance(outcomes[3].error, SkyError)
    assert (outcomes[5].blocked_by, outcomes[6].blocked_by) == ("3", "5")
    assert seen == [("Squaring", 9)] * 9


def test_jobs_come_after_those_they_need():
    order = []
    jobs = [
        Job("first", partial(order.append, 1)),
        Job("second", partial(order.append, 2), ("first",)),
        Job("third", partial(order.append, 3), ("second",)),
    ]
    with ThreadPoolExecutor(3) as pool:
        run_jobs(jobs, pool)
    assert order == [1, 2, 3]


def test_an_interruption_stops_everything():
    def interrupt():
        raise KeyboardInterrupt

    done = []
    with pytest.raises(KeyboardInterrupt):
        run_jobs([Job("first", interrupt), Job("second", partial(done.append, 1))])
    assert done == []


def test_shares_of_a_machine():
    high, memory = row_bands(10_000, 10_000, row_bytes=2**20), default_memory()
    share_machine(1000)
    assert row_bands(10_000, 10_000, row_bytes=2**20)[0].stop >= high[0].stop
    assert default_memory() < memory
    share_machine(None)
    assert shares() >= 1


def test_work_that_cannot_be_sent():
    jobs = [Job("good", partial(square, 1)), Job("bad", lambda: 1)]
    with WorkerProcesses(1) as pool:
        outcomes = run_jobs(jobs, pool)
    assert outcomes[0].result == 1
    assert "local object" in str(outcomes[1].error)
