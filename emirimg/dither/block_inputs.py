"""What goes into a block, and where each of it comes from."""

from __future__ import annotations

from collections.abc import Container, Mapping
from pathlib import Path
from typing import Any

from ..blocks import DitherRequirements, ObservationBlock, StrategyRequirements

__all__ = ["block_inputs"]


def block_inputs(
    block: ObservationBlock,
    completed: ObservationBlock,
    calibrations: Mapping[str, Path],
    changes: Container[str],
) -> dict[str, tuple[str, Any]]:
    """Return where the calibrations and requirements of a block come from, and their values.

    Parameters
    ----------
    block : ObservationBlock
        As its file has it.
    completed : ObservationBlock
        With the defaults of the control file.
    calibrations : mapping
        Kind (bad_pixels, bias, dark, flat) to file.
    changes : container of str
        Requirements that the command line replaced.

    Returns
    -------
    dict
        Name to ``(source, value)``, where the source is ``command line``,
        ``observation block``, ``control file`` or ``default``.
    """
    names = {"bad_pixels": "master_bpm"}
    if block.takes_raw:
        names |= {"bias": "master_bias", "dark": "master_dark", "flat": "master_flat"}
    inputs: dict[str, tuple[str, Any]] = {}
    for kind, name in names.items():
        path = calibrations.get(kind)
        inputs[name] = ("default", None) if path is None else ("control file", path.name)
    stated = block.requirements.model_fields_set
    completed_by = completed.requirements.model_fields_set
    values = completed.requirements.model_dump(mode="json")
    if isinstance(block.requirements, DitherRequirements) and not block.requirements.is_modern:
        strategies = StrategyRequirements.model_fields
        values = {name: value for name, value in values.items() if name not in strategies}
    for name, value in values.items():
        if name in changes:
            source = "command line"
        elif name in stated:
            source = "observation block"
        else:
            source = "control file" if name in completed_by else "default"
        inputs[name] = (source, value)
    return inputs
