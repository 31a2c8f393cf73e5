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
from ._stored import StoredPlane

__all__ = ["Scratch", "WorkerScratch"]


class Scratch:
    """Keeps planes: in memory while there is room, then in scratch files.

    A context manager, at whose end the files are removed, after an error too. A
    file also goes away with the plane that it holds, and is open only while
    rows of that are read.

    Parameters
    ----------
    budget : int
        How many bytes of planes memory may hold.
    directory : path, optional
        Where a directory for the files is made. Default: where the system
        keeps temporary files.

    Examples
    --------
    >>> import numpy as np
    >>> from emirimg.io import Scratch
    >>> with Scratch(budget=0) as scratch:
    ...     plane = scratch.keep(np.arange(6.0, dtype=np.float32).reshape(3, 2))
    ...     print(plane[1:2])
    [[2. 3.]]
    """

    def __init__(self, budget: int, directory: str | Path | None = None) -> None:
        self._free = budget
        self._parent = directory
        self._lock = threading.RLock()
        self._planes: weakref.WeakValueDictionary[Path, StoredPlane] = (
            weakref.WeakValueDictionary()
        )
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
            try:
                self._directory.cleanup()
            except OSError:  # a worker, not stopped yet, has written another file meanwhile
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
        return self.adopted(*_written(plane, self.path))

    def adopted(self, path: Path, offset: int, shape: tuple[int, int], stored: str) -> StoredPlane:
        """Return the plane of a file, which is removed when nobody refers to the plane.

        Examples
        --------
        >>> import numpy as np
        >>> from emirimg.io import Scratch
        >>> with Scratch(budget=0) as scratch:
        ...     path = scratch.path / "plane"
        ...     np.eye(3, dtype="<f4").tofile(path)
        ...     plane = scratch.adopted(path, 0, (3, 3), "<f4")
        ...     print(plane[0:1])
        [[1. 0. 0.]]
        """
        with self._lock:
            plane = self._planes.get(path)
            if plane is None:
                plane = self._planes[path] = StoredPlane(path, offset, shape, stored)
                weakref.finalize(plane, path.unlink, missing_ok=True)
            return plane

    def _freed(self, n_bytes: int) -> None:
        with self._lock:
            self._free += n_bytes


class WorkerScratch:
    """Keeps planes for a `Scratch` that is in another process.

    Parameters
    ----------
    directory : `~pathlib.Path`
        That of the scratch files.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> import numpy as np
    >>> from emirimg.io import WorkerScratch
    >>> with TemporaryDirectory() as directory:
    ...     plane = WorkerScratch(Path(directory)).keep(np.eye(3, dtype=np.float32))
    ...     print(plane[1:2])
    [[0. 1. 0.]]
    """

    def __init__(self, directory: Path) -> None:
        self.path = directory

    def keep(self, plane: NDArray[Any]) -> StoredPlane:
        """Write a plane to a file."""
        return StoredPlane(*_written(plane, self.path))


def _written(plane: NDArray[Any], directory: Path) -> tuple[Path, int, tuple[int, int], str]:
    """Write a plane to a new file, and return its place there."""
    path = directory / uuid4().hex
    try:
        np.ascontiguousarray(plane).tofile(path)
    except OSError as error:
        msg = (
            f"a scratch file of {plane.nbytes} bytes cannot be written to {directory}:"
            f" {error.strerror or error}; choose another directory, or allow more memory"
        )
        raise FrameError(msg) from None
    ny, nx = plane.shape
    return path, 0, (ny, nx), plane.dtype.str
