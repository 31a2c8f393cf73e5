"""What is told of a reduction beside its image: result.json, task.json, the log."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ..._version import version
from ...blocks import ObservationBlock
from ...exceptions import InputError
from ..json_file import write_json
from ..workspace import Workspace

__all__ = ["TaskRecord", "find_image", "write_result"]

IMAGE, RESULT, TASK, LOG = "reduced_image.fits", "result.json", "task.json", "processing.log"
_DONE = 2
_LOG_FORMAT = "%(asctime)s - %(name)s - %(levelname)s - %(message)s"


@dataclass
class TaskRecord:
    """The course of the reduction of one block.

    Parameters
    ----------
    block : ObservationBlock
        The block.
    detector : str
        Identifier (uuid) of the detector.
    inputs : mapping
        Name of an input to (source, value): where its value comes from
        ("control file", "observation block", "command line", "default").
    created : `~datetime.datetime`
        When the reduction was asked for.

    Examples
    --------
    >>> from datetime import UTC, datetime
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> from emirimg.instrument import HAWAII2
    >>> from emirimg.io import TaskRecord, Workspace, generate_blocks
    >>> [block] = generate_blocks(["e1.fits"], step=0)
    >>> record = TaskRecord(block, HAWAII2.uuid, {}, created=datetime.now(tz=UTC))
    >>> record.start()
    >>> record.say("1 exposure is reduced")
    >>> with TemporaryDirectory() as directory:
    ...     base = Path(directory)
    ...     record.write(
    ...         base, Workspace.of_block(block.id, base), base=base, copy_files=False,
    ...         validate=False, intermediate=False,
    ...     )
    ...     record.write_log(base / "copy_of.log")
    ...     print(sorted(path.name for path in base.iterdir()))
    ['copy_of.log', 'processing.log', 'task.json']
    """

    block: ObservationBlock
    detector: str
    inputs: Mapping[str, tuple[str, Any]]
    created: datetime
    started: datetime | None = None
    log: list[str] = field(default_factory=list)

    def start(self) -> None:
        """Note the time."""
        self.started = datetime.now(tz=UTC)

    def say(self, text: str, level: str = "INFO") -> None:
        """Add a line to the log."""
        now = datetime.now(tz=UTC)
        stamp = f"{now:%Y-%m-%d %H:%M:%S},{now.microsecond // 1000:03d}"
        self.log.append(f"{stamp} - emirimg - {level} - {' '.join(text.split())}")

    def write(
        self,
        directory: Path,
        workspace: Workspace,
        *,
        base: Path,
        copy_files: bool,
        validate: bool,
        intermediate: bool,
    ) -> None:
        """Write task.json and processing.log of a reduction that has ended well.

        Parameters
        ----------
        directory : `~pathlib.Path`
            Where to write.
        workspace : Workspace
            The directories of the block.
        base : `~pathlib.Path`
            The directory in which those are.
        copy_files, validate, intermediate : bool
            Whether inputs were copied, results read back, and intermediate
            images written.
        """
        task = {
            "result": RESULT,
            "id": self.block.id,
            "time_create": self.created.isoformat(),
            "time_start": None if self.started is None else _naive(self.started),
            "time_end": _naive(datetime.now(tz=UTC)),
            "request": "reduce",
            "request_params": {
                "oblock_id": self.block.id,
                "pipeline": self.block.pipeline,
                "instrument_configuration": self.detector,
                "intermediate_results": intermediate,
                "validate_results": validate,
                "validate_inputs": True,
                "strict_inputs": True,
                "copy_files": copy_files,
                "mode": None,
                "requirements": {},
                "logger_control": {
                    "default": "emirimg",
                    "root_levels": ["emirimg"],
                    "logfile": LOG,
                    "format": _LOG_FORMAT,
                    "enabled": True,
                },
            },
            "request_runinfo": {
                "runner": "emirimg",
                "runner_version": version,
                "results_dir": _below(workspace.results, base),
                "work_dir": _below(workspace.work, base),
                "inputs": {
                    name: {"source": source, "value": value}
                    for name, (source, value) in self.inputs.items()
                },
                "instrument": self.block.instrument,
                "pipeline": self.block.pipeline,
                "mode": self.block.mode,
                "recipe_class": self.block.mode.lower(),
                "recipe_fqn": f"emirimg.dither.{self.block.mode.lower()}",
                "recipe_version": 1,
            },
            "state": _DONE,
        }
        write_json(directory / TASK, task)
        self.write_log(directory / LOG)

    def write_log(self, path: Path) -> None:
        """Write the lines of the log."""
        path.write_text("".join(f"{line}\n" for line in self.log), encoding="utf-8")


def write_result(directory: Path, *, combined: bool) -> str:
    """Write result.json.

    Parameters
    ----------
    directory : `~pathlib.Path`
        Where to write.
    combined : bool
        Whether it is the result of the mode FULL_DITHERED_IMAGE, which names
        a sky, too.

    Returns
    -------
    str
        UUID of the result.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> from emirimg.io import find_image, write_result
    >>> with TemporaryDirectory() as directory:
    ...     results = Path(directory)
    ...     _ = (results / "reduced_image.fits").write_bytes(b"...")
    ...     uuid = write_result(results, combined=False)
    ...     print(find_image(results).name)
    reduced_image.fits
    """
    values: dict[str, str | None] = {"reduced_image": IMAGE}
    if combined:
        values["result_sky"] = None
    name = str(uuid.uuid4())
    write_json(directory / RESULT, {"values": values, "qc": "UNKNOWN", "uuid": name})
    return name


def find_image(results: Path) -> Path:
    """Find the image of an earlier reduction, whoever made it.

    Parameters
    ----------
    results : `~pathlib.Path`
        Directory of the results.

    Returns
    -------
    `~pathlib.Path`
        The file that result.json names.

    Raises
    ------
    InputError
        If there is no result, or it names no image that exists.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> from emirimg.exceptions import InputError
    >>> from emirimg.io import find_image
    >>> with TemporaryDirectory() as directory:
    ...     try:
    ...         find_image(Path(directory) / "obsid_X_results")
    ...     except InputError as error:
    ...         print(str(error).removeprefix(directory))
    /obsid_X_results/result.json does not exist: reduce that block first, or enable it
    """
    path = results / RESULT
    if not path.is_file():
        msg = f"{path} does not exist: reduce that block first, or enable it"
        raise InputError(msg)
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        name = content["values"]["reduced_image"]
    except (OSError, ValueError, LookupError, TypeError):
        msg = f'{path} is damaged: {{"values": {{"reduced_image": NAME, ...}}, ...}} was expected'
        raise InputError(msg) from None
    is_name = isinstance(name, str) and Path(name).name == name
    if not is_name or not (results / name).is_file():
        msg = f"{path} names the image {name!r}, which is not a file in that directory"
        raise InputError(msg)
    return results / name


def _naive(time: datetime) -> str:
    return time.replace(tzinfo=None).isoformat()


def _below(path: Path, base: Path) -> str:
    try:
        return str(path.relative_to(base))
    except ValueError:
        return str(path)
