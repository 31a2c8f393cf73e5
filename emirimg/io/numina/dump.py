"""Write down everything that a run was asked for."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml

from ...blocks import ControlFile, ObservationBlock
from ..atomic import replacing

__all__ = ["write_control_dump"]


def write_control_dump(
    path: str | Path, blocks: Iterable[ObservationBlock], control: ControlFile | None
) -> Path:
    """Write a control file that also holds the blocks, for the record.

    Parameters
    ----------
    path : path
        YAML file to write; an earlier one is replaced.
    blocks : iterable of ObservationBlock
        The blocks, as they are run.
    control : ControlFile or None
        Calibrations and defaults.

    Returns
    -------
    `~pathlib.Path`
        The file, which `read_control` can read.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from emirimg.io import generate_blocks, read_control, write_control_dump
    >>> with TemporaryDirectory() as directory:
    ...     blocks = generate_blocks(["e1.fits"], step=0)
    ...     path = write_control_dump(f"{directory}/control_dump.yaml", blocks, None)
    ...     print(read_control(path).calibrations)
    ()
    """
    path = Path(path)
    described = {block.id: _block(block) for block in blocks}
    content: dict[str, Any] = {
        "ob_ids": list(described),
        "oblocks": described,
        "products": {"EMIR": {}},
        "requirements": {"EMIR": {}},
        "rootdir": "",
        "version": 1,
    }
    if control is not None:
        content["rootdir"] = str(control.root.absolute())
        _add_choices(content, control)
    with replacing(path, overwrite=True) as temporary:
        temporary.write_text(yaml.safe_dump(content), encoding="utf-8")
    return path


def _block(block: ObservationBlock) -> dict[str, Any]:
    described = block.model_dump(mode="json", exclude_unset=True)
    described["enabled"] = block.enabled
    return described


def _add_choices(content: dict[str, Any], control: ControlFile) -> None:
    # Without a detector, the choices form the older kind of file, a plain list.
    for choice in control.calibrations:
        entry = choice.model_dump(exclude={"detector"}, exclude_none=True)
        products = content["products"]
        if choice.detector is None:
            products["EMIR"] = [*(products["EMIR"] or []), entry]
        else:
            products["EMIR"].setdefault(choice.detector, []).append(entry)
    for requirement in control.requirements:
        entry = requirement.model_dump(include={"name", "content", "tags"})
        modes = content["requirements"]["EMIR"]
        if requirement.detector is not None:
            modes = modes.setdefault(requirement.detector, {})
        pipeline = modes.setdefault(requirement.pipeline, {})
        pipeline.setdefault(requirement.mode, []).append(entry)
