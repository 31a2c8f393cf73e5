"""Read and calibrate the exposures, after everything cheap has been checked."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeAlias

import numpy as np
from astropy.nddata import CCDData
from numpy.typing import NDArray

from ..calibration._frames import changed
from ..exceptions import SkyWarning, UnusableExposureError
from ..instrument import ExposureMetadata, read_metadata
from ..io import Scratch
from ..io.checksum import sha256
from ..io.frames import read_frame
from ..io.headers import expected_shape, read_header
from ..sky import quadrant_steps
from ..stack import DitherStack
from .checks import LEAST_LEVEL, require_alike, require_contrast
from .clean import kept_frame
from .dead_channels import without_dead_channels
from .exposure import ExposureReducer
from .field_steps import FieldSteps
from .roles import are_few, are_strays, beside_by_object, beside_by_pointing

__all__ = ["Inventory", "Loaded", "load"]

Exposure: TypeAlias = str | Path | CCDData

_LEVEL_STRIDE = 8


@dataclass(frozen=True)
class Inventory:
    """What became of the files of a reduction.

    Parameters
    ----------
    inputs : tuple of (kind, name, sha256)
        All files.
    beside : tuple of str
        Exposures of the sky beside the target.
    known_by : str
        How it is known that they are: "the user", "OBJECT" or "WCS".
    dropped : tuple of (name, reason)
        Exposures that are of no use.
    dead_channels : tuple of (name, reason)
        Exposures some of whose readout channels are dead.
    """

    inputs: tuple[tuple[str, str, str], ...]
    beside: tuple[str, ...]
    known_by: str
    dropped: tuple[tuple[str, str], ...]
    dead_channels: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Loaded:
    """The exposures of a reduction.

    Parameters
    ----------
    stack : DitherStack
        The calibrated exposures in order of time.
    beside : `~numpy.ndarray` of bool
        Which of them show the sky beside the target.
    inventory : Inventory
        What became of the files.
    background : `~numpy.ndarray`
        Rms of the steps between quadrants that were removed from each of them.
    """

    stack: DitherStack
    beside: NDArray[np.bool_]
    inventory: Inventory
    background: NDArray[np.float64]

    def split(self, stack: DitherStack) -> tuple[DitherStack, DitherStack | None]:
        """Divide the stack (it may have other masks by now) into target and sky beside it.

        The latter is `None` where there is none.
        """
        if not self.beside.any():
            return stack, None
        beside = np.flatnonzero(self.beside)
        return stack.select(np.flatnonzero(~self.beside)), stack.select(beside)


def load(
    exposures: Sequence[Exposure],
    calibrate: ExposureReducer,
    steps: FieldSteps,
    sky_exposures: Sequence[Exposure] = (),
    *,
    level_quadrants: bool = True,
) -> Loaded:
    """Read and calibrate exposures.

    Parameters
    ----------
    exposures : sequence of path or `~astropy.nddata.CCDData`
        Raw exposures.
    calibrate : ExposureReducer
        Calibrates one of them.
    steps : FieldSteps
        Applies it to all.
    sky_exposures : sequence of path or `~astropy.nddata.CCDData`, optional
        Raw exposures of the sky beside the target. Without them, such
        exposures are recognised by their OBJECT or, failing that, by their
        pointings.
    level_quadrants : bool, optional
        Whether steps between quadrants are removed, on a detector that has them.

    Returns
    -------
    Loaded

    Raises
    ------
    MixedExposuresError
        If there are none, or they must not be combined.
    UnusableExposureError
        If no exposure of the target is usable.

    Warns
    -----
    SkyWarning
        For each exposure without a valid sky: hardly a pixel is usable, all have
        the same value, or its level is less than 1 % of the others'. It is left out. So
        is one or two of many whose pointings lie beside those of all others.
        For each exposure with readout channels of which the same is true. They are masked.
        If few exposures are taken as sky beside the target for their pointing alone.
    """
    given, known_by = _look_at_headers(exposures, sky_exposures)
    require_alike(
        [one.metadata for one in given],
        [one.name for one in given],
        np.array([one.beside for one in given]),
    )
    for one in given:
        calibrate.calibrations.require_shape(one.shape, one.name)
    calibrate.calibrations.check(one.shape)
    given.sort(key=lambda one: one.metadata.start)
    names = [one.name for one in given]

    # What the calibrations work out for themselves, several planes, goes away with this copy.
    calibrate = calibrate.copy()
    calibrate.calibrations.work_out()
    prepare = partial(
        _prepare, calibrate=calibrate, scratch=steps.scratch, level_quadrants=level_quadrants
    )
    prepared = steps.each("Reading and calibrating", prepare, given)
    frames = [one.frame for one in prepared]
    dead_channels = {
        name: f"{name}: no sky in readout channel {_listed(one.dead)}"
        for name, one in zip(names, prepared, strict=True)
        if one.dead
    }
    reasons = _without_sky(frames, names)
    kept = [index for index in range(len(frames)) if index not in reasons]
    beside = np.array([given[index].beside for index in kept], dtype=bool)
    if beside.all():
        raise next(frame for frame in frames if isinstance(frame, UnusableExposureError))
    if not beside.any():
        beside, strays = _by_pointing(frames, names, kept)
        kept, reasons, known_by = [i for i in kept if i not in strays], reasons | strays, "WCS"
    for reason in reasons.values():
        warnings.warn(f"{reason}; the exposure is left out", SkyWarning, stacklevel=3)
    for reason in dead_channels.values():
        warnings.warn(f"{reason}; it is masked", SkyWarning, stacklevel=3)
    stack = DitherStack.from_frames([frames[i] for i in kept], [names[i] for i in kept])
    digests = [("exposure", name, one.digest) for name, one in zip(names, prepared, strict=True)]
    inventory = Inventory(
        (*digests, *calibrate.calibrations.inputs),
        tuple(np.array(stack.names)[beside].tolist()),
        known_by,
        tuple((names[index], reason) for index, reason in reasons.items()),
        tuple(dead_channels.items()),
    )
    return Loaded(stack, beside, inventory, np.array([prepared[i].rms for i in kept]))


@dataclass(frozen=True)
class _Given:
    """An exposure of which only the header is known, and whether it shows the sky beside."""

    item: Path | CCDData
    name: str
    metadata: ExposureMetadata
    shape: tuple[int, int]
    beside: bool


@dataclass(frozen=True)
class _Prepared:
    """A calibrated exposure, or what is wrong with it, and what was found out about it."""

    frame: CCDData | UnusableExposureError
    digest: str
    dead: tuple[int, ...] = ()
    rms: float = 0.0


def _look_at_headers(
    exposures: Sequence[Exposure], sky_exposures: Sequence[Exposure]
) -> tuple[list[_Given], str]:
    """Read the headers, and tell how it is known which exposures show the sky beside."""
    items = [Path(item) if isinstance(item, str) else item for item in exposures]
    items += [Path(item) if isinstance(item, str) else item for item in sky_exposures]
    names = [
        item.name if isinstance(item, Path) else f"exposure {number}"
        for number, item in enumerate(items, start=1)
    ]
    headers = [read_header(item) if isinstance(item, Path) else item.meta for item in items]
    metadata = [
        read_metadata(header, source=name) for header, name in zip(headers, names, strict=True)
    ]
    shapes = [
        expected_shape(header, about.detector) if isinstance(item, Path) else item.shape
        for item, header, about in zip(items, headers, metadata, strict=True)
    ]
    beside, known_by = np.arange(len(items)) >= len(exposures), "the user"
    if not beside.any():
        beside, known_by = beside_by_object(metadata), "OBJECT"
    return list(map(_Given, items, names, metadata, shapes, beside.tolist())), known_by


def _prepare(
    given: _Given, *, calibrate: ExposureReducer, scratch: Scratch, level_quadrants: bool
) -> _Prepared:
    """Read and calibrate an exposure, and keep what its steps need."""
    item, detector = given.item, given.metadata.detector
    digest = sha256(item) if isinstance(item, Path) else ""
    frame = read_frame(item) if isinstance(item, Path) else item
    try:
        values, noise = calibrate.values(frame, given.name)
        require_contrast(frame, given.name)
        values, dead = without_dead_channels(values, frame, detector)
        rms = 0.0
        if level_quadrants and detector.in_quadrants:
            values, rms = _levelled(values)
        return _Prepared(kept_frame(values, noise, scratch), digest, dead, rms)
    except UnusableExposureError as error:
        return _Prepared(error, digest)


def _by_pointing(
    frames: Sequence[CCDData], names: Sequence[str], kept: Sequence[int]
) -> tuple[NDArray[np.bool_], dict[int, str]]:
    """Return which frames lie beside the target, and what is wrong with those that stray."""
    beside = beside_by_pointing([frames[i].wcs for i in kept], frames[kept[0]].shape)
    found = [kept[number] for number in np.flatnonzero(beside)]
    text = "by its WCS (CRVAL1, CRVAL2) it does not overlap with the other exposures"
    if are_strays(beside):
        text += "; it can be named as sky beside the target (sky_exposures), if it is"
        return beside[~beside], {index: f"{names[index]}: {text}" for index in found}
    if are_few(beside):
        shown = ", ".join(names[index] for index in found)
        msg = f"{shown}: {text}: taken as sky beside the target, not for the mosaic"
        warnings.warn(msg, SkyWarning, stacklevel=4)
    return beside, {}


def _levelled(frame: CCDData) -> tuple[CCDData, float]:
    """Remove the steps between quadrants, and tell their rms."""
    steps = quadrant_steps(frame)
    if steps.order < 0:
        return frame, 0.0
    image = steps()
    rms = float(np.std(image))
    return changed(frame, data=np.subtract(frame.data, image, out=image)), rms


def _listed(numbers: Sequence[int]) -> str:
    """Return numbers in increasing order as a text, those that follow each other as a range."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return ", ".join(f"{run[0]}-{run[-1]}" if len(run) > 1 else f"{run[0]}" for run in runs)


def _without_sky(
    frames: Sequence[CCDData | UnusableExposureError], names: Sequence[str]
) -> dict[int, str]:
    """Return what is wrong with the exposures that have no valid sky."""
    reasons = {
        index: str(frame)
        for index, frame in enumerate(frames)
        if isinstance(frame, UnusableExposureError)
    }
    levels = {index: _level(frame) for index, frame in enumerate(frames) if index not in reasons}
    typical = float(np.median(list(levels.values()))) if levels else 0.0
    # Where the sky was subtracted before, no level means anything.
    if typical > 0:
        for index, level in levels.items():
            if level < LEAST_LEVEL * typical:
                reasons[index] = (
                    f"{names[index]}: the sky level is {level:.3g}, that of the others"
                    f" {typical:.4g}"
                )
    return dict(sorted(reasons.items()))


def _level(frame: CCDData) -> float:
    sample = (slice(None, None, _LEVEL_STRIDE), slice(None, None, _LEVEL_STRIDE))
    data = frame.data[sample]
    return float(np.median(data if frame.mask is None else data[~frame.mask[sample]]))
