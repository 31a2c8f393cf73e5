"""Reduce observation blocks, and leave their results where the next ones look for them."""

from __future__ import annotations

import copy
import re
import shutil
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future
from contextlib import ExitStack
from datetime import UTC, datetime
from functools import partial
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import numpy as np

from .. import io, projection
from .._memory import loading
from .._parallel import Progress, parallel_map
from .._version import version
from .._wording import counted
from ..blocks import DitherRequirements, StareRequirements
from ..io.numina.records import IMAGE, LOG
from .notes import noted_warnings
from .planned import PlannedBlock, RunOptions

if TYPE_CHECKING:
    from astropy.nddata import CCDData

    from ..calibration import Calibrations
    from .legacy import DitheredImage
    from .result import DitherResult

__all__ = ["BlockRunner", "Report"]

Report = Callable[["DitherResult", Path], object]


class BlockRunner:
    """Runs one block after the other, and keeps the calibrations that several of them use.

    ``executor`` works on frames, the single thread of ``beside`` loads modules meanwhile.
    """

    def __init__(
        self,
        options: RunOptions,
        executor: Executor,
        beside: Executor,
        progress: Progress,
        say: Callable[[str], object],
        report: Report | None,
    ) -> None:
        self.options = options
        self.report = report
        self.executor = executor
        self.progress = progress
        self.tell = say
        self._calibrations: dict[tuple[object, ...], Calibrations] = {}
        self._identifiers: dict[Path, str] = {}
        # While the first files are looked through. Loading hardly lets other threads do
        # Python's work, so it has one of its own, and the workers work on numbers.
        self._beside = beside
        self._pending: list[Future[None]] = [beside.submit(_load)]

    def run(self, plan: PlannedBlock) -> Path:
        """Reduce one block and return its image."""
        record = io.TaskRecord(
            plan.block, plan.detector.uuid, plan.inputs, created=datetime.now(tz=UTC)
        )
        self.tell(f"{plan.block.id}: {plan.block.mode}")
        record.say(f"emirimg {version}, block {plan.block.id}, mode {plan.block.mode}")
        work, results = plan.workspace.work, plan.workspace.results
        record.start()
        notes: list[str] = []
        try:
            with noted_warnings() as notes, io.complete_directory(results) as directory:
                self._gather(plan, record)
                requirements = plan.block.requirements
                if isinstance(requirements, StareRequirements):
                    self._position(plan, requirements, record, directory)
                elif requirements.is_modern:
                    self._mosaic(plan, requirements, record, directory)
                else:
                    self._dithered(plan, requirements, record, directory)
                while self._pending:
                    self._pending.pop().result()
                if self.options.validate:
                    self._read_back(plan, directory)
                io.write_result(directory, combined=plan.block.mode == "FULL_DITHERED_IMAGE")
                for text in notes:
                    record.say(text, "WARNING")
                record.say(f"end of the reduction of {plan.block.id}")
                record.write(
                    directory,
                    plan.workspace,
                    base=self.options.base,
                    copy_files=not self.options.link,
                    validate=self.options.validate,
                    intermediate=self.options.intermediate,
                )
        except Exception as error:
            self._pending.clear()
            for text in notes:
                record.say(text, "WARNING")
            record.say(f"{type(error).__name__}: {error}", "ERROR")
            if work.is_dir():
                record.write_log(work / LOG)
            raise
        if self.options.cleanup:
            shutil.rmtree(work)
        return results / IMAGE

    def _gather(self, plan: PlannedBlock, record: io.TaskRecord) -> None:
        """Bring the inputs of a block to its work directory."""
        asked = plan.block.requirements
        if getattr(asked, "refine_offsets", False) or getattr(asked, "iterations", 0) > 0:
            # The finding of objects need not wait for that.
            self._pending.append(self._beside.submit(_load_finding))
        files = {path.name: path for path in plan.calibrations.values()}
        if plan.exposures:
            files |= {path.name: path for path in plan.exposures}
        else:
            images = [io.find_image(child.results) for child in plan.children]
            files |= {f"{self._name_of(image)}.fits": image for image in images}
        work = plan.workspace.work
        if self.options.link:
            new = io.link_files(files, work)
            # All files are read for that, and nobody waits for it.
            self._pending.append(self.executor.submit(io.index_files, files, work))
        else:
            new = io.gather(files, work, executor=self.executor)
        done = "linked" if self.options.link else "copied"
        record.say(f"{len(new)} of {len(files)} inputs {done} to {work}")

    def _position(
        self,
        plan: PlannedBlock,
        requirements: StareRequirements,
        record: io.TaskRecord,
        directory: Path,
    ) -> None:
        """Reduce the exposures of one position."""
        from .legacy_stare import stare_image  # noqa: PLC0415 (see _load)

        frames = [io.read_frame(path, detector=self.options.detector) for path in plan.exposures]
        method = requirements.reprojection_method
        for kind, path in plan.calibrations.items():
            record.say(f"{kind.replace('_', ' ')}: {path.name}, {self._identify(path)}")
        record.say(f"{counted(len(frames), 'exposure')}, resampled by {method}")
        result = stare_image(
            frames,
            requirements,
            self._read_calibrations(plan, frames[0]),
            executor=self.executor,
        )
        io.write_position_image(
            directory / IMAGE,
            io.PositionImage(result.frame, result.channels),
            exposures=[self._identify(path) for path in plan.exposures],
            calibrations={kind: self._identify(path) for kind, path in plan.calibrations.items()},
            method=method,
            pipeline=plan.block.pipeline,
        )

    def _dithered(
        self,
        plan: PlannedBlock,
        requirements: DitherRequirements,
        record: io.TaskRecord,
        directory: Path,
    ) -> None:
        """Combine the images of several positions."""
        images = [io.find_image(child.results) for child in plan.children]
        names = [self._name_of(image) for image in images]
        read = parallel_map(
            partial(io.read_position_image, in_memory=False),
            images,
            executor=self.executor,
            progress=self.progress,
            description="Reading images",
        )
        from .legacy import full_dithered_image  # noqa: PLC0415 (see _load)
        from .legacy_stare import StareResult  # noqa: PLC0415

        masked = [self._with_mask(child, plan) for child in read]
        children = [StareResult(child.frame, child.channels) for child in masked]
        for name, child in zip(names, plan.children, strict=True):
            record.say(f"{name}: {child.results}")

        with ExitStack() as stack:
            # Kept or not, intermediate images are not all in memory.
            directory_of_images = plan.workspace.work
            if not self.options.intermediate:
                directory_of_images = Path(
                    stack.enter_context(TemporaryDirectory(dir=plan.workspace.work))
                )
            result = full_dithered_image(
                children,
                requirements,
                offsets=plan.positions,
                names=names,
                on_intermediate=partial(io.write_intermediate_image, directory_of_images),
                executor=self.executor,
                progress=self.progress,
            )
        self._say_places(record, names, [child.frame.shape for child in children], result)
        if self.report is not None and self.options.report:
            from .legacy_result import legacy_result  # noqa: PLC0415 (heavy)

            headers = [child.frame.meta for child in children]
            shown = [child.results.name for child in plan.children]  # not a long identifier
            self.report(legacy_result(result, plan, headers, shown, self._identify), directory)
        io.write_dithered_image(
            directory / IMAGE,
            result.data,
            result.variance,
            result.map,
            wcs=result.wcs,
            children=[child.frame.meta for child in children],
            shape=children[0].frame.shape,
            method=requirements.method,
            history=result.header["HISTORY"],
            pipeline=plan.block.pipeline,
        )

    def _say_places(
        self,
        record: io.TaskRecord,
        names: Sequence[str],
        shapes: Sequence[tuple[int, int]],
        result: DitheredImage,
    ) -> None:
        """Tell the log where in the mosaic each image lies, and how that was found."""
        places = projection.whole_pixel_shifts(result.alignment.wcss, shapes)
        for name, (x, y), method in zip(names, places, result.alignment.methods, strict=True):
            record.say(f"{name}: first pixel at x {x}, y {y} of the mosaic, placed by {method}")
        ny, nx = result.data.shape
        record.say(f"mosaic of {nx} x {ny} pixels (x, y), {counted(len(names), 'image')} combined")

    def _mosaic(
        self,
        plan: PlannedBlock,
        requirements: DitherRequirements,
        record: io.TaskRecord,
        directory: Path,
    ) -> None:
        """Reduce raw exposures by the strategies that are named."""
        from .reducer import DitherReducer  # noqa: PLC0415 (heavy)

        exposures: list[Path | CCDData] = list(plan.exposures)
        first = io.read_frame(plan.exposures[0], detector=self.options.detector)
        if self.options.detector is not None:
            exposures = [io.read_frame(path, detector=self.options.detector) for path in exposures]
        reducer = DitherReducer(
            calibrations=self._read_calibrations(plan, first),
            executor=self.executor,
            progress=self.progress,
            **requirements.strategies(),
        )
        for step, strategy in reducer.strategies.items():
            record.say(f"{step}: {strategy}")
        result = reducer.reduce(exposures)
        result.write(directory / IMAGE)
        if self.report is not None:
            self.report(result, directory)

    def _read_calibrations(self, plan: PlannedBlock, frame: CCDData) -> Calibrations:
        """Read the calibrations of a block, unless the block before had the same."""
        from .bias import exposure_seconds, with_bias  # noqa: PLC0415 (see _load)

        files = dict(plan.calibrations)
        # The bias goes into the dark, divided by the exposure time.
        seconds = exposure_seconds(frame) if "bias" in files else None
        key = (tuple(sorted(files.items())), seconds)
        if key not in self._calibrations:
            bias = files.pop("bias", None)
            calibrations = io.read_calibrations(**files)
            if bias is not None:
                calibrations = with_bias(calibrations, bias, seconds)
            self._calibrations = {key: calibrations}
        return self._calibrations[key]

    def _with_mask(self, child: io.PositionImage, plan: PlannedBlock) -> io.PositionImage:
        """Give an image without a mask of its own the master mask."""
        if child.frame.mask is not None:
            return child
        frame = copy.copy(child.frame)
        if "bad_pixels" in plan.calibrations:
            masks = io.read_calibrations(bad_pixels=plan.calibrations["bad_pixels"])
            frame.mask = masks.bad_pixels
        else:
            frame.mask = np.zeros(frame.shape, dtype=bool)
        return io.PositionImage(frame, child.channels)

    def _read_back(self, plan: PlannedBlock, directory: Path) -> None:
        """Read the image that was written; whatever is wrong with it is an error."""
        requirements = plan.block.requirements
        is_modern = isinstance(requirements, DitherRequirements) and requirements.is_modern
        (io.read_mosaic if is_modern else io.read_position_image)(directory / IMAGE)

    def _identify(self, path: Path) -> str:
        if path not in self._identifiers:
            self._identifiers[path] = io.identifier(path)
        return self._identifiers[path]

    def _name_of(self, image: Path) -> str:
        """Return the name of a position's image in the work directory."""
        kind, _, text = self._identify(image).partition(":")
        unique = re.sub(r"[^\w-]", "_", text) if kind == "uuid" else image.parent.name
        return f"{image.stem}_{unique}"


def _load() -> None:
    """Load what all blocks need but not their plan, and with it what numba needs of its own.

    What reads the images comes first: they are read while the rest is loaded.
    """
    with loading():
        from astropy import nddata  # noqa: F401, PLC0415

        from ..combine.kernels import load_kernels  # noqa: PLC0415
        from . import legacy  # noqa: F401, PLC0415

        load_kernels()


def _load_finding() -> None:
    """Load what finds objects."""
    with loading():
        for name in ("scipy.interpolate", "scipy.ndimage"):
            import_module(name)
