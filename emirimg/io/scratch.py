"""Planes in memory as long as there is room, and in scratch files beyond."""

from __future__ import annotations

import tempfile
import threading
import weakref
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from uuid import uuid4

import numpy as np
from numpy.typing import NDArray

from .._lazy import LazyPlane
from ..exceptions import FrameError
from ._stored import stored_plane

__all__ = ["Scratch"]


class Scratch:
    """Keeps planes: in memory while there is room, then in scratch files.

    A context manager, at whose end the files are removed, after an error too. A
    file also goes away with the plane that it holds, and is open only while
    rows of that are read.

    Parameters
    ----------
    budget : int
        How many bytes of planes memory may hold.
    directory : `~pathlib.Path`, optional
        Where a directory for the files is made. Default: where the system
        keeps temporary files.

    Examples
    --------
    >>> import numpy as np
    >>> from emirimg.io import Scratch
    >>> with Scratch(budget=0) as scratch:
    ...     plane = scratch.keep(np.arange(6.0, dtype=np.float32).reshape(3, 2))
    ...     print(plane, plane[1:2])
    <LazyPlane of shape (3, 2) and type float32> [[2. 3.]]
    """

    def __init__(self, budget: int, directory: Path | None = None) -> None:
        self._free = budget
        self._parent = directory
        self._lock = threading.RLock()
        self._directory: tempfile.TemporaryDirectory[str] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._directory is not None:
            self._directory.cleanup()

    @property
    def path(self) -> Path:
        """The directory of the files, which is made when it is asked for first."""
        with self._lock:
            if self._directory is None:
                try:
                    self._directory = tempfile.TemporaryDirectory(
                        prefix="emirimg-", dir=self._parent
                    )
                except OSError as error:
                    msg = f"no scratch files can be written: {error.strerror}: {error.filename}"
                    raise FrameError(msg) from None
            return Path(self._directory.name)

    def keep(self, plane: NDArray[Any]) -> NDArray[Any] | LazyPlane:
        """Keep a plane, and return it or what reads it.

        Parameters
        ----------
        plane : `~numpy.ndarray`
            Shape (ny, nx). The caller gives it away.

        Raises
        ------
        FrameError
            If the file cannot be written.
        """
        with self._lock:
            fits = plane.nbytes <= self._free
            if fits:
                self._free -= plane.nbytes
        if fits:
            weakref.finalize(plane, self._freed, plane.nbytes)
            return plane
        path = self.path / uuid4().hex
        try:
            np.ascontiguousarray(plane).tofile(path)
        except OSError as error:
            msg = (
                f"a scratch file of {plane.nbytes} bytes cannot be written to {path.parent}:"
                f" {error.strerror or error}; choose another directory, or allow more memory"
            )
            raise FrameError(msg) from None
        stored = stored_plane(path, 0, plane.shape, plane.dtype.str)
        weakref.finalize(stored, path.unlink, missing_ok=True)
        return stored

    def _freed(self, n_bytes: int) -> None:
        with self._lock:
            self._free += n_bytes
