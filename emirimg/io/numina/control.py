"""Read control files."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from ..._strategy import explain_unknown
from ...blocks import (
    CALIBRATION_TYPES,
    MODES,
    CalibrationChoice,
    ControlFile,
    RequirementChoice,
)
from ...instrument import DETECTORS
from ._documents import Document, Place, Problems, only_mapping, read_documents

__all__ = ["read_control"]

Choice = TypeVar("Choice", CalibrationChoice, RequirementChoice)

_KEYS = ("version", "rootdir", "products", "requirements")
_OF_A_DUMP = ("ob_ids", "oblocks")
"""Keys of a control file that a run has written down, with the blocks it was for."""
_INSTRUMENT = "EMIR"
_DATA_DIRECTORY = "data"
_SWITCHED_OFF = "x_"
"""Observers put this before the name of a requirement to switch it off."""


def read_control(path: str | Path) -> ControlFile:
    """Read a control file (version 1, or the older form without detectors).

    Parameters
    ----------
    path : str or `~pathlib.Path`
        YAML file.

    Returns
    -------
    ControlFile
        Its calibrations and defaults for imaging. Those of spectroscopy are
        left out. The directory of the calibrations is the ``rootdir`` of the
        file, or else ``data``, beside the file.

    Raises
    ------
    InputError
        If anything is wrong; the message names the line of every problem.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from emirimg.io import read_control
    >>> from emirimg.simulation import Scene, write_tutorial
    >>> scene = Scene(shape=(32, 32), n_exposures=1, n_stars=1, n_galaxies=0)
    >>> with TemporaryDirectory() as directory:
    ...     control = read_control(write_tutorial(directory, scene).control)
    >>> sorted({choice.type for choice in control.calibrations})
    ['MasterBadPixelMask', 'MasterDark', 'MasterIntensityFlat']
    """
    path = Path(path)
    problems = Problems(path)
    documents = read_documents(path, problems)
    if not documents:
        problems.raise_any()
        problems.add(1, f"the file has no document; keys {', '.join(_KEYS)} were expected")
    if len(documents) > 1:
        text = f"found {len(documents)} documents, but a control file has one document only"
        problems.add(documents[1].line, text, documents[1].number)
    problems.raise_any()
    document = documents[0]
    if only_mapping(document, problems, _KEYS):
        _check_keys(document, problems)
    problems.raise_any()
    reader = _Reader(document, problems)
    calibrations = tuple(reader.calibrations())
    requirements = tuple(reader.requirements())
    root = reader.root()
    problems.raise_any()
    return ControlFile(
        calibrations=calibrations, requirements=requirements, root=path.parent / root
    )


def _check_keys(document: Document, problems: Problems) -> None:
    version = document.value.get("version", 1)
    if version != 1 or isinstance(version, bool) or "database" in document.value:
        key = "version" if "version" in document.value else "database"
        text = (
            f"found version {version!r} of the control file, but only version 1, with the key"
            " products:, can be read (a database: cannot)"
        )
        problems.add(document.line_of((key,)), text, document.number)
        return
    for key in document.value:
        if key not in (*_KEYS, *_OF_A_DUMP):
            text = f"{key}: unknown key: {explain_unknown(key, _KEYS)}"
            problems.add(document.line_of((key,)), text, document.number)


class _Reader:
    """Walks through the nested mappings of one document."""

    def __init__(self, document: Document, problems: Problems) -> None:
        self.document = document
        self.problems = problems

    def root(self) -> str:
        root = self.document.value.get("rootdir")
        if root is None or root == "":
            return _DATA_DIRECTORY
        if isinstance(root, str) and root.strip() and root.isprintable():
            return root
        self._add(("rootdir",), f"found {root!r}, a directory was expected")
        return _DATA_DIRECTORY

    def calibrations(self) -> Iterator[CalibrationChoice]:
        place: Place = ("products", _INSTRUMENT)
        for detector, entries, here in self._by_detector(self._instrument("products"), place):
            for entry, there in self._entries(entries, here):
                kind = entry.get("type")
                if isinstance(kind, str) and kind not in CALIBRATION_TYPES:
                    near = difflib.get_close_matches(kind, CALIBRATION_TYPES, n=1, cutoff=0.85)
                    if near:  # others are the calibrations of spectra
                        self._add((*there, "type"), f"found {kind!r}, did you mean {near[0]!r}?")
                    continue
                choice = self._validated(CalibrationChoice, {**entry, "detector": detector}, there)
                if choice is not None:
                    yield choice

    def requirements(self) -> Iterator[RequirementChoice]:
        place: Place = ("requirements", _INSTRUMENT)
        for detector, pipelines, here in self._by_detector(
            self._instrument("requirements"), place
        ):
            for pipeline, modes in self._mapping(pipelines, here).items():
                above = (*here, pipeline)
                for mode, entries in self._mapping(modes, above).items():
                    if mode not in MODES:  # the modes of spectroscopy
                        continue
                    for entry, there in self._entries(entries, (*above, mode)):
                        where = {"detector": detector, "pipeline": pipeline, "mode": mode}
                        if self._is_used(entry, mode, there):
                            choice = self._validated(RequirementChoice, {**entry, **where}, there)
                            if choice is not None:
                                yield choice

    def _is_used(self, entry: dict[str, Any], mode: str, place: Place) -> bool:
        name = entry.get("name")
        if not isinstance(name, str) or name in MODES[mode].model_fields:
            return True
        if not name.startswith(_SWITCHED_OFF):
            hint = explain_unknown(name, MODES[mode].model_fields)
            self._add((*place, "name"), f"{mode} has no requirement {name!r}: {hint}")
        return False

    def _instrument(self, section: str) -> Any:
        instruments = self._mapping(self.document.value.get(section), (section,))
        return instruments.get(_INSTRUMENT)

    def _by_detector(self, content: Any, place: Place) -> Iterator[tuple[str | None, Any, Place]]:
        """Yield what belongs to each detector, or all of it in the older form."""
        uuids = {detector.uuid: detector for detector in DETECTORS}
        is_older = isinstance(content, list) or (
            isinstance(content, dict) and content and not any(map(_like_uuid, content))
        )
        if is_older:
            yield None, content, place
            return
        for uuid, entries in self._mapping(content, place).items():
            there = (*place, uuid)
            if uuid.strip().lower() in uuids:
                yield uuid.strip().lower(), entries, there
            else:
                self._add(there, f"unknown detector: {explain_unknown(uuid, uuids)}")

    def _mapping(self, content: Any, place: Place) -> dict[str, Any]:
        if content is None:
            return {}
        if isinstance(content, dict):
            return content
        self._add(place, f"found {content!r:.80}, a mapping was expected")
        return {}

    def _entries(self, content: Any, place: Place) -> Iterator[tuple[dict[str, Any], Place]]:
        if content is None:
            return
        if not isinstance(content, list):
            self._add(place, f"found {content!r:.80}, a list was expected")
            return
        for index, entry in enumerate(content):
            there = (*place, index)
            if isinstance(entry, dict):
                yield entry, there
            else:
                self._add(there, f"found {entry!r:.80}, a mapping was expected")

    def _validated(
        self, model: type[Choice], entry: dict[str, Any], place: Place
    ) -> Choice | None:
        try:
            return model.model_validate(entry)
        except ValidationError as error:
            self.problems.add_invalid(self.document, error, place)
            return None

    def _add(self, place: Place, text: str) -> None:
        name = ".".join(map(str, place))
        self.problems.add(self.document.line_of(place), f"{name}: {text}", self.document.number)


def _like_uuid(key: str) -> bool:
    return key.count("-") == 4
