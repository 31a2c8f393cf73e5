"""Positions of one reference object in every exposure."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..._wording import counted
from ...exceptions import InputError

__all__ = ["read_positions"]


def read_positions(path: str | Path, n_frames: int) -> NDArray[np.float64]:
    r"""Read the (x, y) position of a reference object in each exposure.

    Parameters
    ----------
    path : path
        Text file; each line has x and y in pixels, further words are not
        read. Empty lines and what follows a ``#`` are skipped.
    n_frames : int
        Number of exposures.

    Returns
    -------
    `~numpy.ndarray`
        Shape (n_frames, 2), x and y as they stand in the file.

    Raises
    ------
    InputError
        If the file cannot be read, a line has no two numbers, or there are
        more or fewer positions than exposures.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> from emirimg.io import read_positions
    >>> with TemporaryDirectory() as directory:
    ...     path = Path(directory) / "ref_object_pos.txt"
    ...     _ = path.write_text("1393.99 861.67\n1205.92 1046.15  # second exposure\n")
    ...     print(read_positions(path, 2))
    [[1393.99  861.67]
     [1205.92 1046.15]]
    """
    path = Path(path)
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or error
        msg = f"{path} cannot be read ({reason}); positions of a reference object were expected"
        raise InputError(msg) from None
    positions = []
    for number, line in enumerate(lines, start=1):
        words = line.partition("#")[0].replace(",", " ").split()
        if not words:
            continue
        try:
            place = [float(words[0]), float(words[1])]
        except (ValueError, IndexError):
            place = [np.nan]
        if not np.isfinite(place).all():
            msg = f"{path}:{number}: found {line!r:.60}, two numbers x and y were expected"
            raise InputError(msg)
        positions.append(place)
    if len(positions) != n_frames:
        msg = (
            f"{path} has {counted(len(positions), 'position')} for {counted(n_frames, 'exposure')}"
        )
        raise InputError(msg)
    return np.array(positions)
