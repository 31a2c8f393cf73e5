"""Find everything that observation blocks need, before anything is done."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from .._strategy import explain_unknown
from ..blocks import (
    MODES,
    CalibrationType,
    ControlFile,
    DitherRequirements,
    ObservationBlock,
    StareRequirements,
)
from ..exceptions import EmirimgError, FrameError, InputError
from ..instrument import Detector, read_metadata
from ..io import (
    ExposureFacts,
    LocatedBlock,
    Workspace,
    children_first,
    find_image,
    image_shape,
    inspect_exposure,
    read_header,
    read_located_blocks,
    read_positions,
    shape_of,
)
from .block_inputs import block_inputs
from .checks import require_alike
from .planned import PlannedBlock, RunOptions

__all__ = ["plan_run"]

_TYPES: dict[str, CalibrationType] = {
    "bad_pixels": "MasterBadPixelMask",
    "bias": "MasterBias",
    "dark": "MasterDark",
    "flat": "MasterIntensityFlat",
}
_BIASED = ("SIMPLE", "BIAS", "SINGLE")
"""Read modes whose exposures contain the bias."""


def plan_run(
    paths: Iterable[str | Path], control: ControlFile | None, options: RunOptions = RunOptions()
) -> list[PlannedBlock]:
    """Plan the reduction of all enabled blocks of some files.

    Parameters
    ----------
    paths : iterable of path
        Files with observation blocks.
    control : ControlFile or None
        Calibrations and defaults.
    options : RunOptions, optional
        Where files are, and what is overridden.

    Returns
    -------
    list of PlannedBlock
        In the order in which they must be run: that of the files, but no
        block before its children.

    Raises
    ------
    InputError
        If anything is missing or wrong. The message tells all of it, with
        file, document and line. Nothing has been written.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> from emirimg.dither import RunOptions, plan_run
    >>> from emirimg.io import read_control
    >>> from emirimg.simulation import Scene, write_tutorial
    >>> scene = Scene(shape=(64, 64), n_exposures=1, n_stars=5, n_galaxies=0)
    >>> with TemporaryDirectory() as directory:
    ...     tree = write_tutorial(directory, scene)
    ...     options = RunOptions(base=Path(directory))
    ...     plans = plan_run([tree.observations["ini"]], read_control(tree.control), options)
    >>> [plan.block.mode for plan in plans]
    ['STARE_IMAGE']
    """
    _check_changes(options.changes)
    located = read_located_blocks(
        paths, changes=options.changes, loose=options.loose, session=options.session
    )
    by_id = {item.block.id: item for item in located}
    for name in options.enable:
        if name not in by_id:
            msg = f"--enable: no block has the id {name!r}: {explain_unknown(name, by_id)}"
            raise InputError(msg)
    enabled = [item for item in located if item.block.enabled or item.block.id in options.enable]
    enabled = children_first(enabled)
    if len(enabled) != 1 and (options.work or options.results):
        msg = (
            "--workdir and --resultsdir name the directories of one block, but"
            f" {len(enabled)} blocks are enabled"
        )
        raise InputError(msg)
    planner = _Planner(by_id, {item.block.id for item in enabled}, control, options)
    planned = [plan for item in enabled if (plan := planner.plan(item)) is not None]
    if planner.problems:
        raise InputError("\n".join(dict.fromkeys(planner.problems)))
    return planned


def _check_changes(changes: Mapping[str, Any]) -> None:
    known = {name for model in MODES.values() for name in model.model_fields}
    for name in changes:
        if name not in known:
            msg = f"--parameter-{name}: no mode has this requirement: "
            raise InputError(msg + explain_unknown(name, known))


class _Planner:
    """Plans one block after the other, and collects what is wrong."""

    def __init__(
        self,
        by_id: Mapping[str, LocatedBlock],
        enabled: set[str],
        control: ControlFile | None,
        options: RunOptions,
    ) -> None:
        self.by_id = by_id
        self.enabled = enabled
        self.control = control
        self.options = options
        self.problems: list[str] = []
        self._shapes: dict[Path, tuple[int, int] | None] = {}

    def plan(self, item: LocatedBlock) -> PlannedBlock | None:
        """Return the plan of a block, or None if that cannot be made."""
        before = len(self.problems)
        block = item.block
        if self.options.pipeline is not None:
            block = block.model_copy(update={"pipeline": self.options.pipeline})
        is_stare = block.mode == "STARE_IMAGE"
        sources = [item] if is_stare else self._children(item)
        facts = self._inspect(sources) if block.takes_raw else self._inspect_results(item, sources)
        if not facts or len(self.problems) > before:
            return None
        detector = self.options.detector or facts[0].metadata.detector
        completed = self._with_defaults(item, block, facts[0], detector)
        calibrations = self._calibrations(item, facts[0], detector, all_of_them=block.takes_raw)
        positions = self._positions(item, completed)
        workspace = self._workspace(block.id)
        try:
            workspace.require()
        except EmirimgError as error:
            self._add(item.at("id"), str(error))
        if len(self.problems) > before:
            return None
        return PlannedBlock(
            block=completed,
            workspace=workspace,
            detector=detector,
            exposures=self._exposures(sources) if block.takes_raw else (),
            children=tuple(self._workspace(source.block.id) for source in sources)
            if not is_stare
            else (),
            calibrations=calibrations,
            positions=positions,
            inputs=block_inputs(block, completed, calibrations, self.options.changes),
        )

    def _children(self, item: LocatedBlock) -> list[LocatedBlock]:
        children = []
        for index, name in enumerate(item.block.children):
            child = self.by_id[name]
            if child.block.mode != "STARE_IMAGE":
                self._add(
                    item.at("children", index),
                    f"children.{index}: the block {name!r} has the mode {child.block.mode};"
                    " only the images of single positions (STARE_IMAGE) can be combined",
                )
            children.append(child)
        return children

    def _exposures(self, items: Sequence[LocatedBlock]) -> tuple[Path, ...]:
        data = self.options.base / self.options.data
        return tuple(data / name for item in items for name in item.block.frames)

    def _inspect(self, items: Sequence[LocatedBlock]) -> list[ExposureFacts]:
        """Look at the raw exposures of blocks."""
        facts: list[ExposureFacts] = []
        names: list[str] = []
        for item in items:
            here = []
            for index, name in enumerate(item.block.frames):
                path = self.options.base / self.options.data / name
                try:
                    here.append(inspect_exposure(path, detector=self.options.detector))
                except EmirimgError as error:
                    self._add(item.at("frames", index), f"frames.{index}: {error}")
            if not item.block.frames:
                self._add(item.at("frames"), f"the block {item.block.id!r} names no frames")
            facts += here
            names += item.block.frames
        if len(facts) == len(names) and facts:
            try:
                require_alike([fact.metadata for fact in facts], names)
            except EmirimgError as error:
                self._add(items[0].at("frames"), f"frames: {error}")
        return facts

    def _inspect_results(
        self, item: LocatedBlock, children: Sequence[LocatedBlock]
    ) -> list[ExposureFacts]:
        """Look at what is to be combined: earlier results, or exposures still to be reduced."""
        facts = []
        for index, child in enumerate(children):
            place = item.at("children", index)
            if child.block.id in self.enabled:
                facts += self._inspect([child])[:1]
                continue
            try:
                path = find_image(self._workspace(child.block.id).results)
                metadata = read_metadata(header := read_header(path), source=str(path))
                facts.append(ExposureFacts(metadata, shape_of(header, path)))
            except EmirimgError as error:
                self._add(place, f"children.{index}: {error}")
        if len(facts) == len(children):
            names = [child.block.id for child in children]
            try:
                require_alike([fact.metadata for fact in facts], names)
            except EmirimgError as error:
                self._add(item.at("children"), f"children: {error}")
            if len({fact.shape for fact in facts}) > 1:
                shapes = ", ".join(
                    f"{name} {fact.shape}" for name, fact in zip(names, facts, strict=True)
                )
                self._add(item.at("children"), f"children: images of different shapes: {shapes}")
        return facts

    def _with_defaults(
        self, item: LocatedBlock, block: ObservationBlock, facts: ExposureFacts, detector: Detector
    ) -> ObservationBlock:
        """Return the block with the defaults of the control file."""
        if self.control is not None:
            defaults = self.control.defaults(
                block.mode, detector, _tags(facts), pipeline=block.pipeline
            )
            try:
                block = block.with_defaults(defaults)
            except ValidationError as error:
                texts = "; ".join(problem["msg"] for problem in error.errors())
                self._add(
                    item.at("requirements"),
                    f"with the requirements {defaults} of the control file: {texts}",
                )
        if isinstance(block.requirements, DitherRequirements):
            try:
                block.requirements.check_detector(detector)
            except InputError as error:
                self._add(item.at("requirements"), f"requirements: {error}")
        return block

    def _calibrations(
        self, item: LocatedBlock, facts: ExposureFacts, detector: Detector, *, all_of_them: bool
    ) -> dict[str, Path]:
        """Find the calibrations, and check that they fit."""
        if self.control is None:
            if all_of_them:
                self._add(item.at("id"), "calibrations are needed: give a control file with -r")
            return {}
        control = self.control
        if self.options.calibrations is not None:
            root = self.options.base / self.options.calibrations
            control = control.model_copy(update={"root": root})
        kinds = list(_TYPES) if all_of_them else ["bad_pixels"]
        if facts.metadata.read_mode not in _BIASED and "bias" in kinds:
            kinds.remove("bias")
        found: dict[str, Path] = {}
        for kind in kinds:
            path = control.choose(_TYPES[kind], detector, _tags(facts))
            if path is not None:
                found[kind] = path
                self._check_calibration(item, path, _TYPES[kind], facts)
            elif kind != "bias" and all_of_them:
                self._add(
                    item.at("id"),
                    f"the control file has no {_TYPES[kind]} for the detector {detector.name}"
                    f" and {_tags(facts)}",
                )
        return found

    def _check_calibration(
        self, item: LocatedBlock, path: Path, kind: CalibrationType, facts: ExposureFacts
    ) -> None:
        if path not in self._shapes:
            try:
                self._shapes[path] = image_shape(path)
            except FrameError as error:
                # Once is enough: the block is not at fault.
                self._shapes[path] = None
                self._add(item.at("id"), f"{kind} of the control file: {error}")
        shape = self._shapes[path]
        if shape is not None and shape != facts.shape:
            self._add(
                item.at("id"),
                f"{kind} of the control file: {path} has the shape {shape}, but the"
                f" exposures have {facts.shape}",
            )

    def _positions(
        self, item: LocatedBlock, block: ObservationBlock
    ) -> NDArray[np.float64] | None:
        requirements = block.requirements
        if isinstance(requirements, StareRequirements) or requirements.offsets is None:
            return None
        path = self.options.base / self.options.data / requirements.offsets
        try:
            return read_positions(path, len(block.children))
        except InputError as error:
            self._add(item.at("requirements", "offsets"), f"requirements.offsets: {error}")
            return None

    def _workspace(self, name: str) -> Workspace:
        space = Workspace.of_block(name, self.options.base)
        if name not in self.enabled:
            return space
        if self.options.work is not None:
            space = replace(space, work=self.options.base / self.options.work)
        if self.options.results is not None:
            space = replace(space, results=self.options.base / self.options.results)
        return space

    def _add(self, place: str, text: str) -> None:
        self.problems.append(f"{place} {text}")


def _tags(facts: ExposureFacts) -> dict[str, str]:
    return {
        "filter": facts.metadata.filter_name,
        "grism": facts.metadata.grism,
        "readmode": facts.metadata.read_mode,
    }
