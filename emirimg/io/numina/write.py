"""Write observation blocks."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from ...blocks import ObservationBlock
from ..atomic import replacing

__all__ = ["format_blocks", "write_blocks"]


def write_blocks(
    path: str | Path, blocks: Iterable[ObservationBlock], *, overwrite: bool = False
) -> Path:
    """Write observation blocks to a file that `read_blocks` can read.

    Parameters
    ----------
    path : str or `~pathlib.Path`
        YAML file to write.
    blocks : iterable of ObservationBlock
        What to write.
    overwrite : bool, optional
        Whether a file of that name may be replaced. Default: no.

    Returns
    -------
    `~pathlib.Path`
        The file.

    Raises
    ------
    InputError
        If the file exists and must not be replaced.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from emirimg.io import generate_blocks, read_blocks, write_blocks
    >>> blocks = generate_blocks(["e1.fits", "e2.fits"], step=1)
    >>> with TemporaryDirectory() as directory:
    ...     path = write_blocks(f"{directory}/dithered_v0.yaml", blocks)
    ...     print(read_blocks(path) == blocks)
    True
    """
    path = Path(path)
    with replacing(path, overwrite=overwrite) as temporary:
        temporary.write_text(format_blocks(blocks), encoding="utf-8")
    return path


def format_blocks(blocks: Iterable[ObservationBlock]) -> str:
    """Return observation blocks as YAML; requirements only where they are stated.

    Examples
    --------
    >>> from emirimg.io import format_blocks, generate_blocks
    >>> print(format_blocks(generate_blocks(["e1.fits"], step=0)))
    id: _e1.fits
    instrument: EMIR
    mode: STARE_IMAGE
    frames:
     - e1.fits
    requirements:
      reprojection_method: interp
    enabled: True
    <BLANKLINE>
    """
    return "---\n".join("".join(f"{line}\n" for line in _lines(block)) for block in blocks)


def _lines(block: ObservationBlock) -> Iterator[str]:
    yield f"id: {_scalar(block.id)}"
    yield f"instrument: {block.instrument}"
    yield f"mode: {block.mode}"
    for key in ("frames", "children"):
        names = getattr(block, key)
        if names:
            yield f"{key}:"
            yield from (f" - {_scalar(name)}" for name in names)
    requirements = block.requirements.model_dump(exclude_unset=True)
    if requirements:
        yield "requirements:"
        yield from _mapping(requirements, indent=2)
    if block.pipeline != "default":
        yield f"pipeline: {_scalar(block.pipeline)}"
    if block.parent is not None:
        yield f"parent: {_scalar(block.parent)}"
    if block.labels:
        yield f"labels: {json.dumps(block.labels)}"
    yield f"enabled: {block.enabled}"


def _mapping(values: Mapping[str, Any], *, indent: int) -> Iterator[str]:
    for key, value in values.items():
        if isinstance(value, Mapping):
            if value:
                yield f"{' ' * indent}{key}:"
                yield from _mapping(value, indent=indent + 2)
        else:
            yield f"{' ' * indent}{key}: {_scalar(value)}"


def _scalar(value: Any) -> str:
    """Write a value plainly, or in quotes where YAML would not read it back."""
    if value is None:
        return "null"
    plain = str(value)
    try:
        read_back = yaml.safe_load(plain)
    except (yaml.YAMLError, ValueError):
        read_back = None
    same = read_back == value and type(read_back) is type(value) and "\n" not in plain
    return plain if same else json.dumps(value)
