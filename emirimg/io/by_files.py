"""Send work to other processes or machines; large arrays travel as scratch files."""

from __future__ import annotations

import io
import pickle
import warnings
import weakref
from collections.abc import Callable, Iterator
from concurrent.futures import BrokenExecutor, Executor, Future
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol
from uuid import uuid4

import numpy as np
from astropy.wcs import WCS
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from ..exceptions import InputError, WorkerError
from ._stored import StoredPlane
from .scratch import Scratch, WorkerScratch

__all__ = ["ByFiles"]

_LARGE = 2**18
_CACHED = 16

_READ: dict[int, tuple[weakref.ref, str]] = {}
"""The arrays that a worker has read, and their files: what goes back is not written anew."""


class _Awaited(Protocol):
    def result(self) -> bytes: ...
    def cancel(self) -> bool: ...


class ByFiles(Executor):
    """An executor that hands tasks to another one, whose workers are no threads.

    Tasks and their results become short texts of bytes: arrays of more than 256
    KiB, and planes that are in scratch files, are named by their files. A task
    writes new files only, so it may be done again when a worker dies. Warnings
    of the workers are given anew by ``result()``.

    Parameters
    ----------
    executor : `concurrent.futures.Executor`
        Does the work; its ``submit`` takes a function and bytes.
    scratch : Scratch
        Where the files are; all workers must see its directory.

    Raises
    ------
    InputError
        If the package cloudpickle is not installed.

    Examples
    --------
    >>> from concurrent.futures import ThreadPoolExecutor
    >>> import numpy as np
    >>> from emirimg.io import ByFiles, Scratch
    >>> plane = np.ones((300, 300))
    >>> with ThreadPoolExecutor(2) as pool, Scratch(budget=0) as scratch:
    ...     executor = ByFiles(pool, scratch)  # a pool of processes, or dask's, as well
    ...     print(executor.submit(lambda rows: rows.sum(axis=0), plane).result()[:3])
    [300. 300. 300.]
    """

    def __init__(self, executor: Executor, scratch: Scratch) -> None:
        try:
            import cloudpickle  # noqa: F401, PLC0415 (needed by few)
        except ImportError:
            msg = (
                "work for other processes needs the package cloudpickle:"
                " install emirimg[distributed]"
            )
            raise InputError(msg) from None
        self._executor = executor
        self._scratch = scratch
        self._written: dict[int, tuple[weakref.ref, str]] = {}
        self._function: tuple[Any, str] = (None, "")

    def submit(self, function: Callable[..., Any], /, *args: Any, **options: Any) -> _Result:
        """Have a function called; closures may be sent, too."""
        if self._function[0] is not function:
            path = self._scratch.path / uuid4().hex
            path.write_bytes(self._dumps(function))
            self._function = (function, str(path))
        task = self._dumps((args, options))
        with _clear_about_death():
            future = self._executor.submit(_work, self._function[1], task, str(self._scratch.path))
        return _Result(future, self._loads)

    def _dumps(self, thing: Any) -> bytes:
        return _dumps(thing, self._name)

    def _name(self, thing: Any) -> tuple | None:
        if isinstance(thing, Scratch):
            return ("scratch",)
        if isinstance(thing, np.ndarray) and thing.nbytes >= _LARGE and thing.dtype.kind != "O":
            known, path = self._written.get(id(thing), (lambda: None, ""))
            if known() is not thing:
                path = _write(thing, self._scratch.path)
                self._written[id(thing)] = (weakref.ref(thing), path)
                weakref.finalize(thing, self._forget, id(thing), Path(path))
            return ("array", path, thing.shape, thing.dtype.str)
        return None

    def _forget(self, key: int, path: Path) -> None:
        self._written.pop(key, None)
        path.unlink(missing_ok=True)

    def _loads(self, data: bytes) -> Any:
        return _Unpickler(io.BytesIO(data), self._found).load()

    def _found(self, name: tuple) -> Any:
        kind, *rest = name
        if kind == "scratch":
            return self._scratch
        if kind == "plane":
            return self._scratch.adopted(*rest)
        path, shape, dtype = rest
        known = next((ref() for ref, other in self._written.values() if other == path), None)
        if known is not None:  # what was sent comes back
            return known
        array = np.fromfile(path, dtype).reshape(shape)
        Path(path).unlink()
        return array


class _Result:
    """What a task will return."""

    def __init__(self, future: Future[bytes] | _Awaited, load: Callable[[bytes], Any]) -> None:
        self._future = future
        self._load = load

    def result(self) -> Any:
        with _clear_about_death():
            data = self._future.result()
        value, said = self._load(data)
        for warning in said:
            warnings.warn(warning, stacklevel=2)
        return value

    def cancel(self) -> bool:
        return self._future.cancel()


@contextmanager
def _clear_about_death() -> Iterator[None]:
    """Say what to do about an executor that ends with the first of its workers."""
    try:
        yield
    except BrokenExecutor as error:
        msg = (
            "a worker of the executor died, perhaps for want of memory, and the executor with it;"
            " emirimg reduce --processes, and dask, have such work done again"
        )
        raise WorkerError(msg) from error


def _work(function: str, task: bytes, directory: str) -> bytes:
    """Do a task in a worker."""
    args, options = _Unpickler(io.BytesIO(task), _known_to_worker(directory)).load()
    with (
        threadpool_limits(1, user_api="blas"),
        warnings.catch_warnings(record=True) as said,
    ):
        warnings.simplefilter("always")
        value = _function(function, directory)(*args, **options)
    return _dumps((value, [item.message for item in said]), _name_in_worker(Path(directory)))


@lru_cache(_CACHED)
def _function(path: str, directory: str) -> Callable[..., Any]:
    with Path(path).open("rb") as stream:
        return _Unpickler(stream, _known_to_worker(directory)).load()


@lru_cache(_CACHED)
def _array(path: str, shape: tuple[int, ...], dtype: str) -> NDArray[Any]:
    array = np.fromfile(path, dtype).reshape(shape)
    array.flags.writeable = False  # other tasks see it, too
    _READ[id(array)] = weakref.ref(array), path
    return array


def _known_to_worker(directory: str) -> Callable[[tuple], Any]:
    def found(name: tuple) -> Any:
        kind, *rest = name
        if kind == "scratch":
            return WorkerScratch(Path(directory))
        return StoredPlane(*rest) if kind == "plane" else _array(*rest)

    return found


def _name_in_worker(directory: Path) -> Callable[[Any], tuple | None]:
    def name(thing: Any) -> tuple | None:
        if isinstance(thing, WorkerScratch):
            return ("scratch",)
        if isinstance(thing, np.ndarray) and thing.nbytes >= _LARGE and thing.dtype.kind != "O":
            known, path = _READ.get(id(thing), (lambda: None, ""))
            if known() is not thing:
                path = _write(thing, directory)
            return ("array", path, thing.shape, thing.dtype.str)
        return None

    return name


def _write(array: NDArray[Any], directory: Path) -> str:
    path = directory / uuid4().hex
    np.ascontiguousarray(array).tofile(path)
    return str(path)


def _dumps(thing: Any, name: Callable[[Any], tuple | None]) -> bytes:
    import cloudpickle  # noqa: PLC0415 (needed by few)

    class Pickler(cloudpickle.Pickler):
        def persistent_id(self, obj: Any) -> tuple | None:
            if isinstance(obj, StoredPlane):
                return ("plane", *obj.place)
            return name(obj)

        def reducer_override(self, obj: Any) -> Any:
            if isinstance(obj, WCS):
                return _wcs_of, (obj.__reduce__(), _numbers(obj))
            return super().reducer_override(obj)

    stream = io.BytesIO()
    Pickler(stream).dump(thing)
    return stream.getvalue()


def _numbers(wcs: WCS) -> dict[str, Any]:
    """Return the numbers of a WCS: its own way to be sent writes a header and rounds."""
    terms = wcs.wcs
    has_cd = terms.has_cd()
    return {
        "crpix": np.array(terms.crpix), "crval": np.array(terms.crval),
        "pc": np.array(terms.cd if has_cd else terms.pc),
        "cdelt": np.ones(terms.naxis) if has_cd else np.array(terms.cdelt),
        "lonpole": terms.lonpole, "latpole": terms.latpole, "pv": terms.get_pv(),
    }  # fmt: skip


def _wcs_of(reduced: tuple, numbers: dict[str, Any]) -> WCS:
    function, arguments, *_ = reduced
    wcs = function(*arguments)
    if parameters := numbers.pop("pv"):
        wcs.wcs.set_pv(parameters)
    for name, value in numbers.items():
        setattr(wcs.wcs, name, value)
    wcs.wcs.set()
    return wcs


class _Unpickler(pickle.Unpickler):
    def __init__(self, stream: Any, found: Callable[[tuple], Any]) -> None:
        super().__init__(stream)
        self._known = found

    def persistent_load(self, pid: tuple) -> Any:
        return self._known(pid)
