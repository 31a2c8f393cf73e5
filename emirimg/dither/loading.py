"""Read and calibrate the exposures, after everything cheap has been checked."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from astropy.nddata import CCDData

from ..instrument import read_metadata
from ..io.frames import expected_shape, read_frame, read_header
from ..io.results import sha256
from ..stack import DitherStack
from .checks import require_alike
from .exposure import ExposureReducer
from .steps import Steps

__all__ = ["load"]

Exposure = str | Path | CCDData


def load(
    exposures: Sequence[Exposure], calibrate: ExposureReducer, steps: Steps
) -> tuple[DitherStack, tuple[tuple[str, str, str], ...]]:
    """Read and calibrate exposures.

    Parameters
    ----------
    exposures : sequence of path or `~astropy.nddata.CCDData`
        Raw exposures.
    calibrate : ExposureReducer
        Calibrates one of them.
    steps : Steps
        Applies it to all.

    Returns
    -------
    stack : DitherStack
        The calibrated exposures in order of time.
    inputs : tuple of tuple of str
        (kind, name, sha256) of every file.
    """
    exposures = [Path(item) if isinstance(item, str) else item for item in exposures]
    names = [
        item.name if isinstance(item, Path) else f"exposure {number}"
        for number, item in enumerate(exposures, start=1)
    ]
    headers = [read_header(item) if isinstance(item, Path) else item.meta for item in exposures]
    metadata = [
        read_metadata(header, source=name) for header, name in zip(headers, names, strict=True)
    ]
    require_alike(metadata, names)
    for item, name, header, about in zip(exposures, names, headers, metadata, strict=True):
        shape = expected_shape(header, about.detector) if isinstance(item, Path) else item.shape
        calibrate.calibrations.require_shape(shape, name)
    calibrate.calibrations.check(shape)
    order = sorted(range(len(exposures)), key=lambda index: metadata[index].start)
    exposures, names = [exposures[i] for i in order], [names[i] for i in order]

    # What the calibrations work out for themselves, several planes, goes away with this copy.
    calibrate = calibrate.copy()

    def prepare(item: Path | CCDData, name: str) -> tuple[CCDData, str]:
        if isinstance(item, Path):
            return calibrate(read_frame(item), name=name), sha256(item)
        return calibrate(item, name=name), ""

    prepared = steps.each("Reading and calibrating", prepare, exposures, names)
    stack = DitherStack.from_frames([frame for frame, _ in prepared], names)
    inputs = [
        ("exposure", name, digest) for name, (_, digest) in zip(names, prepared, strict=True)
    ]
    return stack, (*inputs, *calibrate.calibrations.inputs)
