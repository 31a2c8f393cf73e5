"""Raw exposures that arrive in a directory while somebody waits for them."""

from __future__ import annotations

import time
import warnings
from pathlib import Path

from ..exceptions import FrameError, InputError, QualityWarning
from .exposures import examine_files, fits_files
from .frames import read_frame

__all__ = ["Arrivals"]

_AT_REST = 10.0
"""A file that was last written so many seconds ago is complete."""


class Arrivals:
    """The raw exposures of a directory, each from when it is complete.

    A file that is still being written grows: it counts once two looks in
    succession have seen it alike, or when it has not been written to for 10 s.

    Parameters
    ----------
    directory : path
        It, and its subdirectory ``data``, are looked at.

    Raises
    ------
    InputError
        If it is not a directory.

    Examples
    --------
    >>> import tempfile
    >>> from emirimg.io import Arrivals
    >>> with tempfile.TemporaryDirectory() as night:
    ...     Arrivals(night).look()
    []
    """

    def __init__(self, directory: str | Path) -> None:
        self.directory = Path(directory)
        if not self.directory.is_dir():
            msg = f"{directory} is not a directory; one to watch was expected"
            raise InputError(msg)
        self._seen: dict[Path, tuple[int, float]] = {}
        self._is_raw: dict[Path, bool] = {}

    def look(self) -> list[Path]:
        """Return the complete raw exposures that are there now.

        Returns
        -------
        list of `~pathlib.Path`
            Sorted by name. Files of other kinds are passed over.

        Warns
        -----
        QualityWarning
            For each exposure that is damaged or truncated. It is passed over
            until the file changes.
        """
        now = time.time()
        found = []
        for path in fits_files(self.directory):
            status = path.stat()
            state = status.st_size, status.st_mtime
            if self._seen.get(path) != state:
                first_look = path not in self._seen
                self._seen[path] = state
                self._is_raw.pop(path, None)
                if not (first_look and now - status.st_mtime > _AT_REST):
                    continue
            if path not in self._is_raw:
                self._is_raw[path] = examine_files(path)[path] == "" and _is_sound(path)
            if self._is_raw[path]:
                found.append(path)
        return found


def _is_sound(path: Path) -> bool:
    """Tell whether an exposure can be read; of one that cannot the headers may look well."""
    try:
        read_frame(path)
    except FrameError as error:
        warnings.warn(f"{error}; the exposure is left out", QualityWarning, stacklevel=4)
        return False
    return True
