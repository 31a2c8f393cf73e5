"""Run a command, and measure what it took."""

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path

FIGURES = {"wall": "s", "cpu": "s", "memory": "GB", "written": "GB"}
"""What is measured, and its unit."""


@dataclass(frozen=True)
class Run:
    """What one run of a side took.

    Times are in seconds, ``memory`` (of the largest process) and ``written``
    (to all files, also those that were removed again) in GB; None where the
    system cannot tell.
    """

    wall: float
    cpu: float
    memory: float
    written: float | None


@dataclass(frozen=True)
class Command:
    """A command in a directory.

    ``new`` are directories that are removed before; ``open_files`` is how many
    files it may have open. ``inner`` commands time what they do themselves,
    and print the seconds as JSON.
    """

    argv: tuple[str, ...]
    cwd: Path
    new: tuple[Path, ...] = ()
    environment: dict[str, str] = field(default_factory=dict)
    open_files: int | None = None
    inner: bool = False


class FailedRunError(Exception):
    """A command did not end well."""


def measure(command):
    """Run a command as a process of its own, and return a `Run`.

    The peak memory of a new process is at least that of the one that starts
    it, so this one must stay small.
    """
    for path in command.new:
        shutil.rmtree(path, ignore_errors=True)
    command.cwd.mkdir(parents=True, exist_ok=True)
    argv = command.argv
    if command.open_files is not None:
        argv = ("sh", "-c", f'ulimit -n {command.open_files} && exec "$@"', "sh", *argv)
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as errors:
        start = time.perf_counter()
        process = subprocess.Popen(
            argv, cwd=command.cwd, env=_environment() | command.environment,
            stdout=out, stderr=errors,
        )  # fmt: skip
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        wall = time.perf_counter() - start
        written = _bytes_written(process.pid)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        said, complaint = _text(out), _text(errors)
    if process.returncode:
        last = complaint.strip().splitlines()[-1:] or ["nothing was said"]
        msg = f"exit status {process.returncode}: {last[0]}"
        raise FailedRunError(msg)
    cpu = usage.ru_utime + usage.ru_stime
    if command.inner:
        times = json.loads(said.strip().splitlines()[-1])
        wall, cpu = times["wall"], times["cpu"]
    unit = 1 if sys.platform == "darwin" else 1024
    return Run(wall, cpu, usage.ru_maxrss * unit / 1e9, written)


def _environment():
    """Return the environment, in which modules are compiled once, as an installation does it."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


def _text(stream):
    stream.seek(0)
    return stream.read().decode(errors="replace")


def _bytes_written(pid):
    """Return how many GB an ended process, not yet waited for, and its children have written."""
    try:
        lines = Path(f"/proc/{pid}/io").read_text().splitlines()
    except OSError:
        return None
    return int(dict(line.split(": ") for line in lines)["wchar"]) / 1e9


@dataclass
class Side:
    """Somebody's way to do some work.

    ``commands`` are run one after the other, and count as one. Where
    ``warm_up`` is set, the first run compiles kernels and is not counted.
    ``before`` is run where the path ``wanted`` is not there.
    """

    commands: tuple[Command, ...]
    warm_up: bool = False
    before: Command | None = None
    wanted: Path | None = None
    runs: list[Run] = field(default_factory=list)
    failure: str = ""

    def run(self, *, counted=True):
        if self.failure:
            return
        try:
            if self.before is not None and not self.wanted.exists():
                measure(self.before)
            parts = [measure(command) for command in self.commands]
        except (FailedRunError, OSError) as error:
            self.failure = str(error)
            return
        if counted:
            self.runs.append(together(parts))

    def to_dict(self):
        found = {"runs": [asdict(run) for run in self.runs]}
        return {**found, "failed": self.failure} if self.failure else found


def together(parts):
    """Return the `Run` of several, one after the other."""
    written = [part.written for part in parts]
    return Run(
        sum(part.wall for part in parts),
        sum(part.cpu for part in parts),
        max(part.memory for part in parts),
        None if None in written else sum(written),
    )


def spread(values):
    """Return the smallest, the median and the largest of some numbers."""
    return min(values), statistics.median(values), max(values)
