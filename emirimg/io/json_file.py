"""Files of JSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from .atomic import replacing

__all__ = ["write_json"]


def write_json(path: str | Path, content: Any, *, overwrite: bool = False) -> Path:
    """Write numbers, texts, lists and mappings as JSON.

    Parameters
    ----------
    path : str or `~pathlib.Path`
        File to write.
    content : object
        What to write; numbers must be finite.
    overwrite : bool, optional
        Whether a file of that name may be replaced. Default: no.

    Returns
    -------
    `~pathlib.Path`
        The file.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from emirimg.io import write_json
    >>> with TemporaryDirectory() as directory:
    ...     path = write_json(f"{directory}/numbers.json", {"seeing": 0.81})
    ...     print(path.read_text())
    {
      "seeing": 0.81
    }
    <BLANKLINE>
    """
    path = Path(path)
    text = json.dumps(content, indent=2, allow_nan=False)
    with replacing(path, overwrite=overwrite) as temporary:
        temporary.write_text(text + "\n", encoding="utf-8")
    return path
